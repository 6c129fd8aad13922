"""Crons in tests: they keep still, and tests say when they run."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ..clouds.registry import keep_still, schedules_of
from ..clouds.schedule import Schedule
from ..clouds.schedule_times import runs
from ..core.graph import Graph
from ..core.names import did_you_mean
from ..errors import UserError
from ..project.app import App
from ..project.project import Project

__all__ = ["Still", "crons_of", "find_cron", "times"]


def times(cron: Schedule, *, after: datetime, since: datetime) -> Iterator[datetime]:
    """When it runs, in UTC; rates count from their start date or else from ``since``."""
    for at in runs(cron.expression, after=after, since=cron.start or since, timezone=cron.timezone):
        if cron.end and at > cron.end:
            return
        if not cron.start or at >= cron.start:
            yield at


@dataclass(frozen=True)
class Still(Project):
    """A project whose schedules are deployed disabled, so that none runs in the middle of a test."""

    crons: dict[str, Schedule] = field(default_factory=dict)

    def declare(self, graph: Graph) -> App:
        app = super().declare(graph)
        self.crons.update(crons_of(graph))
        keep_still(graph)
        return app


def crons_of(graph: Graph) -> dict[str, Schedule]:
    """The schedules that a program declares, by name."""
    return {cron.name: cron for cron in schedules_of(graph)}


def find_cron(crons: Mapping[str, Schedule], name: str) -> Schedule:
    if name not in crons:
        raise UserError(f'no cron is named "{name}"',
                        hint=did_you_mean(name, sorted(crons)) if crons else "the app has none")
    return crons[name]
