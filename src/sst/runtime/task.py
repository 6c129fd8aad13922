"""Runs, looks at and stops the tasks that a function or service is linked to. It needs boto3, which Lambda has.

    from sst import Resource, task

    started = task.run(Resource.Report, environment={"DAY": "2030-01-01"})
    task.describe(Resource.Report, started["arn"])["status"]
"""
from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Literal

__all__ = ["describe", "run", "stop"]


def run(resource: Any, environment: Mapping[str, str] | None = None, *,
        capacity: Literal["fargate", "spot"] = "fargate") -> dict[str, Any]:
    """Start a task and return at once: its ``arn`` and ``status``.

    resource: ``Resource.Report``. environment: further variables of its containers. capacity: ``"spot"`` is cheaper,
    and AWS may end the task with two minutes' notice. Raises ``RuntimeError`` if ECS can't place it.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
    """
    variables = [{"name": k, "value": str(v)} for k, v in (environment or {}).items()]
    answer = _ecs().run_task(
        cluster=resource.cluster, taskDefinition=resource.taskDefinition,
        **({"launchType": "FARGATE"} if capacity == "fargate" else
           {"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT"}]}),
        networkConfiguration={"awsvpcConfiguration": {
            "subnets": list(resource.subnets), "securityGroups": list(resource.securityGroups),
            "assignPublicIp": "ENABLED" if resource.assignPublicIp else "DISABLED"}},
        overrides={"containerOverrides": [{"name": n, "environment": variables} for n in resource.containers]})
    if not answer["tasks"]:
        reasons = ", ".join(f.get("reason", "") for f in answer.get("failures", ())) or "no reason given"
        raise RuntimeError(f"the task was not started: {reasons}")
    return _told(answer["tasks"][0])


def describe(resource: Any, task: str) -> dict[str, Any]:
    """What a task does: ``arn``, ``status`` (``"PENDING"``, ``"RUNNING"``, ``"STOPPED"``...), and once it has ended
    ``reason`` and ``exit_codes`` by container. Raises ``LookupError`` if there is none; ECS forgets tasks an hour after
    their end.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html
    """
    answer = _ecs().describe_tasks(cluster=resource.cluster, tasks=[task])
    if not answer["tasks"]:
        raise LookupError(f"there is no task {task}")
    return _told(answer["tasks"][0])


def stop(resource: Any, task: str, reason: str = "") -> dict[str, Any]:
    """Ask a task to end; it is killed after 30 seconds.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html
    """
    answer = _ecs().stop_task(cluster=resource.cluster, task=task, reason=reason or "stopped by sst.task.stop")
    return _told(answer["task"])


def _told(task: Mapping[str, Any]) -> dict[str, Any]:
    codes = {c["name"]: c["exitCode"] for c in task.get("containers", ()) if c.get("exitCode") is not None}
    return {"arn": task["taskArn"], "status": task["lastStatus"], "reason": task.get("stoppedReason") or "",
            "exit_codes": codes}


def _ecs() -> Any:
    try:
        import boto3  # type: ignore[import-untyped]  # it has no types
    except ModuleNotFoundError as e:
        raise RuntimeError("sst.task needs boto3; add it to the project's dependencies") from e
    return boto3.client("ecs")
