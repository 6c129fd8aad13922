"""ElastiCache."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.torture.proxy import Refuse

from ..account import Account
from ..request import ApiRequest
from ..rule import after, rule, shown

CREATING, MODIFYING = 500.0, 120.0
"""Seconds that a replication group is in these states."""
API = "https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference"


def _name(request: ApiRequest) -> str:
    return str(request.params.get("ReplicationGroupId") or "").lower()


def _status(name: str, account: Account) -> str:
    if account.age("cache", name) < CREATING:
        return "creating"
    return "modifying" if account.age("cache-change", name) < MODIFYING else "available"


@after("elasticache.CreateReplicationGroup")
def made(request: ApiRequest, account: Account) -> None:
    account.mark("cache", _name(request))
    for key in ("CacheSubnetGroupName", "CacheParameterGroupName"):
        account.fact(key, str(request.params.get(key)).lower())[_name(request)] = True


@after("elasticache.ModifyReplicationGroup")
def changed(request: ApiRequest, account: Account) -> None:
    account.mark("cache-change", _name(request))


@after("elasticache.DeleteReplicationGroup")
def gone(request: ApiRequest, account: Account) -> None:
    for (kind, _), users in account.facts.items():
        if kind in ("CacheSubnetGroupName", "CacheParameterGroupName"):
            users.pop(_name(request), None)


@rule(
    "elasticache.ModifyReplicationGroup elasticache.DeleteReplicationGroup",
    source=f"{API}/API_ModifyReplicationGroup.html",
)
def replication_group_busy(request: ApiRequest, account: Account) -> Refuse | None:
    """A replication group that is being created or modified takes no other change."""
    if (status := _status(_name(request), account)) != "available":
        return Refuse("InvalidReplicationGroupState", 400, f"Replication group is not in available state: {status}.")
    return None


@rule("elasticache.DeleteCacheSubnetGroup", source=f"{API}/API_DeleteCacheSubnetGroup.html")
def cache_subnet_group_in_use(request: ApiRequest, account: Account) -> Refuse | None:
    """A subnet group of a cache can't be deleted."""
    if account.fact("CacheSubnetGroupName", str(request.params.get("CacheSubnetGroupName")).lower()):
        return Refuse("CacheSubnetGroupInUse", 400, "Cache subnet group is currently in use by a cache cluster.")
    return None


@rule("elasticache.DeleteCacheParameterGroup", source=f"{API}/API_DeleteCacheParameterGroup.html")
def cache_parameter_group_in_use(request: ApiRequest, account: Account) -> Refuse | None:
    """A parameter group of a cache can't be deleted."""
    if account.fact("CacheParameterGroupName", str(request.params.get("CacheParameterGroupName")).lower()):
        return Refuse(
            "InvalidCacheParameterGroupState", 400, "One or more cache clusters are still members of this parameter "
            "group, so the group cannot be deleted."
        )
    return None


@shown("elasticache.DescribeReplicationGroups", source=f"{API}/API_ReplicationGroup.html")
def replication_group_status(request: ApiRequest, account: Account, answer: dict[str, Any]) -> Mapping[str, Any]:
    """A replication group is creating for minutes, without endpoints, and modifying after a change."""
    return {"text": re.sub(r"<ReplicationGroup>.*?</ReplicationGroup>", lambda m: _seen(m[0], account),
                           answer["text"], flags=re.S)}


def _seen(group: str, account: Account) -> str:
    found = re.search(r"<ReplicationGroupId>(.*?)</", group)
    status = _status(found[1], account) if found else "available"
    if status == "creating":
        group = re.sub(r"<(NodeGroups|ConfigurationEndpoint)>.*?</\1>", "", group, flags=re.S)
    return group if status == "available" else group.replace("<Status>available<", f"<Status>{status}<", 1)
