"""RDS: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/Welcome.html"""
from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...core.output import Input, Output
from ...core.resource import Arg, out, prop
from . import prices
from .columns import Import, Listing, call
from .name_rules import DATABASE
from .rds_checks import instance_fits
from .rds_clusters import Cluster, ClusterInstance, ClusterParameterGroup, HttpEndpoint
from .rds_columns import BUSY, DONE, FAILED, IN_USE, PAGE, ROLE, SHOWN, TAGGING, Parameters
from .table import AwsResource

__all__ = ["Cluster", "ClusterInstance", "ClusterParameterGroup", "HttpEndpoint", "Instance",
           "ParameterGroup", "Proxy", "ProxyTarget", "Replica", "SubnetGroup"]


class SubnetGroup(AwsResource, type="aws.rds.SubnetGroup", service="rds"):
    """The subnets of a database, in at least two availability zones."""

    name: Arg[str] = prop("DBSubnetGroupName", limit=255, lower=True, replace=True, default=None)
    description: Arg[str] = prop("DBSubnetGroupDescription", default="Managed by sst")
    subnet_ids: Arg[Sequence[Input[str]]] = prop("SubnetIds", read="Subnets[].SubnetIdentifier")
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("DBSubnetGroup.DBSubnetGroupArn || DBSubnetGroupArn")

    create = call("create_db_subnet_group", retry=ROLE)
    read = call("describe_db_subnet_groups", DBSubnetGroupName="$name")
    item = "DBSubnetGroups[0]"
    update = (call("modify_db_subnet_group", DBSubnetGroupName="$name", properties="description subnet_ids",
                   idempotent=True),)
    delete = call("delete_db_subnet_group", DBSubnetGroupName="$name", retry=IN_USE)
    not_found_codes = ("DBSubnetGroupNotFoundFault",)
    tagging = TAGGING
    listing = Listing("describe_db_subnet_groups", "DBSubnetGroups[].{name: DBSubnetGroupName, arn: DBSubnetGroupArn}",
                      PAGE,
                      tags=SHOWN, arn="$arn", order=2)
    imports = Import("aws_db_subnet_group", "{name}")
    unordered = frozenset({"subnet_ids"})


class ParameterGroup(Parameters, type="aws.rds.ParameterGroup", service="rds"):
    """Parameters of database servers. ``parameters`` are values by name; all of them take effect when the server starts
    again, those that the server can change while it runs at once. One that is taken out is reset to its default."""

    name: Arg[str] = prop("DBParameterGroupName", limit=255, lower=True, replace=True, default=None)
    family: Arg[str] = prop("DBParameterGroupFamily", replace=True)
    description: Arg[str] = prop("Description", default="Managed by sst", replace=True)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("DBParameterGroup.DBParameterGroupArn || DBParameterGroupArn")

    create = call("create_db_parameter_group")
    read = call("describe_db_parameter_groups", DBParameterGroupName="$name")
    item = "DBParameterGroups[0]"
    update = (call("modify_db_parameter_group", DBParameterGroupName="$name", properties="parameters",
                   after_create=True, idempotent=True),)
    delete = call("delete_db_parameter_group", DBParameterGroupName="$name", retry=IN_USE)
    not_found_codes = ("DBParameterGroupNotFound",)
    tagging = TAGGING
    listing = Listing("describe_db_parameter_groups",
                      "DBParameterGroups[].{name: DBParameterGroupName, arn: DBParameterGroupArn}", PAGE,
                      tags=SHOWN, arn="$arn", order=2)
    imports = Import("aws_db_parameter_group", "{name}")


