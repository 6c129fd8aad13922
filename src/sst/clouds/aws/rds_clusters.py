"""Aurora: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/Welcome.html"""
from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...core.output import Input, Output
from ...core.resource import Arg, out, prop
from . import prices
from .columns import Import, Listing, call, grant
from .rds_checks import cluster_fits
from .rds_columns import BUSY, FAILED, PAGE, ROLE, SHOWN, TAGGING, Parameters
from .table import AwsResource

__all__ = ["Cluster", "ClusterInstance", "ClusterParameterGroup", "HttpEndpoint"]

CLUSTER_BUSY = ("InvalidDBClusterStateFault", "InvalidDBInstanceState")


class ClusterParameterGroup(Parameters, type="aws.rds.ClusterParameterGroup", service="rds"):
    """Parameters of all servers of a cluster, as a `ParameterGroup` has those of one."""

    name: Arg[str] = prop("DBClusterParameterGroupName", limit=255, lower=True, replace=True, default=None)
    family: Arg[str] = prop("DBParameterGroupFamily", replace=True)
    description: Arg[str] = prop("Description", default="Managed by sst", replace=True)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("DBClusterParameterGroup.DBClusterParameterGroupArn || DBClusterParameterGroupArn")

    create = call("create_db_cluster_parameter_group")
    read = call("describe_db_cluster_parameter_groups", DBClusterParameterGroupName="$name")
    item = "DBClusterParameterGroups[0]"
    update = (call("modify_db_cluster_parameter_group", DBClusterParameterGroupName="$name", properties="parameters",
                   after_create=True, idempotent=True),)
    delete = call("delete_db_cluster_parameter_group", DBClusterParameterGroupName="$name",
                  retry=("InvalidDBParameterGroupState",), patience=600)
    not_found_codes = ("DBParameterGroupNotFound",)
    unmodelled_codes = ("DBClusterParameterGroupNotFound",)
    tagging = TAGGING
    listing = Listing("describe_db_cluster_parameter_groups", "DBClusterParameterGroups[].{name: "
                      "DBClusterParameterGroupName, arn: DBClusterParameterGroupArn}", PAGE, tags=SHOWN, arn="$arn",
                      order=3)
    imports = Import("aws_rds_cluster_parameter_group", "{name}")


class Cluster(AwsResource, type="aws.rds.Cluster", service="rds", holds_data=True):
    """A cluster of Aurora: its data, users and endpoints. It takes connections once it has a `ClusterInstance`.

    ``scaling``: ``{"MinCapacity": 0, "MaxCapacity": 4, "SecondsUntilAutoPause": 300}``, in ACU. Changes are made at
    once, and a deploy waits for their end. The deletion takes a last snapshot named ``final_snapshot``, if that is
    given.
    """

    name: Arg[str] = prop("DBClusterIdentifier", limit=63, lower=True, replace=True, default=None)
    engine: Arg[str] = prop(replace=True)
    engine_version: Arg[str] = prop(default=None)
    database: Arg[str] = prop("DatabaseName", default=None, replace=True)
    username: Arg[str] = prop("MasterUsername", replace=True)
    password: Arg[str] = prop("MasterUserPassword", secret=True, read="")
    scaling: Arg[Mapping[str, float]] = prop("ServerlessV2ScalingConfiguration", default=None)
    subnet_group: Arg[str] = prop("DBSubnetGroupName", default=None, replace=True, read="DBSubnetGroup")
    parameter_group: Arg[str] = prop("DBClusterParameterGroupName", default=None, read="DBClusterParameterGroup")
    security_groups: Arg[Sequence[Input[str]]] = prop("VpcSecurityGroupIds", default=None,
                                               read="VpcSecurityGroups[].VpcSecurityGroupId")
    storage_encrypted: Arg[bool] = prop(default=True, replace=True)
    backup_days: Arg[int] = prop("BackupRetentionPeriod", default=7)
    deletion_protection: Arg[bool] = prop(default=None)
    final_snapshot: Arg[str] = prop(default=None, local=True)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("DBCluster.DBClusterArn || DBClusterArn")
    host: Output[str] = out("Endpoint")
    reader: Output[str] = out("ReaderEndpoint")
    port: Output[int] = out("Port")
    resource_id: Output[str] = out("DBCluster.DbClusterResourceId || DbClusterResourceId")
    """Identifies its data: a cluster that was restored or replaced has another."""

    __checks__ = (*AwsResource.__checks__, cluster_fits)
    create = call("create_db_cluster", until="Status == 'available'", retry=ROLE)
    read = call("describe_db_clusters", DBClusterIdentifier="$name")
    item = "DBClusters[0]"
    read_back = True
    ready = "Endpoint"
    failed = "Status == 'failed' && 'its status is failed'"
    update = (call("modify_db_cluster", DBClusterIdentifier="$name", ApplyImmediately=True,
                   AllowMajorVersionUpgrade=True, retry=CLUSTER_BUSY, patience=1800, idempotent=True, only_changed=True,
                   until="Status == 'available' && !PendingModifiedValues",
                   properties="engine_version password scaling parameter_group security_groups backup_days "
                              "deletion_protection"),)
    unordered = frozenset({"security_groups"})
    prefixes = frozenset({"engine_version"})
    reset_value = {"deletion_protection": False}
    sticky = frozenset({"engine_version", "parameter_group", "security_groups", "scaling"})
    computed = {"last": lambda known: known.get("final_snapshot"),
                "no_last": lambda known: not known.get("final_snapshot")}
    delete = call("delete_db_cluster", DBClusterIdentifier="$name", SkipFinalSnapshot="$no_last",
                  FinalDBSnapshotIdentifier="$last", retry=CLUSTER_BUSY, patience=1800, until="Status == 'deleted'")
    not_found_codes = ("DBClusterNotFoundFault",)
    tagging = TAGGING
    listing = Listing("describe_db_clusters", "DBClusters[].{name: DBClusterIdentifier, arn: DBClusterArn, tags: "
                      "TagList}", PAGE, order=1)
    imports = Import("aws_rds_cluster", "{clusterIdentifier}")
    stand_in = {"engine": "aurora-postgresql", "engine_version": "17", "username": "postgres", "password": "stand-in"}


