"""EventBridge: https://docs.aws.amazon.com/eventbridge/latest/APIReference/Welcome.html"""
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from ...core.output import Output
from ...core.resource import Arg, out, prop
from .checks import may_invoke, may_send
from .columns import Import, Listing, Part, Tagging, call, grant
from .limits import schedule_valid
from .messaging_limits import group_named
from .name_rules import DOTTED
from .table import AwsResource

__all__ = ["EventBus", "Rule", "Target"]

BUSY = ("ConcurrentModificationException",)


class EventBus(AwsResource, type="aws.events.EventBus", service="events"):
    """A bus beside the account's own, which is named ``default``."""

    names = DOTTED

    name: Arg[str] = prop(limit=256, replace=True, default=None)
    description: Arg[str] = prop(default=None)
    kms_key: Arg[str] = prop("KmsKeyIdentifier", default=None)
    dead_letter_config: Arg[Mapping[str, Any]] = prop(default=None)
    log_config: Arg[Mapping[str, Any]] = prop(default=None)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("EventBusArn || Arn")

    stand_in: ClassVar[Mapping[str, Any]] = {}
    create = call("create_event_bus", retry=BUSY)
    read = call("describe_event_bus", Name="$name")
    lookup = call("describe_event_bus", Name="$name")
    update = (call("update_event_bus", Name="$name", properties="description kms_key dead_letter_config log_config",
                   retry=BUSY, idempotent=True),)
    reset_value = {"description": "", "kms_key": "", "dead_letter_config": {},
                   "log_config": {"IncludeDetail": "NONE", "Level": "OFF"}}
    delete = call("delete_event_bus", Name="$name", retry=BUSY, idempotent=True)
    not_found_codes = ("ResourceNotFoundException",)
    tagging = Tagging(add=call("tag_resource", ResourceARN="$arn", Tags="$tags"),
                      remove=call("untag_resource", ResourceARN="$arn", TagKeys="$tag_keys"),
                      show=call("list_tags_for_resource", ResourceARN="$arn"))
    listing = Listing("list_event_buses", "EventBuses[].{name: Name, arn: Arn}", ("NextToken", "NextToken"), {},
                      call("list_tags_for_resource", ResourceARN="$arn"), "$arn", complete=True)
    imports = Import("aws_cloudwatch_event_bus", "{name}")
    actions = {name: (grant("events:PutEvents events:DescribeEventBus"),) for name in ("write", "read-write")} | {
        "full": (grant("events:*"),)}


class Rule(AwsResource, type="aws.events.Rule", service="events"):
    """A rule: on a schedule, or for events that match a pattern."""

    names = DOTTED
    __checks__ = (*AwsResource.__checks__, schedule_valid("rate", "cron"))

    name: Arg[str] = prop(limit=64, replace=True, default=None)
    bus: Arg[str] = prop("EventBusName", default=None, replace=True)
    schedule_expression: Arg[str] = prop(default=None)
    event_pattern: Arg[Mapping[str, Any]] = prop(default=None, enc=json.dumps, dec=json.loads)
    state: Arg[str] = prop(default="ENABLED")
    description: Arg[str] = prop(default=None)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("RuleArn || Arn")

    overwrites = True
    create = call("put_rule", retry=BUSY, idempotent=True)
    read = call("describe_rule", Name="$name", EventBusName="$bus")
    update = (create,)
    delete = call("delete_rule", Name="$name", EventBusName="$bus", retry=("ValidationException: targets", *BUSY))
    not_found_codes = ("ResourceNotFoundException",)
    tagging = Tagging(add=call("tag_resource", ResourceARN="$arn", Tags="$tags"),
                      remove=call("untag_resource", ResourceARN="$arn", TagKeys="$tag_keys"),
                      show=call("list_tags_for_resource", ResourceARN="$arn"))
    listing = Listing("list_rules", "Rules[].{name: Name, arn: Arn, bus: EventBusName}", ("NextToken", "NextToken"),
                      {"EventBusName": "$bus"}, call("list_tags_for_resource", ResourceARN="$arn"), "$arn",
                      complete=True, order=-1, each=("list_event_buses", "EventBuses[].{bus: Name}"),
                      parts=(Part(call("list_targets_by_rule", Rule="$name", EventBusName="$bus"),
                                  "Targets[].{target: Id}",
                                  call("remove_targets", Rule="$name", EventBusName="$bus", Ids=["$target"])),))
    imports = Import("aws_cloudwatch_event_rule", "{name}")


class Target(AwsResource, type="aws.events.Target", service="events"):
    """What a rule calls."""

    __checks__ = (*AwsResource.__checks__, may_invoke("events.amazonaws.com", "rule", "arn"),
                  may_send("events.amazonaws.com", "arn"), group_named)

    rule: Arg[str] = prop(replace=True)
    bus: Arg[str] = prop("EventBusName", default=None, replace=True)
    target_id: Arg[str] = prop("Id", limit=64, replace=True, default=None)
    arn: Arg[str] = prop()
    role_arn: Arg[str] = prop(default=None)
    input: Arg[str] = prop(default=None)
    retry_policy: Arg[Mapping[str, Any]] = prop(default=None)
    dead_letter_config: Arg[Mapping[str, Any]] = prop(default=None)
    sqs_parameters: Arg[Mapping[str, Any]] = prop(default=None)

    identity = "key"
    identifier = "$rule/$target_id"
    create = call("put_targets", properties="target_id arn role_arn input retry_policy dead_letter_config "
                                            "sqs_parameters",
                  root="Targets[]", Rule="$rule", EventBusName="$bus", retry=BUSY, idempotent=True)
    read = call("list_targets_by_rule", Rule="$rule", EventBusName="$bus")
    item = "Targets[?Id == $target_id] | [0]"
    update = (create,)
    delete = call("remove_targets", Rule="$rule", EventBusName="$bus", Ids=["$target_id"], retry=BUSY,
                  idempotent=True)
    not_found_codes = ("ResourceNotFoundException",)
    imports = Import("aws_cloudwatch_event_target", "{rule}/{targetId}")
