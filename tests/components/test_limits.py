"""Limits that AWS would name in the middle of a deploy are named once the program has ended, with file and line."""
from __future__ import annotations

from collections.abc import Callable

import pytest

from sst import aws
from sst.clouds.aws import events, s3
from sst.errors import SstError
from tests.components.graphs import program

H = "src/job.handler"


def slow(timeout: str, hidden: str) -> Callable[[], None]:
    def declare() -> None:
        aws.Queue("Jobs", visibility_timeout=hidden).subscribe({"handler": H, "timeout": timeout})
    return declare


def dead(fifo: bool, dead_fifo: bool) -> Callable[[], None]:
    return lambda: aws.Queue("Jobs", fifo=fifo, dlq=aws.Queue("Dead", fifo=dead_fifo)) and None


def variables(size: int, name: str = "A") -> Callable[[], None]:
    return lambda: aws.Function("Fn", handler=H, environment={name: "x" * size}) and None


def told(*filters: tuple[str, str]) -> Callable[[], None]:
    def declare() -> None:
        bucket = aws.Bucket("Files")
        for prefix, suffix in filters:
            bucket.subscribe(H, events=["s3:ObjectCreated:*"], filter_prefix=prefix, filter_suffix=suffix)
    return declare


def cron(schedule: str, timezone: str | None = None) -> Callable[[], None]:
    return lambda: aws.Cron("Nightly", schedule=schedule, timezone=timezone, job=H) and None


def rule(schedule: str) -> Callable[[], None]:
    return lambda: events.Rule("Nightly", schedule_expression=schedule) and None


def bucket(name: str) -> Callable[[], None]:
    return lambda: s3.Bucket("Buck", name=name) and None


REFUSED = {
    **{f"bucket {name}": (bucket(name), f"S3 does not take '{name}'") for name in (
        "My_Bucket", "MyBucket", "ab", "a..b", "x y", "x/../../y", "192.168.5.4", "xn--a", "a--x-s3", "-ab", "ab-",
        "a" * 64)},
    "day and weekday": (cron("cron(0 3 * * MON-FRI *)"), "(fifth) must be"),
    "time zone": (cron("cron(0 3 * * ? *)", "Berlin"), 'there is no time zone "Berlin"'),
    "number": (cron("cron(60 25 * * ? *)"), "is no schedule"), "date": (cron("at(2020-13-01T00:00:00)"), "no schedule"),
    "rule once": (rule("at(2030-01-01T00:00:00)"), "can't be used here"),
    "visibility": (slow("5 minutes", "30 seconds"), "hides a message for 30 seconds"),
    "fifo": (dead(True, False), "must be a FIFO queue too"), "standard": (dead(False, True), "must be no FIFO queue"),
    "environment": (variables(5000), "Lambda allows 4,096"),
    "reserved": (variables(1, "AWS_REGION"), "sets AWS_REGION"),
    "overlap": (told(("in/", ""), ("in/a/", ".jpg")), "of one bucket overlap"),
    "overlap without filters": (told(("", ""), ("", "")), "of one bucket overlap"),
}
ALLOWED = {"bucket": bucket("my.bucket-1"), "visibility": slow("30 seconds", "30 seconds"),
           "cron": cron("cron(0 3 ? * MON-FRI *)", "Europe/Berlin"),
           "rule": rule("cron(0 3 ? * 2#1 *)"), "fifo": dead(True, True), "standard": dead(False, False),
           "environment": variables(4000), "apart": told(("in/", ""), ("out/", "")),
           "suffix": told(("", "a"), ("", "b"))}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_over_a_limit_is_refused(name: str) -> None:
    declare, text = REFUSED[name]
    with pytest.raises(SstError) as e, program():
        declare()
    assert text in str(e.value) and "test_limits.py:" in str(e.value)


@pytest.mark.parametrize("name", ALLOWED)
def test_what_is_within_is_not(name: str) -> None:
    with program():
        ALLOWED[name]()
