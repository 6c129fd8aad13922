"""Schedules run through the embedded cloud. Their times, by a clock that the tests set: test_timetable.py."""
from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest

from sst.embedded.cloud import Cloud

from .functions import role
from .test_emulator import client
from .test_events import ALLOW_SEND, eventually, queue, received

pytestmark = [pytest.mark.emulator, pytest.mark.slow]


def schedule(cloud: Cloud, name: str, seconds: int, *, zone: tzinfo = UTC, **more: object) -> str:
    """A queue that gets a message in so many seconds from now."""
    url, arn = queue(cloud, name)
    target = {"Arn": arn, "RoleArn": role(cloud, name, ALLOW_SEND, service="scheduler"),
              "Input": json.dumps({"from": name})}
    scheduler = client(cloud, "scheduler")
    at = datetime.now(zone) + timedelta(seconds=seconds)
    scheduler.create_schedule(Name=name, ScheduleExpression=f"at({at:%Y-%m-%dT%H:%M:%S})", Target=target,
                              ScheduleExpressionTimezone=str(zone), FlexibleTimeWindow={"Mode": "OFF"}, **more)
    return url


@pytest.mark.long
def test_it_runs_in_its_time_zone_and_is_deleted(cloud: Cloud) -> None:
    once = schedule(cloud, "zone-at", 3, zone=ZoneInfo("Asia/Kolkata"), ActionAfterCompletion="DELETE")
    assert json.loads(received(cloud, once)["Body"]) == {"from": "zone-at"}
    eventually(lambda: "zone-at" not in [s["Name"] for s in client(cloud, "scheduler").list_schedules()["Schedules"]])


@pytest.mark.long
def test_what_is_over_or_switched_off_does_not_run(cloud: Cloud) -> None:
    past, off = schedule(cloud, "past", -60), schedule(cloud, "off", 3, State="DISABLED")
    received(cloud, schedule(cloud, "on", 4))  # when the others would have run, if they did
    for url in (past, off):
        assert "Messages" not in client(cloud, "sqs").receive_message(QueueUrl=url)
