"""CloudWatch Logs: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/Welcome.html"""
from __future__ import annotations

from collections.abc import Mapping

from ...core.output import Output
from ...core.resource import Arg, out, prop
from .columns import Import, Listing, Tagging, call
from .table import AwsResource

__all__ = ["LogGroup"]

ARN = "arn:$partition:logs:$region:$account:log-group:$name"


class LogGroup(AwsResource, type="aws.logs.LogGroup", service="logs"):
    """A group of log streams. ``retention`` is in days; without it logs are kept for ever."""

    names = (r"(?!aws/)[A-Za-z0-9._/#-]+", "letters, digits and ._/#-; it does not begin with aws/")
    name: Arg[str] = prop("logGroupName", limit=512, replace=True, default=None)
    retention: Arg[int] = prop("retentionInDays", default=None)
    kms_key: Arg[str] = prop("kmsKeyId", default=None, replace=True)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out(f"={ARN}")

    create = call("create_log_group", retry=("OperationAbortedException",))
    read = call("describe_log_groups", logGroupNamePrefix="$name")
    item = "logGroups[?logGroupName == $name] | [0]"
    update = (call("put_retention_policy", properties="retention", after_create=True, logGroupName="$name",
                   idempotent=True,
                   retry=("OperationAbortedException",)),)
    omitted_when_unset = frozenset({"retention"})
    reset_call = {"retention": call("delete_retention_policy", logGroupName="$name")}
    delete = call("delete_log_group", logGroupName="$name", retry=("OperationAbortedException",))
    not_found_codes = ("ResourceNotFoundException",)
    tagging = Tagging("map", "tags", add=call("tag_resource", resourceArn="$arn", tags="$tags"),
                      remove=call("untag_resource", resourceArn="$arn", tagKeys="$tag_keys"),
                      show=call("list_tags_for_resource", resourceArn="$arn"))
    listing = Listing("describe_log_groups", "logGroups[].{name: logGroupName}", ("nextToken", "nextToken"), {},
                      call("list_tags_for_resource", resourceArn=ARN), ARN, order=1)
    imports = Import("aws_cloudwatch_log_group", "{name}")
