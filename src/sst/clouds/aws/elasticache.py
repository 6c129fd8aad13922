"""ElastiCache: https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/Welcome.html"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...core.model import State
from ...core.output import Input, Output
from ...core.provider import Note
from ...core.resource import Arg, out, prop
from .columns import Call, Import, Listing, Tagging, call
from .elasticache_checks import group_fits
from .table import AwsResource, Calls

__all__ = ["ParameterGroup", "ReplicationGroup", "SubnetGroup"]

BUSY = ("InvalidReplicationGroupState", "InvalidReplicationGroupStateFault")
IN_USE = ("CacheSubnetGroupInUse", "InvalidCacheParameterGroupState")
TAGGING = Tagging(add=call("add_tags_to_resource", ResourceName="$arn", Tags="$tags"),
                  remove=call("remove_tags_from_resource", ResourceName="$arn", TagKeys="$tag_keys"),
                  show=call("list_tags_for_resource", ResourceName="$arn"))
SHOWN = call("list_tags_for_resource", ResourceName="$arn")
PAGE = ("Marker", "Marker")
AT_ONCE = 20
"""Parameters of a call of ModifyCacheParameterGroup, at most."""


class SubnetGroup(AwsResource, type="aws.elasticache.SubnetGroup", service="elasticache"):
    """The subnets of a cache."""

    name: Arg[str] = prop("CacheSubnetGroupName", limit=255, lower=True, replace=True, default=None)
    description: Arg[str] = prop("CacheSubnetGroupDescription", default="Managed by sst")
    subnet_ids: Arg[Sequence[Input[str]]] = prop("SubnetIds", read="Subnets[].SubnetIdentifier")
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("CacheSubnetGroup.ARN || ARN")

    create = call("create_cache_subnet_group")
    read = call("describe_cache_subnet_groups", CacheSubnetGroupName="$name")
    item = "CacheSubnetGroups[0]"
    update = (call("modify_cache_subnet_group", CacheSubnetGroupName="$name", properties="description subnet_ids",
                   idempotent=True),)
    unordered = frozenset({"subnet_ids"})
    delete = call("delete_cache_subnet_group", CacheSubnetGroupName="$name", retry=IN_USE, patience=900)
    not_found_codes = ("CacheSubnetGroupNotFoundFault",)
    tagging = TAGGING
    listing = Listing("describe_cache_subnet_groups", "CacheSubnetGroups[].{name: CacheSubnetGroupName, arn: ARN}",
                      PAGE, tags=SHOWN, order=2)
    imports = Import("aws_elasticache_subnet_group", "{name}")


class ParameterGroup(AwsResource, type="aws.elasticache.ParameterGroup", service="elasticache"):
    """Parameters of caches, by name. One that is taken out is reset to its default."""

    name: Arg[str] = prop("CacheParameterGroupName", limit=255, lower=True, replace=True, default=None)
    family: Arg[str] = prop("CacheParameterGroupFamily", replace=True)
    description: Arg[str] = prop(default="Managed by sst", replace=True)
    parameters: Arg[Mapping[str, str]] = prop(default=None, local=True, read="")
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("CacheParameterGroup.ARN || ARN")

    create = call("create_cache_parameter_group")
    read = call("describe_cache_parameter_groups", CacheParameterGroupName="$name")
    item = "CacheParameterGroups[0]"
    update = (call("modify_cache_parameter_group", CacheParameterGroupName="$name", properties="parameters",
                   after_create=True, idempotent=True),)
    delete = call("delete_cache_parameter_group", CacheParameterGroupName="$name", retry=IN_USE, patience=900)
    not_found_codes = ("CacheParameterGroupNotFound",)
    tagging = TAGGING
    listing = Listing("describe_cache_parameter_groups",
                      "CacheParameterGroups[].{name: CacheParameterGroupName, arn: ARN}", PAGE, tags=SHOWN, order=2)
    imports = Import("aws_elasticache_parameter_group", "{name}")

    @classmethod
    def request(cls, provider: Calls, inputs: Mapping[str, Any], c: Call) -> dict[str, Any]:
        made = super().request(provider, inputs, c)
        if c is cls.update[0]:
            made["ParameterNameValues"] = _parameters(inputs.get("parameters") or {})[:AT_ONCE]
        return made

    @classmethod
    def custom_update(cls, provider: Calls, state: State, inputs: Mapping[str, Any], changed: frozenset[str],
                      known: Mapping[str, Any], note: Note) -> frozenset[str]:
        """Reset what was taken out, and set the rest, twenty in a call."""
        if "parameters" not in changed:
            return frozenset()
        was, wanted = state.inputs.get("parameters") or {}, inputs.get("parameters") or {}
        gone = [{"ParameterName": k} for k in sorted(was.keys() - wanted.keys())]
        for op, some in (("reset_cache_parameter_group", gone), ("modify_cache_parameter_group", _parameters(wanted))):
            for at in range(0, len(some), AT_ONCE):
                provider.send(cls, call(op, CacheParameterGroupName="$name", idempotent=True), known,
                              {"ParameterNameValues": some[at:at + AT_ONCE]}, note)
        return frozenset({"parameters"})


class ReplicationGroup(AwsResource, type="aws.elasticache.ReplicationGroup", service="elasticache", holds_data=True):
    """A cache. With a parameter group that has ``cluster-enabled`` it speaks the cluster protocol and has
    ``node_groups`` shards. Changes are made at once, and a deploy waits for their end.

    After a change of ``auth_token`` the cache takes the former one, too, until the next change.
    """

    name: Arg[str] = prop("ReplicationGroupId", limit=40, lower=True, replace=True, default=None)
    description: Arg[str] = prop("ReplicationGroupDescription", default="Managed by sst", read="Description")
    engine: Arg[str] = prop(replace=True, read="")
    engine_version: Arg[str] = prop(default=None, read="")
    node_type: Arg[str] = prop("CacheNodeType")
    node_groups: Arg[int] = prop("NumNodeGroups", default=None, read="")
    replicas: Arg[int] = prop("ReplicasPerNodeGroup", default=None, replace=True, read="")
    parameter_group: Arg[str] = prop("CacheParameterGroupName", default=None, read="")
    subnet_group: Arg[str] = prop("CacheSubnetGroupName", default=None, replace=True, read="")
    security_groups: Arg[Sequence[Input[str]]] = prop("SecurityGroupIds", default=None, read="")
    automatic_failover: Arg[bool] = prop("AutomaticFailoverEnabled", default=None, read="AutomaticFailover",
                                         dec=lambda status: status in ("enabled", "enabling"))
    multi_az: Arg[bool] = prop("MultiAZEnabled", default=None, read="MultiAZ", dec=lambda status: status == "enabled")
    tls: Arg[bool] = prop("TransitEncryptionEnabled", default=True, replace=True)
    encrypted: Arg[bool] = prop("AtRestEncryptionEnabled", default=True, replace=True)
    auth_token: Arg[str] = prop(default=None, secret=True, read="")
    snapshot_days: Arg[int] = prop("SnapshotRetentionLimit", default=None)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("ReplicationGroup.ARN || ARN")
    host: Output[str] = out("ConfigurationEndpoint.Address || NodeGroups[0].PrimaryEndpoint.Address")
    port: Output[int] = out("ConfigurationEndpoint.Port || NodeGroups[0].PrimaryEndpoint.Port")

    __checks__ = (*AwsResource.__checks__, group_fits)
    create = call("create_replication_group", until="Status == 'available'", retry=("InvalidVPCNetworkStateFault",))
    read = call("describe_replication_groups", ReplicationGroupId="$name")
    item = "ReplicationGroups[0]"
    read_back = True
    ready = "ConfigurationEndpoint.Address || NodeGroups[0].PrimaryEndpoint.Address"
    failed = "Status == 'create-failed' && Description"
    update = (call("modify_replication_group", ReplicationGroupId="$name", ApplyImmediately=True, retry=BUSY,
                   patience=1800, idempotent=True, only_changed=True,
                   until="Status == 'available' && !PendingModifiedValues",
                   properties="description engine_version node_type parameter_group security_groups "
                              "automatic_failover multi_az snapshot_days"),
              call("modify_replication_group", ReplicationGroupId="$name", ApplyImmediately=True, retry=BUSY,
                   patience=1800, AuthTokenUpdateStrategy="ROTATE", properties="auth_token",
                   until="Status == 'available' && !PendingModifiedValues"),
              call("modify_replication_group_shard_configuration", ReplicationGroupId="$name", ApplyImmediately=True,
                   retry=BUSY, patience=1800, properties="node_groups", wire={"node_groups": "NodeGroupCount"},
                   until="Status == 'available' && !PendingModifiedValues"))
    reset_value = {"automatic_failover": False, "multi_az": False, "snapshot_days": 0}
    sticky = frozenset({"engine_version", "parameter_group", "security_groups", "node_groups", "auth_token"})
    delete = call("delete_replication_group", ReplicationGroupId="$name", retry=BUSY, patience=1800,
                  until="Status == 'deleted'")
    not_found_codes = ("ReplicationGroupNotFoundFault",)
    unmodelled_codes = ("InvalidReplicationGroupStateFault",)
    tagging = TAGGING
    listing = Listing("describe_replication_groups", "ReplicationGroups[].{name: ReplicationGroupId, arn: ARN}", PAGE,
                      tags=SHOWN)
    imports = Import("aws_elasticache_replication_group", "{replicationGroupId}")
    stand_in = {"engine": "valkey", "node_type": "cache.t4g.micro", "replicas": 0, "node_groups": 1}


def _parameters(values: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"ParameterName": k, "ParameterValue": str(v)} for k, v in sorted(values.items())]
