"""ElastiCache: https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/Welcome.html"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...core.output import Input, Output
from ...core.resource import Arg, out, prop
from . import prices
from .columns import Import, Listing, Tagging, call
from .elasticache_checks import group_fits, parameters_fit
from .name_rules import DATABASE
from .table import AwsResource

__all__ = ["ParameterGroup", "ReplicationGroup", "SubnetGroup"]

BUSY = ("InvalidReplicationGroupState", "InvalidReplicationGroupStateFault")
IN_USE = ("CacheSubnetGroupInUse", "InvalidCacheParameterGroupState")
ROLE = ("ServiceLinkedRoleNotFoundFault",)
"""ElastiCache makes its own role with the first cache of an account, and does not see it at once.
Source: https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/using-service-linked-roles.html"""
TAGGING = Tagging(add=call("add_tags_to_resource", ResourceName="$arn", Tags="$tags"),
                  remove=call("remove_tags_from_resource", ResourceName="$arn", TagKeys="$tag_keys"),
                  show=call("list_tags_for_resource", ResourceName="$arn"))
SHOWN = call("list_tags_for_resource", ResourceName="$arn")
PAGE = ("Marker", "Marker")


def _parameters(values: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"ParameterName": k, "ParameterValue": str(v)} for k, v in sorted(values.items())]


class SubnetGroup(AwsResource, type="aws.elasticache.SubnetGroup", service="elasticache"):
    """The subnets of a cache."""

    name: Arg[str] = prop("CacheSubnetGroupName", limit=255, lower=True, replace=True, default=None)
    description: Arg[str] = prop("CacheSubnetGroupDescription", default="Managed by sst")
    subnet_ids: Arg[Sequence[Input[str]]] = prop("SubnetIds", read="Subnets[].SubnetIdentifier")
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("CacheSubnetGroup.ARN || ARN")

    create = call("create_cache_subnet_group", retry=ROLE)
    read = call("describe_cache_subnet_groups", CacheSubnetGroupName="$name")
    item = "CacheSubnetGroups[0]"
    update = (call("modify_cache_subnet_group", CacheSubnetGroupName="$name", properties="description subnet_ids",
                   idempotent=True),)
    unordered = frozenset({"subnet_ids"})
    delete = call("delete_cache_subnet_group", CacheSubnetGroupName="$name", retry=IN_USE, patience=900)
    not_found_codes = ("CacheSubnetGroupNotFoundFault",)
    tagging = TAGGING
    listing = Listing("describe_cache_subnet_groups", "CacheSubnetGroups[].{name: CacheSubnetGroupName, arn: ARN}",
                      PAGE,
                      tags=SHOWN, arn="$arn", order=2)
    imports = Import("aws_elasticache_subnet_group", "{name}")


class ParameterGroup(AwsResource, type="aws.elasticache.ParameterGroup", service="elasticache"):
    """Parameters of caches, by name, at most 20. Other ones are another group, which takes the place of this one."""

    name: Arg[str] = prop("CacheParameterGroupName", limit=255, lower=True, replace=True, default=None)
    family: Arg[str] = prop("CacheParameterGroupFamily", replace=True)
    description: Arg[str] = prop(default="Managed by sst", replace=True)
    parameters: Arg[Mapping[str, str]] = prop("ParameterNameValues", default=None, enc=_parameters, replace=True,
                                              read="")
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("CacheParameterGroup.ARN || ARN")

    __checks__ = (*AwsResource.__checks__, parameters_fit)
    create = call("create_cache_parameter_group")
    read = call("describe_cache_parameter_groups", CacheParameterGroupName="$name")
    item = "CacheParameterGroups[0]"
    update = (call("modify_cache_parameter_group", CacheParameterGroupName="$name", properties="parameters",
                   after_create=True, idempotent=True),)
    delete = call("delete_cache_parameter_group", CacheParameterGroupName="$name", retry=IN_USE, patience=900)
    not_found_codes = ("CacheParameterGroupNotFound",)
    tagging = TAGGING
    listing = Listing("describe_cache_parameter_groups",
                      "CacheParameterGroups[].{name: CacheParameterGroupName, arn: ARN}", PAGE,
                      tags=SHOWN, arn="$arn", order=2)
    imports = Import("aws_elasticache_parameter_group", "{name}")


class ReplicationGroup(AwsResource, type="aws.elasticache.ReplicationGroup", service="elasticache", holds_data=True):
    """A cache. With a parameter group that has ``cluster-enabled`` it speaks the cluster protocol and has
    ``node_groups`` shards. Changes are made at once, and a deploy waits for their end.

    After a change of ``auth_token`` the cache takes the former one, too, until the next change or `sst rotate`.
    """

    names = DATABASE
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
    create = call("create_replication_group", until="Status == 'available'",
                  retry=("InvalidVPCNetworkStateFault", *ROLE))
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
    retire = call("modify_replication_group", ReplicationGroupId="$name", AuthToken="$auth_token",
                  AuthTokenUpdateStrategy="SET", ApplyImmediately=True, retry=BUSY, patience=1800, idempotent=True,
                  until="Status == 'available' && !PendingModifiedValues")
    reset_value = {"automatic_failover": False, "multi_az": False, "snapshot_days": 0}
    sticky = frozenset({"engine_version", "parameter_group", "security_groups", "node_groups", "auth_token"})
    delete = call("delete_replication_group", ReplicationGroupId="$name", retry=BUSY, patience=1800,
                  until="Status == 'deleted'")
    not_found_codes = ("ReplicationGroupNotFoundFault",)
    unmodelled_codes = ("InvalidReplicationGroupStateFault",)
    tagging = TAGGING
    listing = Listing("describe_replication_groups", "ReplicationGroups[].{name: ReplicationGroupId, arn: ARN}", PAGE,
                      tags=SHOWN, arn="$arn")
    imports = Import("aws_elasticache_replication_group", "{replicationGroupId}")
    monthly = prices.cache
    stand_in = {"engine": "valkey", "node_type": "cache.t4g.micro", "replicas": 0, "node_groups": 1}
