"""Crons in tests: they keep still, and tests say when they run."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from ..core.graph import Graph
from ..core.model import Goal
from ..core.names import did_you_mean
from ..embedded.schedule import runs
from ..errors import UserError
from ..project.app import App
from ..project.project import Project

__all__ = ["Cron", "Still", "crons_of", "find_cron"]

_SCHEDULE, _RULE = "aws.scheduler.Schedule", "aws.events.Rule"


@dataclass(frozen=True)
class Cron:
    """A schedule of the program, ``Tidy`` or ``Web/Nightly``."""

    name: str
    urn: str
    expression: str
    timezone: str
    start: datetime | None
    end: datetime | None
    enabled: bool

    def times(self, *, after: datetime, since: datetime) -> Iterator[datetime]:
        """When it runs, in UTC; rates count from their start date or else from ``since``."""
        for at in runs(self.expression, after=after, since=self.start or since, timezone=self.timezone):
            if self.end and at > self.end:
                return
            if not self.start or at >= self.start:
                yield at


@dataclass(frozen=True)
class Still(Project):
    """A project whose schedules are deployed disabled, so that none runs in the middle of a test."""

    crons: dict[str, Cron] = field(default_factory=dict)

    def declare(self, graph: Graph) -> App:
        app = super().declare(graph)
        self.crons.update(crons_of(graph))
        for urn, goal in graph.goals.items():
            if goal.type == _SCHEDULE or (goal.type == _RULE and goal.inputs.get("schedule_expression")):
                graph.goals[urn] = replace(goal, inputs={**goal.inputs, "state": "DISABLED"})
        return app


def crons_of(graph: Graph) -> dict[str, Cron]:
    """The schedules that a program declares, by name."""
    found = [_cron(goal) for goal in graph.goals.values() if goal.type == _SCHEDULE]
    return {cron.name: cron for cron in found}


def find_cron(crons: Mapping[str, Cron], name: str) -> Cron:
    if name not in crons:
        raise UserError(f'no cron is named "{name}"',
                        hint=did_you_mean(name, sorted(crons)) if crons else "the app has none")
    return crons[name]


def _cron(goal: Goal) -> Cron:
    def text(name: str) -> str:
        value = goal.inputs.get(name)
        return value if isinstance(value, str) else ""

    name = goal.urn.rpartition("::")[2].removesuffix("/Schedule")
    return Cron(name, goal.urn, text("schedule_expression"), text("schedule_expression_timezone") or "UTC",
                _date(text("start_date")), _date(text("end_date")), text("state") != "DISABLED")


def _date(text: str) -> datetime | None:
    if not text:
        return None
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
