"""RDS: an instance is a real database server on this machine, or it does not become available.

Without Docker the emulator reports an instance as available although nothing listens at its endpoint. Here it is
``creating`` until a local service answers, ``failed`` with the reason if none does, and ``modifying`` while the service
starts again with another password or other parameters. Containers are never used, also where Docker is installed.

Goes when ministack can start database servers without containers; last checked with 1.5.33.
"""
from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from sst.embedded import database_servers
from sst.embedded.backed import How, Record, Records
from sst.embedded.database_servers import ADDRESS
from sst.embedded.settings import Settings
from sst.embedded.statements import Server
from sst.errors import UserError

__all__ = ["NEEDS", "RECORDS", "apply", "reached"]

NEEDS: Mapping[str, str] = {
    "core.responses:get_account_id": "()",
    "core.responses:get_region": "()",
    "services.rds:_ACTION_MAP": "dict",
    "services.rds:_error": "(code, message, status)",
    "services.rds:_get_docker": "()",
    "services.rds:_instance_xml": "(i)",
    "services.rds:_instances": "AccountRegionScopedDict",
    "services.rds:_p": "(params, key, default='')",
    "services.rds:_param_groups": "AccountRegionScopedDict",
    "services.rds:_rotate_instance_password": "(instance, old_pass, new_pass)",
    "services.rds:_single_instance_response": "(root_tag, result_tag, instance)",
}

Call = Callable[[Any], Any]
_ENGINES = ("postgres", "mysql", "mariadb")
_ENDPOINT = re.compile(r"<Endpoint>.*?</Endpoint>", re.DOTALL)


class Instances(Records):
    id, arn, state = "DBInstanceIdentifier", "DBInstanceArn", "DBInstanceStatus"

    def stored(self) -> Any:
        from ministack.services import rds

        return rds._instances

    def kind(self, record: Record) -> str:
        return str(record["Engine"])

    def has_service(self, record: Record) -> bool:
        return not record.get("ReadReplicaSourceDBInstanceIdentifier") and record.get("Engine") in _ENGINES

    def run(self, record: Record, how: How) -> Record:
        from ministack.services import rds

        groups = [rds._param_groups.get(group.get("DBParameterGroupName"))
                  for group in record.get("DBParameterGroups", ())]
        server = database_servers.server(
            self.backing, self.name(record), record["Engine"], record["MasterUsername"], record["_MasterUserPassword"],
            record.get("DBName"), record.get("_sst_generation", 0), groups)
        return {"DBInstanceStatus": "available", "Endpoint": {"Address": ADDRESS, "Port": how(server)},
                "_sst_failure": ""}

    def failed(self, record: Record, reason: str) -> Record:
        return {"DBInstanceStatus": "failed", "_sst_failure": reason}

    def follow(self, record: Record) -> None:
        """Its replicas lead where it leads."""
        for replica in list(self.stored().values()):
            if replica.get("ReadReplicaSourceDBInstanceIdentifier") == record[self.id]:
                replica["Endpoint"] = dict(record["Endpoint"])


RECORDS = Instances()


def apply(settings: Settings) -> None:
    from ministack.services import rds

    rds._get_docker = lambda: None
    rds._rotate_instance_password = lambda instance, old_pass, new_pass: None  # the server starts with the new one
    shown = rds._instance_xml
    rds._instance_xml = lambda i: _seen(shown(i), i)
    actions: dict[str, Call] = rds._ACTION_MAP
    actions["CreateDBInstance"] = _create(actions["CreateDBInstance"])
    actions["DeleteDBInstance"] = _delete(actions["DeleteDBInstance"])
    actions["ModifyDBInstance"] = _modify(actions["ModifyDBInstance"])
    actions["ModifyDBParameterGroup"] = _modify_parameters(actions["ModifyDBParameterGroup"])
    actions["CreateDBInstanceReadReplica"] = _replicate(actions["CreateDBInstanceReadReplica"])


def reached(arn: str) -> Server | None:
    """Where a database is, and its master user; None if it does not run here."""
    record = RECORDS.with_arn(arn)
    return database_servers.reached(record, record.get("Endpoint"), record.get("DBName"))


