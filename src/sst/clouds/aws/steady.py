"""Waits until the tasks of a service are those that were asked for, and says what became of them if they fail."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...core.provider import Note
from ...errors import ProviderError
from .client import Aws
from .task_run import said_by

__all__ = ["wait_for_tasks"]

PATIENCE = 20 * 60
"""Seconds."""


def wait_for_tasks(aws: Aws, known: Mapping[str, Any], note: Note) -> None:
    """Return once the newest deployment of the service is complete and no task of a former one runs, as that might
    answer a request yet. Raises ``ProviderError`` with the last lines of a task that ended, if it fails."""
    where = {"cluster": known["cluster"], "services": [known["name"]]}
    began, turn, told = aws.clock(), 0, ""
    while aws.clock() - began < PATIENCE:
        answer = aws.call("ecs", "describe_services", where, region=known.get("region_asked"), poll=True)
        service = next(iter(answer.get("services", ())), None)
        if service is None or service.get("status") != "ACTIVE":
            return
        deployments = service.get("deployments", ())
        mine = [d for d in deployments if _revision(d) == _revision({"taskDefinition": known["task_definition"]})]
        if failed := next((d for d in mine if d.get("rolloutState") == "FAILED"), None):
            raise ProviderError(_reason(aws, known, failed), code="DeploymentFailed", status=400,
                                operation="ecs the new tasks of " + str(known["name"]),
                                hint="the tasks of the deploy before go on serving" if len(deployments) > 1 else "")
        former = sum(int(d.get("runningCount", 0)) for d in deployments if d not in mine)
        complete = bool(mine) and mine[0].get("rolloutState") == "COMPLETED" and mine[0].get("status") == "PRIMARY"
        if complete and not former:
            return
        state = f"former tasks that still run: {former}" if complete else (
            f"{mine[0].get('runningCount', 0)} of {service.get('desiredCount')} new tasks run" if mine else "")
        if state and state != told and turn > 3:
            told = state
            note(state)
        aws.sleep(min(0.1 * 1.3 ** turn, 5))
        turn += 1
    raise ProviderError(f"the tasks of {known['name']} do not run after {PATIENCE // 60} minutes", code="WaiterTimeout",
                        operation="ecs describe_services")


def _revision(deployment: Mapping[str, Any]) -> str:
    return str(deployment.get("taskDefinition")).rpartition("/")[2]


def _reason(aws: Aws, known: Mapping[str, Any], failed: Mapping[str, Any]) -> str:
    """Why tasks ended, with what the last one said."""
    words = str(failed.get("rolloutStateReason") or "its tasks failed")
    return "\n".join([words, *_last_words(aws, known, failed)])


def _last_words(aws: Aws, known: Mapping[str, Any], failed: Mapping[str, Any]) -> Iterator[str]:
    try:
        arns = aws.call("ecs", "list_tasks", {"cluster": known["cluster"], "desiredStatus": "STOPPED"})["taskArns"]
        tasks = aws.call("ecs", "describe_tasks", {"cluster": known["cluster"], "tasks": arns[:100]})["tasks"]
        mine = [t for t in tasks if _revision({"taskDefinition": t["taskDefinitionArn"]}) == _revision(failed)]
        ended = [t for t in mine if t.get("stopCode") != "UserInitiated"]  # by themselves
        last = max(ended or mine, key=lambda t: str(t.get("stoppedAt") or t.get("createdAt")))
        for one in last.get("containers", ()):
            code = f" with exit code {one['exitCode']}" if one.get("exitCode") is not None else ""
            yield f"{one['name']} ended{code}: {last.get('stoppedReason') or 'no reason given'}"
        yield from said_by(aws, last)
    except (ProviderError, KeyError, ValueError):
        return