class Instance(AwsResource, type="aws.rds.Instance", service="rds", holds_data=True):
    """A database server. ``allocated_storage`` and ``max_allocated_storage`` are in GB.

    Changes are made at once, not in the next maintenance window, and a deploy waits for their end. The deletion takes a
    last snapshot named ``final_snapshot``, if that is given.
    """

    names = DATABASE
    name: Arg[str] = prop("DBInstanceIdentifier", limit=63, lower=True, replace=True, default=None)
    engine: Arg[str] = prop(replace=True)
    engine_version: Arg[str] = prop(default=None)
    instance_class: Arg[str] = prop("DBInstanceClass")
    allocated_storage: Arg[int] = prop(default=20, read="")     # it grows by itself
    max_allocated_storage: Arg[int] = prop(default=None)
    storage_type: Arg[str] = prop(default="gp3")
    storage_encrypted: Arg[bool] = prop(default=True, replace=True)
    database: Arg[str] = prop("DBName", default=None, replace=True)
    username: Arg[str] = prop("MasterUsername", replace=True)
    password: Arg[str] = prop("MasterUserPassword", secret=True, read="")
    subnet_group: Arg[str] = prop("DBSubnetGroupName", default=None, replace=True,
                                  read="DBSubnetGroup.DBSubnetGroupName")
    parameter_group: Arg[str] = prop("DBParameterGroupName", default=None,
                                     read="DBParameterGroups[0].DBParameterGroupName")
    security_groups: Arg[Sequence[Input[str]]] = prop("VpcSecurityGroupIds", default=None,
                                               read="VpcSecurityGroups[].VpcSecurityGroupId")
    multi_az: Arg[bool] = prop("MultiAZ", default=None)
    backup_days: Arg[int] = prop("BackupRetentionPeriod", default=7)
    performance_insights: Arg[bool] = prop("EnablePerformanceInsights", default=None,
                                           read="PerformanceInsightsEnabled")
    auto_minor_version_upgrade: Arg[bool] = prop(default=False)
    publicly_accessible: Arg[bool] = prop(default=False)
    deletion_protection: Arg[bool] = prop(default=None)
    final_snapshot: Arg[str] = prop(default=None, local=True)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("DBInstance.DBInstanceArn || DBInstanceArn")
    host: Output[str] = out("Endpoint.Address")
    port: Output[int] = out("Endpoint.Port")
    resource_id: Output[str] = out("DBInstance.DbiResourceId || DbiResourceId")
    """Identifies its data: an instance that was restored or replaced has another."""

    __checks__ = (*AwsResource.__checks__, instance_fits)
    create = call("create_db_instance", until=DONE, retry=ROLE)
    read = call("describe_db_instances", DBInstanceIdentifier="$name")
    item = "DBInstances[0]"
    read_back = True
    ready = "Endpoint.Address"
    update = (call("modify_db_instance", DBInstanceIdentifier="$name", ApplyImmediately=True,
                   AllowMajorVersionUpgrade=True, retry=BUSY, patience=1800, idempotent=True, only_changed=True,
                   until=DONE,
                   properties="engine_version instance_class allocated_storage max_allocated_storage storage_type "
                              "password parameter_group security_groups multi_az backup_days performance_insights "
                              "auto_minor_version_upgrade publicly_accessible deletion_protection"),)
    failed = FAILED
    unordered = frozenset({"security_groups"})
    prefixes = frozenset({"engine_version"})
    reset_value = {"multi_az": False, "performance_insights": False, "deletion_protection": False}
    sticky = frozenset({"engine_version", "parameter_group", "security_groups", "max_allocated_storage"})
    computed = {"last": lambda known: known.get("final_snapshot"),
                "no_last": lambda known: not known.get("final_snapshot")}
    delete = call("delete_db_instance", DBInstanceIdentifier="$name", SkipFinalSnapshot="$no_last",
                  FinalDBSnapshotIdentifier="$last", DeleteAutomatedBackups=True, retry=BUSY, patience=1800,
                  wait="db_instance_deleted", wait_on={"DBInstanceIdentifier": "$name"})
    not_found_codes = ("DBInstanceNotFound", "DBInstanceNotFoundFault")
    unmodelled_codes = ("DBInstanceNotFoundFault",)
    tagging = TAGGING
    listing = Listing("describe_db_instances", "DBInstances[].{name: DBInstanceIdentifier, arn: DBInstanceArn, tags: "
                      "TagList}", PAGE)
    imports = Import("aws_db_instance", "{identifier}")
    monthly = prices.database
    stand_in = {"engine": "postgres", "engine_version": "17", "instance_class": "db.t4g.micro",
                "username": "postgres", "password": "stand-in", "allocated_storage": 20}


class Replica(AwsResource, type="aws.rds.Replica", service="rds"):
    """A read-only copy of a database, which follows it with a delay. It has the source's engine, users and data."""

    names = DATABASE
    name: Arg[str] = prop("DBInstanceIdentifier", limit=63, lower=True, replace=True, default=None)
    source: Arg[str] = prop("SourceDBInstanceIdentifier", replace=True, read="ReadReplicaSourceDBInstanceIdentifier")
    instance_class: Arg[str] = prop("DBInstanceClass")
    security_groups: Arg[Sequence[Input[str]]] = prop("VpcSecurityGroupIds", default=None,
                                               read="VpcSecurityGroups[].VpcSecurityGroupId")
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("DBInstance.DBInstanceArn || DBInstanceArn")
    host: Output[str] = out("Endpoint.Address")
    port: Output[int] = out("Endpoint.Port")

    create = call("create_db_instance_read_replica", retry=BUSY, patience=1800, until=DONE)
    read = Instance.read
    item = Instance.item
    read_back = True
    ready = "Endpoint.Address"
    update = (call("modify_db_instance", DBInstanceIdentifier="$name", ApplyImmediately=True, retry=BUSY,
                   patience=1800, idempotent=True, properties="instance_class security_groups", only_changed=True,
                   until=DONE),)
    failed = FAILED
    unordered = sticky = frozenset({"security_groups"})
    delete = call("delete_db_instance", DBInstanceIdentifier="$name", SkipFinalSnapshot=True, retry=BUSY,
                  patience=1800, wait="db_instance_deleted", wait_on={"DBInstanceIdentifier": "$name"})
    not_found_codes = Instance.not_found_codes
    unmodelled_codes = Instance.unmodelled_codes
    tagging = TAGGING
    monthly = prices.replica


