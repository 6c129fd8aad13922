"""EFS: https://docs.aws.amazon.com/efs/latest/ug/api-reference.html"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...core.graph import Graph
from ...core.model import Goal
from ...core.output import Input, Output
from ...core.resource import Arg, out, prop
from .columns import Import, Listing, Part, Tagging, call
from .table import AwsResource

__all__ = ["AccessPoint", "FileSystem", "MountTarget"]

NOT_YET = ("IncorrectFileSystemLifeCycleState",)
"""A file system is being created or changed."""
TAGGED = Tagging(add=call("tag_resource", ResourceId="$id", Tags="$tags"),
                 remove=call("untag_resource", ResourceId="$id", TagKeys="$tag_keys"),
                 show=call("list_tags_for_resource", ResourceId="$id"))


def modes_fit(graph: Graph, goal: Goal) -> None:
    """Which throughput goes with which performance mode, as CreateFileSystem says."""
    given = goal.inputs
    name, mode = goal.urn.rpartition("::")[2], given.get("throughput_mode")
    if mode == "elastic" and given.get("performance_mode") == "maxIO":
        graph.problem(f'the file system "{name}" can\'t be made: elastic throughput needs the performance mode '
                      "general-purpose", where=goal.where, hint='throughput="bursting" goes with max-io')
    if (mode == "provisioned") != (given.get("provisioned_throughput") is not None):
        graph.problem(f'the file system "{name}" can\'t be made: provisioned throughput and its MiB/s go together',
                      where=goal.where, hint='throughput="provisioned", transform={"file_system": '
                                             '{"provisioned_throughput": 64}}')


class FileSystem(AwsResource, type="aws.efs.FileSystem", service="efs", holds_data=True):
    """A file system that many machines mount at once. ``provisioned_throughput`` is in MiB/s."""

    __checks__ = (*AwsResource.__checks__, modes_fit)

    performance_mode: Arg[str] = prop(default="generalPurpose", replace=True)
    throughput_mode: Arg[str] = prop(default="bursting")
    provisioned_throughput: Arg[float] = prop("ProvisionedThroughputInMibps", default=None)
    encrypted: Arg[bool] = prop(default=True, replace=True)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    id: Output[str] = out("FileSystemId")
    arn: Output[str] = out("FileSystemArn")

    identity = "tag"
    identifier = "$id"
    create = call("create_file_system", CreationToken="$token", until="LifeCycleState == 'available'",
                  idempotent=False)
    read = call("describe_file_systems", FileSystemId="$id")
    item = "FileSystems[?LifeCycleState != 'deleted'] | [0]"
    failed = "LifeCycleState == 'error' && 'its state is error'"
    update = (call("update_file_system", FileSystemId="$id", properties="throughput_mode provisioned_throughput",
                   retry=NOT_YET, patience=600, idempotent=True, until="LifeCycleState == 'available'"),)
    sticky = frozenset({"provisioned_throughput"})
    find = call("describe_file_systems", CreationToken="$token")
    list_path = "FileSystems[?LifeCycleState != 'deleted' && LifeCycleState != 'deleting']"
    delete = call("delete_file_system", FileSystemId="$id", retry=("FileSystemInUse", *NOT_YET), patience=600,
                  idempotent=True, until="LifeCycleState == 'deleted'")
    not_found_codes = ("FileSystemNotFound",)
    tagging = TAGGED
    listing = Listing("describe_file_systems", "FileSystems[].{id: FileSystemId, tags: Tags}",
                      ("NextMarker", "Marker"), order=2, parts=(
                          Part(call("describe_mount_targets", FileSystemId="$id"),
                               "MountTargets[].{target: MountTargetId}",
                               call("delete_mount_target", MountTargetId="$target")),))
    imports = Import("aws_efs_file_system", "{id}")


class MountTarget(AwsResource, type="aws.efs.MountTarget", service="efs"):
    """Where a subnet reaches a file system; one in each availability zone. About a minute and a half to make, and to
    delete."""

    file_system_id: Arg[str] = prop(replace=True)
    subnet_id: Arg[str] = prop(replace=True)
    security_groups: Arg[Sequence[Input[str]]] = prop(default=None, read="Groups.SecurityGroups")

    id: Output[str] = out("MountTargetId")

    identity = "content"
    identifier = "$id"
    create = call("create_mount_target", retry=(*NOT_YET, "SubnetNotFound", "SecurityGroupNotFound"), idempotent=False,
                  until="LifeCycleState == 'available'")
    read = call("describe_mount_targets", MountTargetId="$id")
    item = "MountTargets[?LifeCycleState != 'deleted'] | [0]"
    failed = "LifeCycleState == 'error' && 'its state is error'"
    extra_reads = {"Groups": call("describe_mount_target_security_groups", MountTargetId="$id")}
    update = (call("modify_mount_target_security_groups", MountTargetId="$id", properties="security_groups",
                   retry=("IncorrectMountTargetState", "SecurityGroupNotFound"), idempotent=True),)
    unordered = frozenset({"security_groups"})
    sticky = frozenset({"security_groups"})
    find = call("describe_mount_targets", FileSystemId="$file_system_id")
    list_path = "MountTargets[?LifeCycleState != 'deleted' && LifeCycleState != 'deleting']"
    delete = call("delete_mount_target", MountTargetId="$id", retry=("DependencyTimeout",), idempotent=True,
                  until="LifeCycleState == 'deleted'")
    not_found_codes = ("MountTargetNotFound", "FileSystemNotFound")
    delete_first = True
    imports = Import("aws_efs_mount_target", "{id}")


class AccessPoint(AwsResource, type="aws.efs.AccessPoint", service="efs"):
    """A way into a file system: below ``root_directory``, and as ``posix_user``, whoever uses it."""

    file_system_id: Arg[str] = prop(replace=True)
    posix_user: Arg[Mapping[str, Any]] = prop(default=None, replace=True)
    root_directory: Arg[Mapping[str, Any]] = prop(default=None, replace=True)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    id: Output[str] = out("AccessPointId")
    arn: Output[str] = out("AccessPointArn")

    identity = "tag"
    identifier = "$id"
    create = call("create_access_point", ClientToken="$token", retry=NOT_YET, idempotent=False,
                  until="LifeCycleState == 'available'")
    read = call("describe_access_points", AccessPointId="$id")
    item = "AccessPoints[?LifeCycleState != 'deleted'] | [0]"
    failed = "LifeCycleState == 'error' && 'its state is error'"
    find = call("describe_access_points", FileSystemId="$file_system_id")
    list_path = "AccessPoints[?LifeCycleState != 'deleted' && LifeCycleState != 'deleting']"
    delete = call("delete_access_point", AccessPointId="$id", idempotent=True, until="LifeCycleState == 'deleted'")
    not_found_codes = ("AccessPointNotFound", "FileSystemNotFound")
    tagging = TAGGED
    listing = Listing("describe_access_points", "AccessPoints[].{id: AccessPointId, tags: Tags}",
                      ("NextToken", "NextToken"), order=1)
    imports = Import("aws_efs_access_point", "{id}")
