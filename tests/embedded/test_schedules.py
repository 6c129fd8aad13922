"""Schedules run when AWS would run them."""
from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from sst.embedded.cloud import Cloud

from .functions import role
from .test_emulator import client
from .test_events import ALLOW_SEND, eventually, queue, received

pytestmark = [pytest.mark.emulator, pytest.mark.slow]
KOLKATA = ZoneInfo("Asia/Kolkata")  # half an hour off: a minute there is another minute of the hour here


def schedule(cloud: Cloud, name: str, expression: str, *, zone: str = "UTC", **more: object) -> str:
    url, arn = queue(cloud, name)
    client(cloud, "scheduler").create_schedule(
        Name=name, ScheduleExpression=expression, ScheduleExpressionTimezone=zone, FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": arn, "RoleArn": role(cloud, name, ALLOW_SEND), "Input": json.dumps({"from": name})}, **more)
    return url


def test_cron_and_at_are_read_in_their_time_zone(cloud: Cloud) -> None:
    soon = datetime.now(KOLKATA) + timedelta(seconds=4)
    once = schedule(cloud, "zone-at", f"at({soon:%Y-%m-%dT%H:%M:%S})", zone="Asia/Kolkata",
                    ActionAfterCompletion="DELETE")
    minute = datetime.now(KOLKATA) + timedelta(minutes=1)
    if minute.second > 50:
        minute += timedelta(minutes=1)
    cron = schedule(cloud, "zone-cron", f"cron({minute.minute} {minute.hour} * * ? *)", zone="Asia/Kolkata")
    assert json.loads(received(cloud, once)["Body"]) == {"from": "zone-at"}
    eventually(lambda: "zone-at" not in [s["Name"] for s in client(cloud, "scheduler").list_schedules()["Schedules"]])
    assert json.loads(received(cloud, cron, seconds=130)["Body"]) == {"from": "zone-cron"}
    assert datetime.now(UTC) < minute + timedelta(seconds=30)


def test_what_is_over_or_switched_off_does_not_run(cloud: Cloud) -> None:
    past = schedule(cloud, "past", "at(2020-01-01T00:00:00)")
    off = schedule(cloud, "off", f"at({datetime.now(UTC) + timedelta(seconds=2):%Y-%m-%dT%H:%M:%S})", State="DISABLED")
    for url in (past, off):
        with pytest.raises(AssertionError, match="no message"):
            received(cloud, url, seconds=5)
