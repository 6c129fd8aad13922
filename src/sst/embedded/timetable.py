"""Which schedules are due, by a clock that is handed in: what would have run while nobody looked is left out."""
from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from sst.clouds.schedule_times import runs
from sst.errors import UserError

__all__ = ["Schedule", "Timetable"]

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule as EventBridge Scheduler has it. Times are seconds since 1970."""

    expression: str
    timezone: str = "UTC"
    enabled: bool = True
    created: float = 0.0
    begin: float | None = None
    end: float | None = None

    def is_due(self, last: float, now: float) -> bool:
        """Whether it runs between the last look and this one. Raises `UserError` for an expression that is none."""
        if not self.enabled or (self.begin is not None and now < self.begin) or \
                (self.end is not None and now > self.end):
            return False
        following = self._next(max(last, self.created))
        return following is not None and following <= now

    def is_over(self, now: float) -> bool:
        """Whether it never runs again. Raises `UserError` for an expression that is none."""
        return (self.end is not None and now > self.end) or (
            self.expression.startswith("at(") and self._next(now) is None)

    def _next(self, after: float) -> float | None:
        since = self.begin or self.created or after
        times = runs(self.expression, after=datetime.fromtimestamp(after, UTC),
                     since=datetime.fromtimestamp(since, UTC), timezone=self.timezone)
        found = next(times, None)
        return found.timestamp() if found else None


class Timetable:
    """Remembers when it looked at each schedule; what is new counts from its creation, but not from before the start.

        table = Timetable(time.time)
        for key in table.due({"nightly": Schedule("cron(0 3 * * ? *)", "Europe/Berlin")}, warn=print):
            call(key)

    ``warn`` hears of expressions that can't be read; such a schedule never runs.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._began = clock()
        self._seen: dict[Hashable, float] = {}

    def due(self, schedules: Mapping[K, Schedule], *, warn: Callable[[K, UserError], None]) -> list[K]:
        """Those that run now. Asked again, those that run after that."""
        now, found = self._clock(), list[K]()
        for key, schedule in schedules.items():
            last, self._seen[key] = self._seen.get(key, self._began), now
            try:
                if schedule.is_due(last, now):
                    found.append(key)
            except UserError as error:
                warn(key, error)
        return found

    def over(self, schedules: Mapping[K, Schedule]) -> list[K]:
        """Those that never run again."""
        now = self._clock()
        return [key for key, schedule in schedules.items() if _is_over(schedule, now)]


def _is_over(schedule: Schedule, now: float) -> bool:
    try:
        return schedule.is_over(now)
    except UserError:
        return False
