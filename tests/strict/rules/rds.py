"""RDS."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.torture.proxy import Refuse

from ..account import Account
from ..request import ApiRequest
from ..rule import after, rule, shown

CREATING, MODIFYING, APPLYING = 400.0, 180.0, 20.0
"""Seconds that an instance is in these states, and till nothing shows of a change that was asked for."""
STATES = "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html"
API = "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference"


def _name(request: ApiRequest) -> str:
    return str(request.params.get("DBInstanceIdentifier") or "").lower()


def _status(name: str, account: Account) -> str:
    if account.age("db", name) < CREATING:
        return "creating"
    return "modifying" if APPLYING <= account.age("db-change", name) < MODIFYING else "available"


@after("rds.CreateDBInstance rds.CreateDBInstanceReadReplica")
def made(request: ApiRequest, account: Account) -> None:
    account.mark("db", _name(request))
    for key, kind in (("DBSubnetGroupName", "subnets"), ("DBParameterGroupName", "parameters")):
        if used := request.params.get(key):
            account.fact(f"db-{kind}", str(used).lower())[_name(request)] = True


@after("rds.ModifyDBInstance")
def changed(request: ApiRequest, account: Account) -> None:
    account.mark("db-change", _name(request))


@after("rds.DeleteDBInstance")
def gone(request: ApiRequest, account: Account) -> None:
    for (kind, _), users in account.facts.items():
        if kind in ("db-subnets", "db-parameters"):
            users.pop(_name(request), None)


@rule("rds.ModifyDBInstance rds.DeleteDBInstance rds.CreateDBInstanceReadReplica", source=STATES)
def instance_busy(request: ApiRequest, account: Account) -> Refuse | None:
    """An instance that is being created or modified takes no other change."""
    name = str(request.params.get("SourceDBInstanceIdentifier") or _name(request)).lower()
    if (status := _status(name, account)) != "available":
        return Refuse("InvalidDBInstanceState", 400, f"Database instance is not in available state: {status}.")
    return None


@after("rds.CreateDBCluster")
def cluster_made(request: ApiRequest, account: Account) -> None:
    name = _cluster(request)
    account.mark("db-cluster", name)
    for key, kind in (("DBSubnetGroupName", "subnets"), ("DBClusterParameterGroupName", "cluster-parameters")):
        if used := request.params.get(key):
            account.fact(f"db-{kind}", str(used).lower())[name] = True


@after("rds.DeleteDBCluster")
def cluster_gone(request: ApiRequest, account: Account) -> None:
    for (kind, _), users in account.facts.items():
        if kind in ("db-subnets", "db-cluster-parameters"):
            users.pop(_cluster(request), None)


def _cluster(request: ApiRequest) -> str:
    return str(request.params.get("DBClusterIdentifier") or "").lower()


@rule("rds.ModifyDBCluster rds.DeleteDBCluster", source=STATES)
def cluster_busy(request: ApiRequest, account: Account) -> Refuse | None:
    """A cluster that is being created takes no other change."""
    if account.age("db-cluster", _cluster(request)) < CREATING:
        return Refuse("InvalidDBClusterStateFault", 400, "DBCluster is not in available state.")
    return None


@rule("rds.DeleteDBClusterParameterGroup", source=f"{API}/API_DeleteDBClusterParameterGroup.html")
def cluster_parameter_group_in_use(request: ApiRequest, account: Account) -> Refuse | None:
    """A parameter group of a cluster can't be deleted."""
    if account.fact("db-cluster-parameters", str(request.params.get("DBClusterParameterGroupName")).lower()):
        return Refuse("InvalidDBParameterGroupState", 400, "One or more database clusters are still members of this "
                      "parameter group, so the group cannot be deleted.")
    return None


@shown("rds.DescribeDBClusters", source=STATES)
def cluster_status(request: ApiRequest, account: Account, answer: dict[str, Any]) -> Mapping[str, Any]:
    """A cluster is creating for minutes."""
    def seen(found: re.Match[str]) -> str:
        name = re.search(r"<DBClusterIdentifier>(.*?)</", found[0])
        young = name is not None and account.age("db-cluster", name[1]) < CREATING
        return found[0].replace("<Status>available<", "<Status>creating<", 1) if young else found[0]

    return {"text": re.sub(r"<DBCluster>.*?</DBCluster>", seen, answer["text"], flags=re.S)}


@rule("rds.DeleteDBSubnetGroup", source=f"{API}/API_DeleteDBSubnetGroup.html")
def subnet_group_in_use(request: ApiRequest, account: Account) -> Refuse | None:
    """A subnet group with an instance can't be deleted."""
    name = str(request.params.get("DBSubnetGroupName")).lower()
    if account.fact("db-subnets", name):
        return Refuse(
            "InvalidDBSubnetGroupStateFault", 400, f"Cannot delete the subnet group '{name}' because at least one "
            "database instance is still using it."
        )
    return None


@rule("rds.DeleteDBParameterGroup", source=f"{API}/API_DeleteDBParameterGroup.html")
def parameter_group_in_use(request: ApiRequest, account: Account) -> Refuse | None:
    """A parameter group of an instance can't be deleted."""
    if account.fact("db-parameters", str(request.params.get("DBParameterGroupName")).lower()):
        return Refuse(
            "InvalidDBParameterGroupState", 400, "One or more database instances are still members of this parameter "
            "group, so the group cannot be deleted."
        )
    return None


@rule("rds.ModifyDBParameterGroup", source=f"{API}/API_ModifyDBParameterGroup.html")
def twenty_parameters(request: ApiRequest, account: Account) -> Refuse | None:
    """A call sets at most 20 parameters."""
    if sum(1 for key in request.params if key.endswith(".ParameterName")) > 20:
        return Refuse("InvalidParameterValue", 400, "A maximum of 20 parameters can be modified in a single request.")
    return None


@shown("rds.DescribeDBInstances", source=STATES)
def instance_status(request: ApiRequest, account: Account, answer: dict[str, Any]) -> Mapping[str, Any]:
    """An instance is creating for minutes, without endpoint, and modifying some time after it was asked to change."""
    return {"text": re.sub(r"<DBInstance>.*?</DBInstance>", lambda m: _seen(m[0], account), answer["text"], flags=re.S)}


def _seen(instance: str, account: Account) -> str:
    found = re.search(r"<DBInstanceIdentifier>(.*?)</", instance)
    status = _status(found[1], account) if found else "available"
    if found and status == "available" and account.age("db-change", found[1]) < APPLYING:
        some = "<PendingModifiedValues><DBInstanceClass>db.t4g.small</DBInstanceClass></PendingModifiedValues>"
        instance = re.sub(r"<PendingModifiedValues>.*?</PendingModifiedValues>|<PendingModifiedValues */>", some,
                          instance, count=1, flags=re.S)
    if status == "creating":
        instance = re.sub(r"<Endpoint>.*?</Endpoint>", "", instance, count=1, flags=re.S)
    return instance if status == "available" else re.sub(
        r"<DBInstanceStatus>available<", f"<DBInstanceStatus>{status}<", instance, count=1)