def _create(call: Call) -> Call:
    def create(p: Any) -> Any:
        from ministack.services import rds

        engine, id = rds._p(p, "Engine"), rds._p(p, "DBInstanceIdentifier")
        if rds._p(p, "DBClusterIdentifier"):
            return call(p)      # a member: its cluster has the server
        if engine not in _ENGINES:
            return rds._error("InvalidParameterValue", f"the engine {engine} does not run on stage local", 400)
        try:
            RECORDS.backing.program(database_servers.program(engine))
        except UserError as error:
            return rds._error("InvalidParameterValue", f"{error.message}. {error.hint}", 400)
        there = id in rds._instances
        answer = call(p)
        if there or answer[0] != 200:
            return answer
        record = rds._instances[id]
        record["DBInstanceStatus"], record["Endpoint"] = "creating", {}
        RECORDS.start(record)
        return rds._single_instance_response("CreateDBInstanceResponse", "CreateDBInstanceResult", record)

    return create


def _delete(call: Call) -> Call:
    def delete(p: Any) -> Any:
        from ministack.services import rds

        record = rds._instances.get(rds._p(p, "DBInstanceIdentifier"))
        answer = call(p)
        if answer[0] == 200 and record:
            _forget_replica(record)
            if RECORDS.has_service(record):
                RECORDS.remove(record)
        return answer

    return delete


def _modify(call: Call) -> Call:
    def modify(p: Any) -> Any:
        from ministack.services import rds

        answer = call(p)
        record = rds._instances.get(rds._p(p, "DBInstanceIdentifier"))
        if answer[0] != 200 or not record:
            return answer
        record["PendingModifiedValues"] = {}    # all is done at once
        for group in record.get("DBParameterGroups", ()):
            group["ParameterApplyStatus"] = "in-sync"
        password = bool(rds._p(p, "MasterUserPassword"))
        if RECORDS.has_service(record) and (password or rds._p(p, "DBParameterGroupName")):
            record["_sst_generation"] = record.get("_sst_generation", 0) + password
            record["DBInstanceStatus"] = "modifying"
            RECORDS.restart(record)
        return rds._single_instance_response("ModifyDBInstanceResponse", "ModifyDBInstanceResult", record)

    return modify


def _modify_parameters(call: Call) -> Call:
    def modify(p: Any) -> Any:
        from ministack.services import rds

        answer, group = call(p), rds._p(p, "DBParameterGroupName")
        RECORDS.restarted([record for record in list(rds._instances.values()) if answer[0] == 200
                           and RECORDS.has_service(record)
                           and group in [g.get("DBParameterGroupName") for g in record.get("DBParameterGroups", ())]])
        return answer

    return modify


def _replicate(call: Call) -> Call:
    """A replica is another name of its source: same server, same data."""

    def replicate(p: Any) -> Any:
        from ministack.services import rds

        answer = call(p)
        replica = rds._instances.get(rds._p(p, "DBInstanceIdentifier"))
        if answer[0] != 200 or not replica:
            return answer
        source = rds._instances[replica["ReadReplicaSourceDBInstanceIdentifier"]]
        replica["Endpoint"] = dict(source["Endpoint"])
        return rds._single_instance_response("CreateDBInstanceReadReplicaResponse",
                                             "CreateDBInstanceReadReplicaResult", replica)

    return replicate


def _forget_replica(record: Record) -> None:
    from ministack.services import rds

    source = rds._instances.get(record.get("ReadReplicaSourceDBInstanceIdentifier") or "")
    if source:
        source["ReadReplicaDBInstanceIdentifiers"] = [
            x for x in source["ReadReplicaDBInstanceIdentifiers"] if x != record["DBInstanceIdentifier"]]


def _seen(shown: str, record: Mapping[str, Any]) -> str:
    """An instance as a call shows it: without endpoint while it has none, and with the reason of its failure."""
    if not record.get("Endpoint"):
        shown = _ENDPOINT.sub("", shown, count=1)
    if said := record.get("_sst_failure"):
        shown = shown.replace("<StatusInfos/>", "<StatusInfos><DBInstanceStatusInfo><StatusType>create</StatusType>"
                              f"<Normal>false</Normal><Status>error</Status><Message>{escape(said)}</Message>"
                              "</DBInstanceStatusInfo></StatusInfos>", 1)
    return shown
