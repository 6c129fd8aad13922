"""EventBridge Scheduler."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.torture.proxy import Refuse

from ..account import Account
from ..request import ApiRequest
from ..rule import rule, shown
from .identity import SEEN, role_name


@rule(
    "scheduler.CreateSchedule scheduler.UpdateSchedule",
    source="https://docs.aws.amazon.com/scheduler/latest/UserGuide/setting-up.html",
)
def schedule_role_not_assumable(request: ApiRequest, account: Account) -> Refuse | None:
    """A role that was just made can't be assumed for some seconds."""
    target = request.params.get("Target") or {}
    if account.age("role", role_name(target.get("RoleArn"))) < SEEN:
        return Refuse(
            "ValidationException",
            400,
            "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.",
        )
    return None


@shown("scheduler.GetSchedule", source="https://docs.aws.amazon.com/scheduler/latest/APIReference/API_RetryPolicy.html")
def retry_policy(request: ApiRequest, account: Account, answer: dict[str, Any]) -> Mapping[str, Any]:
    """A target always has a retry policy with both fields."""
    target = answer.get("Target") or {}
    default = {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}
    return {**answer, "Target": {**target, "RetryPolicy": {**default, **(target.get("RetryPolicy") or {})}}}
