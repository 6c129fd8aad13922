"""Limits that AWS would name in the middle of a deploy are named once the program has ended, with file and line."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sst import aws
from sst.clouds.aws import dynamodb, ecs, elbv2, events, iam, logs, s3, secretsmanager, sns, sqs
from sst.clouds.aws.table import AwsResource
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


def named(row: type[AwsResource], name: str, **more: Any) -> Callable[[], None]:
    return lambda: row("Thing", name=name, **more) and None


def made_of_another() -> None:
    queue = sqs.Queue("Q")
    s3.Bucket("B", name=f"{queue.name}-b")
    logs.LogGroup("L", name=f"/x/{queue.name}")


NAMED = {
    sqs.Queue: ("my queue", "a.fifo.fifo", ""), sns.Topic: ("a.b", "ü"), iam.Role: ("a/b", "a b"),
    logs.LogGroup: ("aws/x", "a:b"), dynamodb.Table: ("ab", "a/b"), secretsmanager.Secret: ("a b",),
    elbv2.TargetGroup: ("-a", "a-", "a_b"), events.Rule: ("a/b",), ecs.Cluster: ("a.b",)}
MORE: dict[Any, dict[str, Any]] = {
    iam.Role: {"assume_role_policy": {}}, secretsmanager.Secret: {"value": "x"},
    dynamodb.Table: {"attribute_definitions": [], "key_schema": []},
    elbv2.TargetGroup: {"protocol": "HTTP", "port": 80, "vpc_id": "vpc-1"},
    events.Rule: {"schedule_expression": "rate(1 day)"}}
REFUSED = {
    **{f"{row.__sst_type__} {name!r}": (named(row, name, **MORE.get(row, {})), f"AWS does not take {name!r}")
       for row, names in NAMED.items() for name in names},
    **{f"bucket {name}": (bucket(name), f"S3 does not take '{name}'") for name in (
        "My_Bucket", "MyBucket", "ab", "a..b", "x y", "x/../../y", "192.168.5.4", "xn--a", "a--x-s3", "-ab", "ab-",
        "a" * 64)},
    "day and weekday": (cron("cron(0 3 * * MON-FRI *)"), "(fifth) must be"),
    "time zone": (cron("cron(0 3 * * ? *)", "Berlin"), 'there is no time zone "Berlin"'),
    "number": (cron("cron(60 25 * * ? *)"), "is not a valid schedule"),
    "date": (cron("at(2020-13-01T00:00:00)"), "valid schedule"),
    "rule once": (rule("at(2030-01-01T00:00:00)"), "can't be used here"),
    "visibility": (slow("5 minutes", "30 seconds"), "hides a message for 30 seconds"),
    "fifo": (dead(True, False), "must be a FIFO queue too"), "standard": (dead(False, True), "must be no FIFO queue"),
    "environment": (variables(5000), "Lambda allows 4,096"),
    "reserved": (variables(1, "AWS_REGION"), "sets AWS_REGION"),
    "overlap": (told(("in/", ""), ("in/a/", ".jpg")), "of one bucket overlap"),
    "overlap without filters": (told(("", ""), ("", "")), "of one bucket overlap"),
}
ALLOWED = {"name of another": made_of_another, "bucket": bucket("my.bucket-1"),
           "visibility": slow("30 seconds", "30 seconds"),
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
