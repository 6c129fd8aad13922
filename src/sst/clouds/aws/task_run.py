"""A task of ECS that runs to its end: waits for it, and says why it failed with its last lines."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...core.provider import Note
from ...errors import ProviderError
from .client import Aws

__all__ = ["NOT_YET", "Ended", "ended", "said_by"]

LINES = 15
"""So many last lines of a failed container are shown."""
NOT_YET = ("ClientException: unable to assume", "InvalidParameterException: unable to assume",
           "InvalidParameterException: Unable to assume the service linked role")
"""Roles that were made a moment ago."""
_STARTS_LATER = ("unable to assume the role", "is not authorized to perform", "AccessDenied")
"""In the reason of a task that did not start: a role or a policy that is not seen everywhere yet. The messages are
"ECS was unable to assume the role 'arn:...' that was provided for this task" and "ResourceInitializationError: unable
to pull secrets or registry auth: execution resource retrieval failed: ... AccessDeniedException: User: ... is not
authorized to perform: ssm:GetParameters on resource: ...": as users report them, not from a page of the API. One that
is not recognized is a failure that the user sees, and the next deploy starts another task."""
_START = 15 * 60
"""Seconds that a task may take before its program begins."""
_LATE = 10
"""Seconds that its last lines may be late."""


@dataclass(frozen=True)
class Ended:
    """``failure``: why, with its last lines; empty: exit code 0. ``again``: its program did not begin, or nobody knows
    any more what became of it, so that another task may be started."""

    failure: str = ""
    again: bool = False
    runs: bool = False
    """It has not ended."""


def ended(aws: Aws, known: Mapping[str, Any], task: str, note: Note | None) -> Ended:
    """Wait until a task has ended. Without a note, where nobody is told what it waits for, one that still runs is a
    failure."""
    began, turn = aws.clock(), 0
    where = {"cluster": known["cluster"], "tasks": [task]}
    while aws.clock() - began < known["timeout"] + _START:
        answer = aws.call("ecs", "describe_tasks", where, region=known.get("region_asked"), poll=True)
        found = next(iter(answer.get("tasks", ())), None)
        if found is None:       # ECS forgets tasks an hour after their end
            return Ended("ECS no longer knows its task", again=True)
        if found.get("lastStatus") == "STOPPED":
            return _judged(aws, known, found)
        if note is None:
            break
        if turn in (5, 15):
            note("its task runs" if found.get("lastStatus") == "RUNNING" else "its task is being started")
        aws.sleep(min(0.1 * 1.3 ** turn, 5))
        turn += 1
    return Ended("it is still running", runs=True)


def _judged(aws: Aws, known: Mapping[str, Any], task: Mapping[str, Any]) -> Ended:
    reason = str(task.get("stoppedReason") or "no reason given")
    if task.get("stopCode") == "TaskFailedToStart":
        return Ended(f"its task did not start: {reason}", again=any(part in reason for part in _STARTS_LATER))
    codes = [one.get("exitCode") for one in task.get("containers", ())]
    if codes and all(code == 0 for code in codes):
        return Ended()
    code = next((c for c in codes if c), None)
    why = f"failed with exit code {code}" if code is not None else f"ended without an exit code: {reason}"
    lines = _last_lines(aws, task)
    return Ended("\n".join([f"{known['work']} {why}" + (", its last lines" if lines else ""), *lines]))


def _last_lines(aws: Aws, task: Mapping[str, Any]) -> list[str]:
    began = aws.clock()
    while True:
        try:
            found = list(said_by(aws, task))
        except (ProviderError, KeyError):
            found = []
        if found or aws.clock() - began > _LATE:
            return found
        aws.sleep(1)


def said_by(aws: Aws, task: Mapping[str, Any]) -> Iterator[str]:
    """The last lines of each container of a task, from CloudWatch Logs."""
    name, region = task["taskArn"].rpartition("/")[2], task["taskArn"].split(":")[3]
    definition = aws.call("ecs", "describe_task_definition", {"taskDefinition": task["taskDefinitionArn"]},
                          region=region)
    for container in definition["taskDefinition"]["containerDefinitions"]:
        options = (container.get("logConfiguration") or {}).get("options") or {}
        stream = f"{options.get('awslogs-stream-prefix')}/{container['name']}/{name}".lstrip("/")
        answer = aws.call("logs", "get_log_events", {
            "logGroupName": options["awslogs-group"], "logStreamName": stream, "limit": LINES, "startFromHead": False},
            region=region)
        yield from (f"  {e['message']}" for e in answer.get("events", ()))
