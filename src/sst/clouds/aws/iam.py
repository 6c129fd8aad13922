"""IAM: https://docs.aws.amazon.com/IAM/latest/APIReference/welcome.html"""
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from ...core.model import State
from ...core.output import Output
from ...core.provider import Note
from ...core.resource import Arg, out, prop
from .columns import Import, Listing, Part, Tagging, call
from .name_rules import IAM
from .table import AwsResource, Calls

__all__ = ["InstanceProfile", "InstanceProfileRole", "Policy", "Role", "RolePolicy", "RolePolicyAttachment"]

BUSY = ("ConcurrentModification", "ConcurrentModificationException", "EntityTemporarilyUnmodifiable")
VERSIONS = 5
"""How many versions of a policy IAM keeps.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
NOT_FOUND = ("NoSuchEntity", "NoSuchEntityException")
UNSEEN = ("MalformedPolicyDocument: Invalid principal",)
"""A role that a policy names was made a moment ago."""


def _document(value: Any) -> Any:
    """A policy as a read shows it: URL-quoted JSON, or parsed already."""
    return json.loads(unquote(value)) if isinstance(value, str) else value


class Role(AwsResource, type="aws.iam.Role", service="iam"):
    """A role that a service or account can take."""

    names = IAM
    name: Arg[str] = prop("RoleName", limit=64, replace=True, default=None)
    assume_role_policy: Arg[Mapping[str, Any]] = prop("AssumeRolePolicyDocument", enc=json.dumps, dec=_document)
    description: Arg[str] = prop(default=None)
    max_session_duration: Arg[int] = prop(default=None)
    """Seconds, 3600 to 43200."""
    permissions_boundary: Arg[str] = prop(default=None, read="Role.PermissionsBoundary.PermissionsBoundaryArn")
    path: Arg[str] = prop(default=None, replace=True)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("Role.Arn")
    unique_id: Output[str] = out("Role.RoleId")

    create = call("create_role", retry=UNSEEN, patience=30)
    read = call("get_role", RoleName="$name")
    response_root = "Role"
    update = (call("update_assume_role_policy", properties="assume_role_policy", RoleName="$name",
                   wire={"assume_role_policy": "PolicyDocument"}, retry=(*UNSEEN, *BUSY), patience=30),
              call("update_role", properties="description max_session_duration", RoleName="$name", idempotent=True),
              call("put_role_permissions_boundary", properties="permissions_boundary", RoleName="$name",
                   idempotent=True))
    reset_call = {"permissions_boundary": call("delete_role_permissions_boundary", RoleName="$name")}
    omitted_when_unset = frozenset({"description", "permissions_boundary"})
    reset_value = {"description": "", "max_session_duration": 3600}
    delete = call("delete_role", RoleName="$name", retry=("DeleteConflict", *BUSY))
    not_found_codes = NOT_FOUND
    tagging = Tagging(add=call("tag_role", RoleName="$name", Tags="$tags"),
                      remove=call("untag_role", RoleName="$name", TagKeys="$tag_keys"),
                      show=call("list_role_tags", RoleName="$name"))
    # IAM has no part in the account's list of tags
    listing = Listing("list_roles", "Roles[].{name: RoleName}", ("Marker", "Marker"), {},
                      call("list_role_tags", RoleName="$name"), order=1, account_wide=True,
                      parts=(Part(call("list_role_policies", RoleName="$name"), "PolicyNames[].{policy: @}",
                                  call("delete_role_policy", RoleName="$name", PolicyName="$policy")),
                             Part(call("list_attached_role_policies", RoleName="$name"),
                                  "AttachedPolicies[].{policy: PolicyArn}",
                                  call("detach_role_policy", RoleName="$name", PolicyArn="$policy"))))
    imports = Import("aws_iam_role", "{name}")


class RolePolicy(AwsResource, type="aws.iam.RolePolicy", service="iam"):
    """A policy inside a role."""

    names = IAM
    role: Arg[str] = prop("RoleName", replace=True)
    name: Arg[str] = prop("PolicyName", limit=128, replace=True, default=None)
    policy: Arg[Mapping[str, Any]] = prop("PolicyDocument", enc=json.dumps, dec=_document)

    identity = "key"
    identifier = "$role/$name"
    create = call("put_role_policy", retry=(*BUSY, *NOT_FOUND), patience=30, idempotent=True)
    read = call("get_role_policy", RoleName="$role", PolicyName="$name")
    update = (create,)
    imports = Import("aws_iam_role_policy", "{role}/{name}")
    delete = call("delete_role_policy", RoleName="$role", PolicyName="$name", retry=BUSY)
    not_found_codes = NOT_FOUND
    delete_first = True


class Policy(AwsResource, type="aws.iam.Policy", service="iam"):
    """A managed policy, to be attached to roles by its ARN. A change makes a new version the default one; IAM keeps
    five, and the oldest makes room."""

    names = IAM
    name: Arg[str] = prop("PolicyName", limit=128, replace=True, default=None)
    path: Arg[str] = prop(default="/", replace=True)
    policy: Arg[Mapping[str, Any]] = prop("PolicyDocument", enc=json.dumps, dec=_document,
                                          read="PolicyVersion.PolicyVersion.Document")
    description: Arg[str] = prop(default=None, replace=True)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("=arn:$partition:iam::$account:policy$path$name")
    version: Output[str] = out("Policy.DefaultVersionId || PolicyVersion.VersionId", volatile=True)

    identifier = "arn:$partition:iam::$account:policy$path$name"
    create = call("create_policy", retry=BUSY)
    read = call("get_policy", PolicyArn="$id")
    response_root = "Policy"
    extra_reads = {"PolicyVersion": call("get_policy_version", PolicyArn="$id", VersionId="$version")}
    update = (call("create_policy_version", properties="policy", PolicyArn="$id", SetAsDefault=True,
                   retry=("DeleteConflict", *BUSY)),)
    omitted_when_unset = frozenset({"description"})
    delete = call("delete_policy", PolicyArn="$id", retry=("DeleteConflict", *BUSY))
    not_found_codes = NOT_FOUND
    tagging = Tagging(add=call("tag_policy", PolicyArn="$id", Tags="$tags"),
                      remove=call("untag_policy", PolicyArn="$id", TagKeys="$tag_keys"),
                      show=call("list_policy_tags", PolicyArn="$id"))
    listing = Listing("list_policies", "Policies[].{name: PolicyName, path: Path, arn: Arn}", ("Marker", "Marker"),
                      {"Scope": "Local"}, call("list_policy_tags", PolicyArn="$arn"), order=2, account_wide=True)
    imports = Import("aws_iam_policy", "{arn}")

    @classmethod
    def custom_update(cls, provider: Calls, state: State, inputs: Mapping[str, Any], changed: frozenset[str],
                      known: Mapping[str, Any], note: Note) -> frozenset[str]:
        if "policy" in changed:
            for version in _former_versions(provider, state.id)[VERSIONS - 2:]:
                provider.aws.call("iam", "delete_policy_version", {"PolicyArn": state.id, "VersionId": version})
        return frozenset()

    @classmethod
    def before_delete(cls, provider: Calls, known: dict[str, Any], note: Note) -> None:
        for version in _former_versions(provider, known["id"]):
            provider.aws.call("iam", "delete_policy_version", {"PolicyArn": known["id"], "VersionId": version})


def _former_versions(provider: Calls, arn: str) -> list[str]:
    """Ids of the versions that are not the default one, the newest first."""
    found = provider.ask(Policy, call("list_policy_versions", PolicyArn=arn), {}) or {}
    former = [v for v in found.get("Versions", ()) if not v["IsDefaultVersion"]]
    return [v["VersionId"] for v in sorted(former, key=lambda v: int(v["VersionId"][1:]), reverse=True)]


class RolePolicyAttachment(AwsResource, type="aws.iam.RolePolicyAttachment", service="iam"):
    """A managed policy on a role."""

    role: Arg[str] = prop("RoleName", replace=True)
    policy_arn: Arg[str] = prop(replace=True)

    identity = "key"
    identifier = "$role/$policy_arn"
    create = call("attach_role_policy", retry=(*BUSY, *NOT_FOUND), patience=30, idempotent=True)
    read = call("list_attached_role_policies", RoleName="$role")
    item = "AttachedPolicies[?PolicyArn == $policy_arn] | [0]"
    imports = Import("aws_iam_role_policy_attachment", "{role}/{policyArn}")
    delete = call("detach_role_policy", RoleName="$role", PolicyArn="$policy_arn", retry=BUSY)
    not_found_codes = NOT_FOUND
    delete_first = True


class InstanceProfile(AwsResource, type="aws.iam.InstanceProfile", service="iam"):
    """What gives a role to an instance of EC2."""

    names = IAM
    name: Arg[str] = prop("InstanceProfileName", limit=128, replace=True, default=None)
    path: Arg[str] = prop(default=None, replace=True)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("InstanceProfile.Arn")

    create = call("create_instance_profile")
    read = call("get_instance_profile", InstanceProfileName="$name")
    response_root = "InstanceProfile"
    delete = call("delete_instance_profile", InstanceProfileName="$name", retry=("DeleteConflict", *BUSY))
    not_found_codes = NOT_FOUND
    tagging = Tagging(add=call("tag_instance_profile", InstanceProfileName="$name", Tags="$tags"),
                      remove=call("untag_instance_profile", InstanceProfileName="$name", TagKeys="$tag_keys"),
                      show=call("list_instance_profile_tags", InstanceProfileName="$name"))
    listing = Listing("list_instance_profiles", "InstanceProfiles[].{name: InstanceProfileName}", ("Marker", "Marker"),
                      {}, call("list_instance_profile_tags", InstanceProfileName="$name"), order=0, account_wide=True,
                      parts=(Part(call("get_instance_profile", InstanceProfileName="$name"),
                                  "InstanceProfile.Roles[].{role: RoleName}",
                                  call("remove_role_from_instance_profile", InstanceProfileName="$name",
                                       RoleName="$role")),))
    imports = Import("aws_iam_instance_profile", "{name}")


class InstanceProfileRole(AwsResource, type="aws.iam.InstanceProfileRole", service="iam"):
    """The role of an instance profile."""

    instance_profile: Arg[str] = prop("InstanceProfileName", replace=True, read="")
    role: Arg[str] = prop("RoleName", replace=True)

    identity = "once"
    identifier = "$instance_profile/$role"
    create = call("add_role_to_instance_profile", retry=(*BUSY, *NOT_FOUND), patience=30)
    read = call("get_instance_profile", InstanceProfileName="$instance_profile")
    item = "InstanceProfile.Roles[?RoleName == $role] | [0]"
    delete = call("remove_role_from_instance_profile", InstanceProfileName="$instance_profile", RoleName="$role")
    not_found_codes = NOT_FOUND
    delete_first = True
