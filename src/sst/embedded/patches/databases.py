"""RDS: an instance is a real database server on this machine, or it does not become available.

Without Docker the emulator reports an instance as available although nothing listens at its endpoint. Here it is
``creating`` until a local service answers, ``failed`` with the reason if none does, and ``modifying`` while the service
starts again with another password or other parameters. Containers are never used, also where Docker is installed.

Goes when ministack can start database servers without containers; last checked with 1.5.33.
"""
from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from sst.embedded import database_servers
from sst.embedded.backing import Backing
from sst.embedded.database_servers import ADDRESS
from sst.embedded.services import LocalService
from sst.embedded.settings import Settings
from sst.embedded.statements import Server
from sst.errors import SstError, UserError

__all__ = ["NEEDS", "apply", "attach", "names", "reached", "resume"]

NEEDS: Mapping[str, str] = {
    "core.responses:get_account_id": "()",
    "core.responses:get_region": "()",
    "core.responses:request_scope": "(account_id, region)",
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
Record = dict[str, Any]
_log = logging.getLogger("sst.databases")
_ENGINES = ("postgres", "mysql", "mariadb")
_ENDPOINT = re.compile(r"<Endpoint>.*?</Endpoint>", re.DOTALL)
_backing: Backing | None = None
_region = ""


def apply(settings: Settings) -> None:
    global _region
    from ministack.services import rds

    _region = settings.region
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


def attach(backing: Backing) -> None:
    global _backing
    _backing = backing


def names() -> frozenset[str]:
    return frozenset(_name(record) for _, record in _records())


def reached(arn: str) -> Server | None:
    """Where a database is, and its master user; None if it does not run here."""
    record: Record = next((r for _, r in _records() if r["DBInstanceArn"] == arn), {})
    where = record.get("Endpoint") or {}
    if not where.get("Port"):
        return None
    kind = database_servers.program(record["Engine"])
    return Server(kind, ADDRESS, int(where["Port"]), record["MasterUsername"], record["_MasterUserPassword"],
                  record.get("DBName") or ("postgres" if kind == "postgres" else "mysql"))


def resume() -> None:
    from ministack.core.responses import request_scope

    backing, threads = _owner(), []
    for (account, region, _), record in _records():
        with request_scope(account, region):
            threads.append(backing.later(_work(record, backing.start), _name(record)))
    for thread in threads:
        thread.join()


def _create(call: Call) -> Call:
    def create(p: Any) -> Any:
        from ministack.services import rds

        engine, id = rds._p(p, "Engine"), rds._p(p, "DBInstanceIdentifier")
        if rds._p(p, "DBClusterIdentifier"):
            return call(p)      # a member: its cluster has the server
        if engine not in _ENGINES:
            return rds._error("InvalidParameterValue", f"the engine {engine} does not run on stage local", 400)
        try:
            _owner().program(database_servers.program(engine))
        except UserError as error:
            return rds._error("InvalidParameterValue", f"{error.message}. {error.hint}", 400)
        there = id in rds._instances
        answer = call(p)
        if there or answer[0] != 200:
            return answer
        record = rds._instances[id]
        record["DBInstanceStatus"], record["Endpoint"] = "creating", {}
        _change(record, lambda service: _owner().start(service))
        return rds._single_instance_response("CreateDBInstanceResponse", "CreateDBInstanceResult", record)

    return create


def _delete(call: Call) -> Call:
    def delete(p: Any) -> Any:
        from ministack.services import rds

        record = rds._instances.get(rds._p(p, "DBInstanceIdentifier"))
        answer = call(p)
        if answer[0] == 200 and record:
            _forget_replica(record)
            if _own(record):
                _owner().remove(_name(record))
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
        if _own(record) and (password or rds._p(p, "DBParameterGroupName")):
            record["_sst_generation"] = record.get("_sst_generation", 0) + password
            record["DBInstanceStatus"] = "modifying"
            _change(record, lambda service: _owner().restart(service))
        return rds._single_instance_response("ModifyDBInstanceResponse", "ModifyDBInstanceResult", record)

    return modify


def _modify_parameters(call: Call) -> Call:
    def modify(p: Any) -> Any:
        from ministack.services import rds

        answer, group = call(p), rds._p(p, "DBParameterGroupName")
        for record in list(rds._instances.values()) if answer[0] == 200 else ():
            if _own(record) and group in [g.get("DBParameterGroupName") for g in record.get("DBParameterGroups", ())]:
                _change(record, lambda service: _owner().restart(service))
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


def _change(record: Record, how: Callable[[Any], int]) -> None:
    _owner().later(_work(record, how), _name(record))


def _work(record: Record, how: Callable[[Any], int]) -> Callable[[], None]:
    def work() -> None:
        from ministack.services import rds

        id = record["DBInstanceIdentifier"]
        try:
            port = how(_service(record))
            said = {"DBInstanceStatus": "available", "Endpoint": {"Address": ADDRESS, "Port": port},
                    "_sst_failure": ""}
        except SstError as error:
            _log.error("%s: %s", id, error)
            said = {"DBInstanceStatus": "failed", "_sst_failure": str(error.message)}
        if rds._instances.get(id) is not record:    # deleted meanwhile
            _owner().remove(_name(record))
            return
        record.update(said)
        for replica in list(rds._instances.values()):
            if replica.get("ReadReplicaSourceDBInstanceIdentifier") == id:
                replica["Endpoint"] = dict(record["Endpoint"])
        rds._instances[id] = record     # noted once more, now that it is changed

    return work


def _service(record: Record) -> LocalService:
    from ministack.services import rds

    groups = [rds._param_groups.get(group.get("DBParameterGroupName")) for group in record.get("DBParameterGroups", ())]
    return database_servers.server(_owner(), _name(record), record["Engine"], record["MasterUsername"],
                                   record["_MasterUserPassword"], record.get("DBName"),
                                   record.get("_sst_generation", 0), groups)


def _records() -> list[tuple[tuple[str, str, str], Record]]:
    from ministack.services import rds

    return [(key, record) for key, record in list(rds._instances._data.items()) if _own(record)]


def _own(record: Record) -> bool:
    """Whether a server of its own is behind it."""
    return not record.get("ReadReplicaSourceDBInstanceIdentifier") and record.get("Engine") in _ENGINES


def _name(record: Record) -> str:
    region = record["DBInstanceArn"].split(":")[3]
    return f"{record['Engine']}/{'' if region == _region else f'{region}_'}{record['DBInstanceIdentifier']}"


def _seen(shown: str, record: Mapping[str, Any]) -> str:
    """An instance as a call shows it: without endpoint while it has none, and with the reason of its failure."""
    if not record.get("Endpoint"):
        shown = _ENDPOINT.sub("", shown, count=1)
    if said := record.get("_sst_failure"):
        shown = shown.replace("<StatusInfos/>", "<StatusInfos><DBInstanceStatusInfo><StatusType>create</StatusType>"
                              f"<Normal>false</Normal><Status>error</Status><Message>{escape(said)}</Message>"
                              "</DBInstanceStatusInfo></StatusInfos>", 1)
    return shown


def _owner() -> Backing:
    assert _backing, "attach() comes before the first call"
    return _backing
