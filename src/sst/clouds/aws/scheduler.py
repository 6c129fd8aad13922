"""EventBridge Scheduler: https://docs.aws.amazon.com/scheduler/latest/APIReference/Welcome.html"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core.output import Output
from ...core.resource import Arg, out, prop
from .checks import role_may_invoke
from .columns import Import, call
from .limits import schedule_valid
from .name_rules import DOTTED
from .table import AwsResource

__all__ = ["Schedule"]

UNASSUMABLE = ("ValidationException: assume",)
BUSY = ("ConflictException",)


class Schedule(AwsResource, type="aws.scheduler.Schedule", service="scheduler"):
    """Calls a target on a schedule."""

    names = DOTTED
    __checks__ = (*AwsResource.__checks__, role_may_invoke, schedule_valid("rate", "cron", "at"))

    name: Arg[str] = prop(limit=64, replace=True, default=None)
    group: Arg[str] = prop("GroupName", default=None, replace=True)
    schedule_expression: Arg[str] = prop()
    schedule_expression_timezone: Arg[str] = prop(default=None)
    state: Arg[str] = prop(default="ENABLED")
    flexible_time_window: Arg[Mapping[str, Any]] = prop(default={"Mode": "OFF"})
    target: Arg[Mapping[str, Any]] = prop()
    description: Arg[str] = prop(default=None)
    start_date: Arg[str] = prop(default=None)
    end_date: Arg[str] = prop(default=None)
    action_after_completion: Arg[str] = prop(default=None)

    arn: Output[str] = out("ScheduleArn || Arn")

    create = call("create_schedule", ClientToken="$token", retry=UNASSUMABLE, idempotent=True)
    defaults = {"target": {"RetryPolicy": {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}}}
    read = call("get_schedule", Name="$name", GroupName="$group")
    update = (call("update_schedule", retry=(*UNASSUMABLE, *BUSY), idempotent=True),)
    delete = call("delete_schedule", Name="$name", GroupName="$group", retry=BUSY, idempotent=True)
    not_found_codes = ("ResourceNotFoundException",)
    imports = Import("aws_scheduler_schedule", "{name}")
