"""The schedules of a program: EventBridge Scheduler's, and rules of EventBridge that run by the clock."""
from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from ...core.graph import Graph
from ...core.model import Goal
from ..schedule import Schedule

__all__ = ["keep_still", "schedules_of"]

_SCHEDULE, _RULE = "aws.scheduler.Schedule", "aws.events.Rule"


def schedules_of(graph: Graph) -> list[Schedule]:
    return [_schedule(goal) for goal in graph.goals.values() if goal.type == _SCHEDULE]


def keep_still(graph: Graph) -> None:
    """Deploy them disabled."""
    for urn, goal in graph.goals.items():
        if goal.type == _SCHEDULE or (goal.type == _RULE and goal.inputs.get("schedule_expression")):
            graph.goals[urn] = replace(goal, inputs={**goal.inputs, "state": "DISABLED"})


def _schedule(goal: Goal) -> Schedule:
    def text(name: str) -> str:
        value = goal.inputs.get(name)
        return value if isinstance(value, str) else ""

    name = goal.urn.rpartition("::")[2].removesuffix("/Schedule")
    return Schedule(name, goal.urn, text("schedule_expression"), text("schedule_expression_timezone") or "UTC",
                    _date(text("start_date")), _date(text("end_date")), text("state") != "DISABLED")


def _date(text: str) -> datetime | None:
    if not text:
        return None
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
