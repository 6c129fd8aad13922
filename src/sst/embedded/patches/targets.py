"""Targets of EventBridge rules and schedules get an event only if they may, else their dead-letter queue does.

The emulator delivers whatever policies and roles say, and never to a dead-letter queue. Functions, queues and topics
let rules in by their policy, all else by the target's role; an event bus is asked for only if the target has a role.
A missing right is not retried. Source:
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html,
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html and
https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html. Goes when ministack asks; last
checked with 1.5.33.
"""
from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sst.embedded.patches.events import send
from sst.embedded.patches.rights import Delivery, count, refused, trusts
from sst.embedded.settings import Settings

__all__ = ["NEEDS", "apply"]

NEEDS: Mapping[str, str] = {
    "services.eventbridge:_invoke_target": "(target, event, rule, view=None)",
    "services.eventbridge:_pattern_event_view": "(event)",
    "services.scheduler:_create_schedule": "(name, body)",
    "services.scheduler:_error": "(status, code, message)",
    "services.scheduler:_update_schedule": "(name, body)",
}

_ACTIONS = {"lambda": "lambda:InvokeFunction", "sqs": "sqs:SendMessage", "sns": "sns:Publish",
            "states": "states:StartExecution", "events": "events:PutEvents", "kinesis": "kinesis:PutRecord"}
_BY_POLICY = ("lambda", "sqs", "sns")
_RULES, _SCHEDULES = "events.amazonaws.com", "scheduler.amazonaws.com"


def apply(settings: Settings) -> None:
    from ministack.services import eventbridge, scheduler

    invoke = eventbridge._invoke_target
    create, update = scheduler._create_schedule, scheduler._update_schedule

    def invoke_target(target: Any, event: Any, rule: Any, view: Any = None) -> None:
        schedule = ":scheduler:" in rule.get("Arn", "")
        if why := (_schedule_refusal if schedule else _rule_refusal)(target, rule):
            (_bury_schedule if schedule else _bury)(target, event, rule, why)
        else:
            invoke(target, event, rule, view)

    def checked(make: Any) -> Any:
        def schedule(name: str, body: Any) -> Any:
            role = str((body.get("Target") or {}).get("RoleArn") or "")
            if role and not trusts(role, _SCHEDULES):
                return scheduler._error(400, "ValidationException", "The execution role you provide must allow AWS "
                                                                    "EventBridge Scheduler to assume the role.")
            return make(name, body)

        return schedule

    eventbridge._invoke_target = invoke_target
    scheduler._create_schedule, scheduler._update_schedule = checked(create), checked(update)


def _rule_refusal(target: Mapping[str, Any], rule: Mapping[str, Any]) -> str:
    arn, role = str(target.get("Arn", "")), str(target.get("RoleArn") or "")
    service = arn.split(":")[2] if arn.count(":") > 4 else ""
    action = "events:InvokeApiDestination" if ":api-destination/" in arn else _ACTIONS.get(service, "")
    if not action or (service == "events" and not role):
        return ""
    if not role and service not in _BY_POLICY:
        role = "arn:aws:iam:::role/(none)"
    return refused(Delivery(_RULES, str(rule.get("Arn", "")), action, arn, role))


def _schedule_refusal(target: Mapping[str, Any], schedule: Mapping[str, Any]) -> str:
    arn = str(target.get("Arn", ""))
    if not (action := _ACTIONS.get(arn.split(":")[2] if arn.count(":") > 4 else "", "")):
        return ""
    return refused(Delivery(_SCHEDULES, str(schedule["Arn"]), action, arn, str(target.get("RoleArn") or "")))


def _bury(target: Mapping[str, Any], event: Any, rule: Mapping[str, Any], why: str) -> None:
    from ministack.services import eventbridge

    name = str(rule.get("Name", ""))
    count("AWS/Events", "FailedInvocations", RuleName=name)
    if not (queue := str((target.get("DeadLetterConfig") or {}).get("Arn") or "")):
        return
    if refused(Delivery(_RULES, str(rule.get("Arn", "")), "sqs:SendMessage", queue)):
        count("AWS/Events", "InvocationsFailedToBeSentToDlq", RuleName=name)
        return
    body = eventbridge._pattern_event_view(event).event_with_detail()
    send(queue, json.dumps(body), _texts({
        "RULE_ARN": rule.get("Arn", ""), "TARGET_ARN": target["Arn"], "ERROR_CODE": "NO_PERMISSIONS",
        "ERROR_MESSAGE": why}))
    count("AWS/Events", "InvocationsSentToDlq", RuleName=name)


def _bury_schedule(target: Mapping[str, Any], event: Any, schedule: Mapping[str, Any], why: str) -> None:
    group = str(schedule.get("GroupName", "default"))
    count("AWS/Scheduler", "TargetErrorCount", ScheduleGroup=group)
    queue, role = str((target.get("DeadLetterConfig") or {}).get("Arn") or ""), str(target.get("RoleArn") or "")
    if not queue or refused(Delivery(_SCHEDULES, str(schedule["Arn"]), "sqs:SendMessage", queue, role)):
        count("AWS/Scheduler", "InvocationDroppedCount", ScheduleGroup=group)
        return
    send(queue, str(target.get("Input") or "{}"), _texts({
        "SCHEDULE_ARN": schedule["Arn"], "TARGET_ARN": target["Arn"], "ERROR_CODE": "AccessDeniedException",
        "ERROR_MESSAGE": why, "RETRY_ATTEMPTS": "0",
        "SCHEDULED_TIME": datetime.fromtimestamp(event["Time"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}))
    count("AWS/Scheduler", "InvocationsSentToDeadLetterCount", ScheduleGroup=group)


def _texts(values: Mapping[str, object]) -> dict[str, Any]:
    return {name: {"DataType": "String", "StringValue": str(value)[:1024] or "-"} for name, value in values.items()}
