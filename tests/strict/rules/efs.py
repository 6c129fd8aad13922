"""EFS. Ids are made by AWS, so a file system or mount target is known by the first call that names it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.torture.proxy import Refuse

from ..account import Account
from ..request import ApiRequest
from ..rule import after, rule, shown

CREATING, TARGET_CREATING, TARGET_DELETING = 5.0, 90.0, 60.0
"""Seconds."""
API = "https://docs.aws.amazon.com/efs/latest/ug"


def _young(account: Account, kind: str, id: str, seconds: float) -> bool:
    known = account.fact(kind, id)
    if not known:
        known["named"] = True
        account.mark(f"{kind}-named", id)
    return account.age(f"{kind}-named", id) < seconds


@after("efs.CreateMountTarget")
def mounted(request: ApiRequest, account: Account) -> None:
    account.mark("mount-target", str(request.params["FileSystemId"]))


@after("efs.DeleteMountTarget")
def gone(request: ApiRequest, account: Account) -> None:
    account.mark("mount-target-gone", "")


@rule("efs.CreateMountTarget efs.CreateAccessPoint", source=f"{API}/API_CreateMountTarget.html")
def file_system_not_available(request: ApiRequest, account: Account) -> Refuse | None:
    """A file system takes mount targets and access points once it is available."""
    id = str(request.params.get("FileSystemId"))
    if _young(account, "file-system", id, CREATING):
        return Refuse("IncorrectFileSystemLifeCycleState", 409, f"file system '{id}' is in the state 'creating'.")
    return None


@rule("efs.DeleteFileSystem", source=f"{API}/API_DeleteFileSystem.html")
def file_system_in_use(request: ApiRequest, account: Account) -> Refuse | None:
    """A file system can't be deleted before its mount targets are gone, which takes a minute."""
    if account.age("mount-target-gone", "") < TARGET_DELETING:
        return Refuse("FileSystemInUse", 409, "Filesystem is currently in use.")
    return None


@rule(
    "lambda.CreateFunction lambda.UpdateFunctionConfiguration",
    source="https://docs.aws.amazon.com/lambda/latest/dg/configuration-filesystem.html",
)
def file_system_of_a_function(request: ApiRequest, account: Account) -> Refuse | None:
    """A function with a file system is in a network."""
    inside = (request.params.get("VpcConfig") or {}).get("SubnetIds")
    if request.params.get("FileSystemConfigs") and not inside:
        return Refuse("InvalidParameterValueException", 400, "Function must be configured to execute in a VPC to "
                      "reference access point.")
    return None


@shown("efs.DescribeFileSystems", source=f"{API}/API_FileSystemDescription.html")
def file_system_state(request: ApiRequest, account: Account, answer: dict[str, Any]) -> Mapping[str, Any]:
    """A file system is creating for a moment."""
    return {**answer, "FileSystems": [
        {**one, "LifeCycleState": "creating"} if _young(account, "file-system", one["FileSystemId"], CREATING) else one
        for one in answer.get("FileSystems", ())]}


@shown("efs.DescribeMountTargets", source=f"{API}/API_MountTargetDescription.html")
def mount_target_state(request: ApiRequest, account: Account, answer: dict[str, Any]) -> Mapping[str, Any]:
    """A mount target is creating for a minute and a half."""
    return {**answer, "MountTargets": [
        {**one, "LifeCycleState": "creating"} if account.age("mount-target", one["FileSystemId"]) < TARGET_CREATING
        else one for one in answer.get("MountTargets", ())]}
