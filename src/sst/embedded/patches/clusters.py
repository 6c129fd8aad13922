"""Aurora: a cluster is a real database server on this machine, which all of its instances lead to.

Without Docker the emulator reports a cluster as available although nothing listens at its endpoint, and answers calls
of the Data API from a stub. Here a cluster is ``creating`` until a local service answers, and the Data API asks that
service. One server stands for the writer and all readers, and it never pauses.

Goes when ministack can start database servers without containers; last checked with 1.5.33.
"""
from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

from sst.embedded import database_servers
from sst.embedded.backed import How, Record, Records
from sst.embedded.database_servers import ADDRESS
from sst.embedded.settings import Settings
from sst.embedded.statements import Server
from sst.errors import UserError

__all__ = ["NEEDS", "RECORDS", "apply", "reached"]

NEEDS: Mapping[str, str] = {
    "services.rds:_ACTION_MAP": "dict",
    "services.rds:_cluster_xml": "(c)",
    "services.rds:_clusters": "AccountRegionScopedDict",
    "services.rds:_db_cluster_param_groups": "AccountRegionScopedDict",
    "services.rds:_error": "(code, message, status)",
    "services.rds:_instances": "AccountRegionScopedDict",
    "services.rds:_p": "(params, key, default='')",
    "services.rds:_rotate_real_password": "(cluster, old_pass, new_pass)",
    "services.rds:_sync_cluster_endpoints": "(cluster)",
    "services.rds:_xml": "(status, root_tag, inner)",
    "services.rds_data:_connect": "(instance, engine, database=None, password=None, username=None)",
    "services.rds_data:_resolve_target": "(resource_arn)",
    "services.rds_data:_substitute_named_params": "(sql, param_names)",
}

Call = Callable[[Any], Any]
_PAUSE = "ServerlessV2ScalingConfiguration.SecondsUntilAutoPause"


class Clusters(Records):
    id, arn = "DBClusterIdentifier", "DBClusterArn"

    def stored(self) -> Any:
        from ministack.services import rds

        return rds._clusters

    def kind(self, record: Record) -> str:
        return "aurora"

    def run(self, record: Record, how: How) -> Record:
        from ministack.services import rds

        server = database_servers.server(
            self.backing, self.name(record), record["Engine"], record["MasterUsername"], record["_MasterUserPassword"],
            record.get("DatabaseName"), record.get("_sst_generation", 0),
            [rds._db_cluster_param_groups.get(record.get("DBClusterParameterGroup"))])
        return {"Status": "available", "_shared_endpoint": {"Address": ADDRESS, "Port": how(server)}}

    def failed(self, record: Record, reason: str) -> Record:
        return {"Status": "failed"}

    def follow(self, record: Record) -> None:
        """Its members lead where it leads."""
        from ministack.services import rds

        rds._sync_cluster_endpoints(record)
        for member in list(rds._instances.values()):
            if member.get(self.id) == record[self.id] and record.get("_shared_endpoint"):
                member["Endpoint"] = dict(record["_shared_endpoint"])
                rds._instances[member["DBInstanceIdentifier"]] = member


RECORDS = Clusters()


def apply(settings: Settings) -> None:
    from ministack.services import rds, rds_data

    rds._rotate_real_password = lambda cluster, old_pass, new_pass: True   # the server starts with the new one
    shown = rds._cluster_xml
    rds._cluster_xml = lambda c: _seen(shown(c), c)
    actions: dict[str, Call] = rds._ACTION_MAP
    actions["CreateDBCluster"] = _create(actions["CreateDBCluster"])
    actions["ModifyDBCluster"] = _modify(actions["ModifyDBCluster"])
    actions["DeleteDBCluster"] = _delete(actions["DeleteDBCluster"])
    actions["ModifyDBClusterParameterGroup"] = _modify_parameters(actions["ModifyDBClusterParameterGroup"])
    rds_data._resolve_target = _with_server(rds_data._resolve_target)
    rds_data._connect = _with_drivers(rds_data._connect)
    substituted = rds_data._substitute_named_params
    rds_data._substitute_named_params = lambda sql, param_names: substituted(
        sql.replace("%", "%%") if param_names else sql, param_names)      # as drivers want it beside parameters


