"""A job that runs on a schedule."""
from __future__ import annotations

import json
from typing import Any, TypedDict, Unpack

from ..clouds.aws import iam, scheduler
from ..core.component import Component, Options
from ..core.output import Input, Output, combine
from ..core.transform import Transform
from ..errors import UserError
from .function.role import trust
from .function.subscriber import Handler, target_of
from .queue import Queue

__all__ = ["Cron", "CronTransform"]


class CronTransform(TypedDict, total=False):
    schedule: Transform
    role: Transform


class Cron(Component, kind="sst.aws.Cron", parts=("schedule", "role")):
    """A function that runs on a schedule.

        aws.Cron("Nightly", schedule="cron(0 3 * * ? *)", job="src/cron.handler", timezone="Europe/Berlin")

    schedule: ``rate(5 minutes)``, ``cron(0 3 * * ? *)`` (six fields) or ``at(2027-01-01T00:00:00)``.
    job, function: the handler, arguments, function or ARN; the two names mean the same. event: what it gets, ``{}`` by
    default. timezone: of ``cron`` and ``at``, ``"UTC"`` by default. enabled: True by default. retries: of a failed
    call, 0 to 185, 0 by default. dlq: a ``Queue`` or an ARN for calls that failed for good.

    Source: EventBridge Scheduler API CreateSchedule,
    https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
    """

    def __init__(self, name: str, *, schedule: str, job: Handler | None = None, function: Handler | None = None,
                 event: Any = None, timezone: str | None = None, enabled: bool = True, retries: int = 0,
                 dlq: Queue | Input[str] | None = None, transform: CronTransform | None = None,
                 **options: Unpack[Options]) -> None:
        super().__init__(name, **options)
        handler = _one(job, function)
        _check(schedule, retries)
        dead = dlq.arn if isinstance(dlq, Queue) else dlq
        with self.scope(transform):
            self.target = target_of(handler, "Handler", where=self.where)
            self.role = iam.Role("Role", assume_role_policy=trust("scheduler.amazonaws.com"))
            policy = iam.RolePolicy("Policy", role=self.role.name, name="inline", policy=_policy(self.target.arn, dead))
            self.schedule = scheduler.Schedule(
                "Schedule", schedule_expression=schedule, schedule_expression_timezone=timezone,
                state="ENABLED" if enabled else "DISABLED", flexible_time_window={"Mode": "OFF"},
                target=_target(self.target.arn, self.role.arn, event, retries, dead), depends_on=[policy])

    @property
    def function(self) -> Any:
        """The function that runs, if it was declared here or given as a component."""
        return self.target.function


def _one(job: Handler | None, function: Handler | None) -> Handler:
    if (job is None) == (function is None):
        raise UserError("a Cron takes one of job and function", hint='job="src/cron.handler"')
    handler = job if job is not None else function
    assert handler is not None
    return handler


def _check(schedule: object, retries: int) -> None:
    if not isinstance(schedule, str | Output):
        raise UserError(f"schedule can't be {schedule!r}",
                        hint='write "rate(5 minutes)", "cron(0 3 * * ? *)" or "at(2027-01-01T00:00:00)"')
    if not 0 <= retries <= 185:
        raise UserError(f"retries must be between 0 and 185; it is {retries}")


def _text(event: dict[str, Any]) -> str:
    return json.dumps(event["event"])


def _policy(arn: Input[str], dead: Input[str] | None) -> dict[str, Any]:
    statements: list[dict[str, Any]] = [{"Effect": "Allow", "Action": ["lambda:InvokeFunction"], "Resource": [arn]}]
    if dead is not None:
        statements.append({"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": [dead]})
    return {"Version": "2012-10-17", "Statement": statements}


def _target(arn: Input[str], role: Output[str], event: Any, retries: int, dead: Input[str] | None) -> dict[str, Any]:
    made: dict[str, Any] = {"Arn": arn, "RoleArn": role,
                            "Input": combine(event=event if event is not None else {}).apply(_text),
                            "RetryPolicy": {"MaximumRetryAttempts": retries}}
    return {**made, "DeadLetterConfig": {"Arn": dead}} if dead is not None else made
