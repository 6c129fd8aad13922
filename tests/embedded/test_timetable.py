"""Schedules by a clock that the tests set."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sst.embedded.timetable import Schedule, Timetable
from sst.errors import UserError

START = datetime(2030, 1, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START.timestamp()

    def __call__(self) -> float:
        return self.now

    def go(self, *times: str) -> None:
        for time in times:
            self.now = datetime.fromisoformat(f"{time}+00:00").timestamp()


class Stage:
    """Schedules, looked at each second."""

    def __init__(self, **schedules: Schedule) -> None:
        self.clock, self.schedules = Clock(), schedules
        self.table = Timetable(self.clock)
        self.refused: list[str] = []

    def run(self, seconds: int) -> list[tuple[str, str]]:
        """What ran in so many seconds, and when."""
        found = []
        for _ in range(seconds):
            self.clock.now += 1
            found += [(key, datetime.fromtimestamp(self.clock.now, UTC).strftime("%H:%M:%S"))
                      for key in self.table.due(self.schedules, warn=self.warn)]
        return found

    def warn(self, key: str, error: UserError) -> None:
        self.refused.append(f"{key}: {error.message}")


def test_each_runs_at_its_time_once() -> None:
    stage = Stage(rate=Schedule("rate(1 minute)", created=START.timestamp()),
                  at=Schedule("at(2030-01-01T00:01:30)"), cron=Schedule("cron(1-2 0 * * ? *)"))
    assert stage.run(150) == [("rate", "00:01:00"), ("cron", "00:01:00"), ("at", "00:01:30"),
                              ("rate", "00:02:00"), ("cron", "00:02:00")]


def test_times_are_those_of_its_zone() -> None:
    kolkata = "Asia/Kolkata"  # half an hour off: a minute there is another minute of the hour here
    stage = Stage(at=Schedule("at(2030-01-01T05:30:05)", kolkata), cron=Schedule("cron(31 5 * * ? *)", kolkata))
    assert stage.run(90) == [("at", "00:00:05"), ("cron", "00:01:00")]


@pytest.mark.parametrize("quiet", [
    Schedule("at(2020-01-01T00:00:00)"),
    Schedule("rate(1 minute)", enabled=False),
    Schedule("rate(1 minute)", end=START.timestamp() - 1),
    Schedule("rate(1 minute)", begin=(START + timedelta(hours=1)).timestamp()),
])
def test_what_is_over_switched_off_or_not_begun_does_not_run(quiet: Schedule) -> None:
    assert Stage(quiet=quiet).run(130) == []


def test_what_would_have_run_before_the_start_is_left_out() -> None:
    stage = Stage(nightly=Schedule("cron(0 0 * * ? *)", created=(START - timedelta(days=9)).timestamp()))
    assert stage.run(60) == []


def test_what_came_while_it_did_not_look_runs_once() -> None:
    stage = Stage(rate=Schedule("rate(1 minute)", created=START.timestamp()))
    assert stage.run(1) == []
    stage.clock.go("2030-01-01 00:10:29")  # the machine slept
    assert stage.run(45) == [("rate", "00:10:30"), ("rate", "00:11:00")]


def test_a_schedule_that_is_new_counts_from_its_creation() -> None:
    stage = Stage()
    stage.run(100)
    stage.schedules["new"] = Schedule("cron(* * * * ? *)", created=stage.clock.now)
    assert stage.run(30) == [("new", "00:02:00")]


def test_which_never_run_again() -> None:
    stage = Stage(past=Schedule("at(2029-12-31T23:59:59)"), soon=Schedule("at(2030-01-01T00:00:05)"),
                  cron=Schedule("cron(0 0 * * ? *)"), ended=Schedule("rate(1 day)", end=START.timestamp() - 1),
                  odd=Schedule("whenever"))
    assert stage.table.over(stage.schedules) == ["past", "ended"]
    assert stage.run(5) == [("soon", "00:00:05")]
    assert stage.table.over(stage.schedules) == ["past", "soon", "ended"]


def test_an_expression_that_is_none_does_not_keep_others_from_running() -> None:
    stage = Stage(odd=Schedule("whenever"), at=Schedule("at(2030-01-01T00:00:01)"))
    assert stage.run(1) == [("at", "00:00:01")]
    assert stage.refused == ["odd: 'whenever' is not a valid schedule"]
