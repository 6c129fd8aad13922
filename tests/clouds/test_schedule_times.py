"""When schedules run."""
from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from sst.clouds.schedule_times import runs
from sst.errors import UserError

START = datetime(2030, 1, 1, tzinfo=UTC)  # a Tuesday


def told(expression: str, count: int = 3, *, after: datetime = START, timezone: str = "UTC") -> list[str]:
    return [at.strftime("%Y-%m-%d %H:%M") for at in islice(runs(expression, after=after, since=START,
                                                                timezone=timezone), count)]


@pytest.mark.parametrize(("expression", "times"), [
    ("rate(1 minute)", ["2030-01-01 00:01", "2030-01-01 00:02", "2030-01-01 00:03"]),
    ("rate(2 days)", ["2030-01-03 00:00", "2030-01-05 00:00", "2030-01-07 00:00"]),
    ("at(2030-02-03T04:05:06)", ["2030-02-03 04:05"]),
    ("at(2029-02-03T04:05:06)", []),
    ("cron(0 0 * * ? *)", ["2030-01-02 00:00", "2030-01-03 00:00", "2030-01-04 00:00"]),
    ("cron(0/20 8-9 * * ? *)", ["2030-01-01 08:00", "2030-01-01 08:20", "2030-01-01 08:40"]),
    ("cron(*/30 * * * ? *)", ["2030-01-01 00:30", "2030-01-01 01:00", "2030-01-01 01:30"]),
    ("cron(15,45 12 ? * MON-FRI *)", ["2030-01-01 12:15", "2030-01-01 12:45", "2030-01-02 12:15"]),
    ("cron(0 9 ? * 2 *)", ["2030-01-07 09:00", "2030-01-14 09:00", "2030-01-21 09:00"]),
    ("cron(0 9 ? * SAT-SUN *)", ["2030-01-05 09:00", "2030-01-06 09:00", "2030-01-12 09:00"]),
    ("cron(0 9 ? * L *)", ["2030-01-05 09:00", "2030-01-12 09:00", "2030-01-19 09:00"]),
    ("cron(0 9 ? * 6L *)", ["2030-01-25 09:00", "2030-02-22 09:00", "2030-03-29 09:00"]),
    ("cron(0 9 ? * MON#1 *)", ["2030-01-07 09:00", "2030-02-04 09:00", "2030-03-04 09:00"]),
    ("cron(0 9 L * ? *)", ["2030-01-31 09:00", "2030-02-28 09:00", "2030-03-31 09:00"]),
    ("cron(0 9 LW * ? *)", ["2030-01-31 09:00", "2030-02-28 09:00", "2030-03-29 09:00"]),
    ("cron(0 9 1W * ? *)", ["2030-01-01 09:00", "2030-02-01 09:00", "2030-03-01 09:00"]),
    ("cron(0 9 1W 6,9 ? *)", ["2030-06-03 09:00", "2030-09-02 09:00", "2031-06-02 09:00"]),
    ("cron(0 9 29 FEB ? *)", ["2032-02-29 09:00", "2036-02-29 09:00", "2040-02-29 09:00"]),
    ("cron(0 9 1 1 ? 2031-2032)", ["2031-01-01 09:00", "2032-01-01 09:00"]),
    ("cron(0 9 31 4 ? *)", []),
    ("cron(0 9 ? * 2,6L *)", ["2030-01-07 09:00", "2030-01-14 09:00", "2030-01-21 09:00"]),
    ("cron(0 9 1W,15W * ? *)", ["2030-01-01 09:00", "2030-01-15 09:00", "2030-02-01 09:00"]),
])
def test_each_form(expression: str, times: list[str]) -> None:
    assert told(expression) == times


def test_a_rate_counts_from_its_beginning() -> None:
    assert told("rate(1 hour)", 2, after=START + timedelta(minutes=90)) == ["2030-01-01 02:00", "2030-01-01 03:00"]


def test_clocks_that_change_leave_out_and_do_not_repeat() -> None:
    spring, autumn = datetime(2030, 3, 30, 12, tzinfo=UTC), datetime(2030, 10, 26, 12, tzinfo=UTC)
    assert told("cron(30 2 * * ? *)", 2, after=spring, timezone="Europe/Berlin") == [
        "2030-04-01 00:30",
        "2030-04-02 00:30",
    ]
    assert told("cron(30 2 * * ? *)", 2, after=autumn, timezone="Europe/Berlin") == [
        "2030-10-27 00:30",
        "2030-10-28 01:30",
    ]


@pytest.mark.parametrize("expression", ["daily", "rate(0 minutes)", "rate(5 weeks)", "cron(0 9 * *)",
                                        "cron(61 9 * * ? *)", "at(soon)",
                                        "cron(0 9 ? * MOO *)", "cron(0/0 9 * * ? *)", "cron(0 3 * * MON-FRI *)",
                                        "cron(0 3 ? * ? *)", "cron(0 3 ? * 8 *)", "cron(60 25 * * ? *)",
                                        "cron(a b c d e f)", "at(2020-13-01T00:00:00)", "at(2030-01-01)",
                                        "rate(1 minutes)", "rate(2 minute)", "rate(-1 hours)", "cron(0 9 L-32 * ? *)",
                                        "cron(0 9 32 * ? *)", "cron(0 9 0W * ? *)", "cron(0 9 ? * 2#6 *)",
                                        "cron(0 9 ? * 3#1,6#3 *)", "cron(0 9 ? * 1#5,6L *)", "cron(0 9 1-5W * ? *)",
                                        "cron(0 9 ? * ? * *)", "cron(? 9 * * ? *)", " rate(2 minutes)"])
def test_what_is_no_schedule(expression: str) -> None:
    with pytest.raises(UserError, match="is not a valid schedule"):
        told(expression)


def test_what_is_no_time_zone() -> None:
    with pytest.raises(UserError, match='no time zone "Europe/Bern in"'):
        told("cron(0 9 * * ? *)", timezone="Europe/Bern in")
