"""AWS WAF: https://docs.aws.amazon.com/waf/latest/APIReference/Welcome.html"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...core.output import Input, Output
from ...core.resource import Arg, out, prop
from .columns import Import, Listing, Tagging, call
from .table import AwsResource

__all__ = ["LoggingConfiguration", "WebAcl"]

BUSY = ("WAFOptimisticLockException", "WAFUnavailableEntityException")
"""Somebody else changed it since its lock token was read; or what it names is not seen everywhere yet."""
_WHOLE = call("get_web_acl", Name="$name", Id="$acl_id", Scope="$scope")


class WebAcl(AwsResource, type="aws.wafv2.WebAcl", service="wafv2"):
    """A firewall: rules, and what becomes of requests that none is about. That of a distribution has the scope
    ``CLOUDFRONT``, and lies in us-east-1."""

    name: Arg[str] = prop(limit=128, replace=True, default=None)
    scope: Arg[str] = prop(default="CLOUDFRONT", replace=True, read="")
    description: Arg[str] = prop(default=None)
    default_action: Arg[Mapping[str, Any]] = prop(default={"Allow": {}},
                                                  read="Whole.WebACL.DefaultAction")
    rules: Arg[Sequence[Mapping[str, Any]]] = prop(default=(), read="Whole.WebACL.Rules")
    visibility: Arg[Mapping[str, Any]] = prop("VisibilityConfig", read="Whole.WebACL.VisibilityConfig")
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("Summary.ARN || ARN")
    acl_id: Output[str] = out("Summary.Id || Id")

    create = call("create_web_acl", retry=BUSY, patience=120)
    read = call("list_web_acls", Scope="$scope", Limit=100)
    item = "WebACLs[?Name == $name] | [0]"
    extra_reads = {"Whole": _WHOLE}
    versioned_by = _WHOLE
    version_field = "LockToken", "LockToken"
    update = (call("update_web_acl", Name="$name", Id="$acl_id", Scope="$scope", retry=BUSY,
                   properties="description default_action rules visibility"),)
    reset_value = {"description": "", "rules": [], "default_action": {"Allow": {}}}
    delete = call("delete_web_acl", Name="$name", Id="$acl_id", Scope="$scope",
                  retry=(*BUSY, "WAFAssociatedItemException"), patience=900)
    not_found_codes = ("WAFNonexistentItemException",)
    tagging = Tagging(wire="Tags", add=call("tag_resource", ResourceARN="$arn", Tags="$tags"),
                      remove=call("untag_resource", ResourceARN="$arn", TagKeys="$tag_keys"),
                      show=call("list_tags_for_resource", ResourceARN="$arn"))
    listing = Listing("list_web_acls", "WebACLs[].{name: Name, arn: ARN}", ("NextMarker", "NextMarker"),
                      {"Scope": "CLOUDFRONT"}, call("list_tags_for_resource", ResourceARN="$arn"), "$arn",
                      account_wide=True, region="us-east-1", order=3)
    imports = Import("aws_wafv2_web_acl", "{name}")


class LoggingConfiguration(AwsResource, type="aws.wafv2.LoggingConfiguration", service="wafv2"):
    """Where a firewall writes the requests that it sees. ``destinations`` has one ARN, of a log group whose name begins
    with ``aws-waf-logs-``, in the firewall's account and region. ``redacted`` fields are not written. ``filter`` says
    which requests are; without it all.

    Source: https://docs.aws.amazon.com/waf/latest/APIReference/API_LoggingConfiguration.html
    """

    web_acl: Arg[str] = prop("LoggingConfiguration.ResourceArn", replace=True)
    destinations: Arg[Sequence[Input[str]]] = prop("LoggingConfiguration.LogDestinationConfigs")
    redacted: Arg[Sequence[Mapping[str, Any]]] = prop("LoggingConfiguration.RedactedFields", default=())
    filter: Arg[Mapping[str, Any]] = prop("LoggingConfiguration.LoggingFilter", default=None)

    identity = "once"
    identifier = "$web_acl"
    create = call("put_logging_configuration", patience=120, idempotent=True,
                  retry=(*BUSY, "WAFServiceLinkedRoleErrorException", "WAFLogDestinationPermissionIssueException"))
    read = call("get_logging_configuration", ResourceArn="$web_acl")
    update = (create,)
    delete = call("delete_logging_configuration", ResourceArn="$web_acl", retry=BUSY, idempotent=True)
    not_found_codes = ("WAFNonexistentItemException",)
    delete_first = True
    imports = Import("aws_wafv2_web_acl_logging_configuration", "{web_acl}")