def reached(arn: str) -> Server | None:
    """Where a cluster is, and its master user; None if it does not run here."""
    record = RECORDS.with_arn(arn)
    return database_servers.reached(record, record.get("_shared_endpoint"), record.get("DatabaseName"))


def _create(call: Call) -> Call:
    def create(p: Any) -> Any:
        from ministack.services import rds

        engine, id = rds._p(p, "Engine"), rds._p(p, "DBClusterIdentifier")
        try:
            RECORDS.backing.program(database_servers.program(engine))
        except UserError as error:
            return rds._error("InvalidParameterValue", f"{error.message}. {error.hint}", 400)
        there, answer = id in rds._clusters, call(p)
        if there or answer[0] != 200:
            return answer
        record = rds._clusters[id]
        record["_sst_pause"] = rds._p(p, _PAUSE)
        record["Status"] = "creating"
        RECORDS.start(record)
        return _answer("CreateDBCluster", record)

    return create


def _modify(call: Call) -> Call:
    def modify(p: Any) -> Any:
        from ministack.services import rds

        answer, record = call(p), rds._clusters.get(rds._p(p, "DBClusterIdentifier"))
        if answer[0] != 200 or not record:
            return answer
        record.pop("_pending_master_password_rotation", None)
        if rds._p(p, "ServerlessV2ScalingConfiguration.MinCapacity"):
            record["_sst_pause"] = rds._p(p, _PAUSE)
        password = bool(rds._p(p, "MasterUserPassword"))
        if password or rds._p(p, "DBClusterParameterGroupName"):
            record["_sst_generation"] = record.get("_sst_generation", 0) + password
            record["Status"] = "modifying"
            RECORDS.restart(record)
        rds._clusters[record["DBClusterIdentifier"]] = record
        return _answer("ModifyDBCluster", record)

    return modify


def _delete(call: Call) -> Call:
    def delete(p: Any) -> Any:
        from ministack.services import rds

        record = rds._clusters.get(rds._p(p, "DBClusterIdentifier"))
        answer = call(p)
        if answer[0] == 200 and record:
            RECORDS.remove(record)
        return answer

    return delete


def _modify_parameters(call: Call) -> Call:
    def modify(p: Any) -> Any:
        from ministack.services import rds

        answer, group = call(p), rds._p(p, "DBClusterParameterGroupName")
        RECORDS.restarted([record for record in list(rds._clusters.values())
                           if answer[0] == 200 and record.get("DBClusterParameterGroup") == group])
        return answer

    return modify


def _with_server(call: Call) -> Call:
    """The Data API takes an instance for real if it has a container; here its server is a process. A user that is not
    named is the master user, also of MySQL."""

    def target(resource_arn: Any) -> Any:
        instance, engine, cluster = call(resource_arn)
        if instance and cluster and cluster.get("_shared_endpoint"):
            instance = {**instance, "Endpoint": dict(cluster["_shared_endpoint"]), "_docker_container_id": "process",
                        "_internal_address": None, "_internal_port": None, "MasterUsername": ""}
        return instance, engine, cluster

    return target


def _with_drivers(connect: Callable[..., Any]) -> Callable[..., Any]:
    """The drivers are installed when the Data API is called first."""

    def connected(*given: Any, **named: Any) -> Any:
        folder = str(RECORDS.backing.packages("data_api"))
        if folder not in sys.path:
            sys.path.append(folder)
        return connect(*given, **named)

    return connected


def _seen(shown: str, record: Mapping[str, Any]) -> str:
    """A cluster as a call shows it: with the time after which it pauses."""
    pause = record.get("_sst_pause")
    return re.sub("</MaxCapacity>", f"</MaxCapacity><SecondsUntilAutoPause>{pause}</SecondsUntilAutoPause>", shown,
                  count=1) if pause else shown


def _answer(action: str, record: Record) -> Any:
    from ministack.services import rds

    return rds._xml(200, f"{action}Response",
                    f"<{action}Result><DBCluster>{rds._cluster_xml(record)}</DBCluster></{action}Result>")