class ClusterInstance(AwsResource, type="aws.rds.ClusterInstance", service="rds"):
    """A server of a cluster. The first is the writer, the others read, and one takes over where the writer fails; those
    with a lower ``promotion_tier`` first."""

    name: Arg[str] = prop("DBInstanceIdentifier", limit=63, lower=True, replace=True, default=None)
    cluster: Arg[str] = prop("DBClusterIdentifier", replace=True)
    engine: Arg[str] = prop(replace=True)
    instance_class: Arg[str] = prop("DBInstanceClass", default="db.serverless")
    parameter_group: Arg[str] = prop("DBParameterGroupName", default=None,
                                     read="DBParameterGroups[0].DBParameterGroupName")
    promotion_tier: Arg[int] = prop(default=None)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("DBInstance.DBInstanceArn || DBInstanceArn")

    monthly = prices.cluster_instance
    create = call("create_db_instance", until="DBInstanceStatus == 'available'", retry=CLUSTER_BUSY, patience=1800)
    read = call("describe_db_instances", DBInstanceIdentifier="$name")
    item = "DBInstances[0]"
    failed = FAILED
    update = (call("modify_db_instance", DBInstanceIdentifier="$name", ApplyImmediately=True, retry=BUSY,
                   patience=1800, idempotent=True, properties="instance_class parameter_group promotion_tier",
                   only_changed=True, until="DBInstanceStatus == 'available'"),)
    sticky = frozenset({"parameter_group", "promotion_tier"})
    delete = call("delete_db_instance", DBInstanceIdentifier="$name", SkipFinalSnapshot=True,
                  retry=(*BUSY, *CLUSTER_BUSY), patience=1800, wait="db_instance_deleted",
                  wait_on={"DBInstanceIdentifier": "$name"})
    not_found_codes = ("DBInstanceNotFound", "DBInstanceNotFoundFault")
    unmodelled_codes = ("DBInstanceNotFoundFault",)
    tagging = TAGGING


class HttpEndpoint(AwsResource, type="aws.rds.HttpEndpoint", service="rds"):
    """The Data API of a cluster, switched on."""

    cluster_arn: Arg[str] = prop("ResourceArn", replace=True, read="")

    identity = "once"
    identifier = "$cluster_arn"
    create = call("enable_http_endpoint", retry=CLUSTER_BUSY, patience=1800, idempotent=True)
    read = call("describe_db_clusters", DBClusterIdentifier="$cluster_arn")
    item = "DBClusters[0]"
    exists_if = "HttpEndpointEnabled"
    delete = call("disable_http_endpoint", ResourceArn="$cluster_arn", retry=CLUSTER_BUSY, patience=1800,
                  idempotent=True)
    not_found_codes = ("DBClusterNotFoundFault", "ResourceNotFoundFault")
    unmodelled_codes = ("DBClusterNotFoundFault",)
    actions = {"read-write": (grant("rds-data:BatchExecuteStatement rds-data:BeginTransaction "
                                    "rds-data:CommitTransaction rds-data:ExecuteStatement "
                                    "rds-data:RollbackTransaction"),)}
    """Of the Data API."""