class Proxy(AwsResource, type="aws.rds.Proxy", service="rds"):
    """A pool of connections to a database. ``secrets`` are ARNs of secrets with ``username`` and ``password``: the
    users that may connect through it."""

    names = DATABASE
    name: Arg[str] = prop("DBProxyName", limit=63, lower=True, replace=True, default=None)
    engine_family: Arg[str] = prop(replace=True)
    secrets: Arg[Sequence[Input[str]]] = prop("Auth", enc=lambda arns: [{"AuthScheme": "SECRETS", "IAMAuth": "DISABLED",
                                                                   "SecretArn": arn} for arn in arns],
                                       dec=lambda auth: [one["SecretArn"] for one in auth], read="Auth")
    role: Arg[str] = prop("RoleArn")
    subnet_ids: Arg[Sequence[Input[str]]] = prop("VpcSubnetIds", replace=True)
    security_groups: Arg[Sequence[Input[str]]] = prop("VpcSecurityGroupIds", default=None)
    require_tls: Arg[bool] = prop("RequireTLS", default=None)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("DBProxy.DBProxyArn || DBProxyArn")
    host: Output[str] = out("DBProxy.Endpoint || Endpoint")

    create = call("create_db_proxy", until="Status == 'available'",
                  retry=("InvalidParameterValue: role", "InvalidParameterValue: secret"))
    read = call("describe_db_proxies", DBProxyName="$name")
    item = "DBProxies[0]"
    update = (call("modify_db_proxy", DBProxyName="$name", properties="secrets role security_groups require_tls",
                   wire={"security_groups": "SecurityGroups"}, idempotent=True, retry=("InvalidDBProxyStateFault",),
                   patience=1800, until="Status == 'available'"),)
    reset_value = {"require_tls": False}
    sticky = frozenset({"security_groups"})
    delete = call("delete_db_proxy", DBProxyName="$name", retry=("InvalidDBProxyStateFault",), patience=1800,
                  until="Status == 'deleted'")
    failed = "contains(['incompatible-network', 'insufficient-resource-limits'], Status) && Status"
    not_found_codes = ("DBProxyNotFoundFault",)
    tagging = TAGGING
    listing = Listing("describe_db_proxies", "DBProxies[].{name: DBProxyName, arn: DBProxyArn}", PAGE,
                      tags=SHOWN, arn="$arn")
    imports = Import("aws_db_proxy", "{name}")


class ProxyTarget(AwsResource, type="aws.rds.ProxyTarget", service="rds"):
    """The database behind a proxy: an instance or a cluster. A proxy that is being made takes it some minutes later: a
    deploy waits."""

    proxy: Arg[str] = prop("DBProxyName", replace=True, read="")
    instance: Arg[str] = prop("DBInstanceIdentifiers", enc=lambda name: [name], default=None, replace=True, read="")
    cluster: Arg[str] = prop("DBClusterIdentifiers", enc=lambda name: [name], default=None, replace=True, read="")

    identity = "key"
    identifier = "$proxy/$target"
    computed = {"target": lambda known: known.get("instance") or known.get("cluster"),
                "instances": lambda known: [known["instance"]] if known.get("instance") else None,
                "clusters": lambda known: [known["cluster"]] if known.get("cluster") else None}
    create = call("register_db_proxy_targets", patience=1800, idempotent=True,
                  retry=("InvalidDBProxyStateFault", "InvalidDBInstanceState", "InvalidDBClusterStateFault"),
                  benign_codes=("DBProxyTargetAlreadyRegisteredFault",))
    read = call("describe_db_proxy_targets", DBProxyName="$proxy")
    item = "Targets[?RdsResourceId == $target] | [0]"
    delete = call("deregister_db_proxy_targets", DBProxyName="$proxy", DBInstanceIdentifiers="$instances",
                  DBClusterIdentifiers="$clusters", retry=("InvalidDBProxyStateFault",), patience=1800)
    not_found_codes = ("DBProxyNotFoundFault", "DBProxyTargetNotFoundFault", "DBProxyTargetGroupNotFoundFault")
    monthly = prices.proxy
