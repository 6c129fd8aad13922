"""Scheduler: a schedule runs in its own time zone, at its minute; what would have run while the cloud was off is left
out.

The emulator reads each schedule as UTC, looks every ten seconds, and after a restart runs once more what is over.

Goes when ministack's Scheduler reads ScheduleExpressionTimezone, looks each second, and leaves out what is past after
a restart; last checked with 1.5.33.
"""
from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Mapping
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sst.embedded.settings import Settings
from sst.embedded.timetable import Schedule, Timetable

__all__ = ["NEEDS", "apply"]

NEEDS: Mapping[str, str] = {
    "core.responses:request_scope": "(account_id, region)",
    "services.eventbridge:_invoke_target": "(target, event, rule, view=None)",
    "services.scheduler:_SCHEDULE_TICK_INTERVAL": "int",
    "services.scheduler:_schedules": "AccountRegionScopedDict",
    "services.scheduler:_tick_schedules": "()",
    "services.scheduler:_to_epoch": "(value)",
}

_EVERY = 1
"""Seconds between two looks."""
_log = logging.getLogger("sst.schedules")


def apply(settings: Settings) -> None:
    from ministack.services import scheduler

    table = Timetable(time.time)

    def tick() -> None:
        kept = scheduler._schedules._data
        schedules = {key: _read(schedule) for key, schedule in list(kept.items())}
        for key in table.due(schedules, warn=lambda key, error: _log.warning("%s: %s", key[2], error)):
            if key in kept:
                _fire(key, kept[key], time.time())
        for key in table.over(schedules):
            if kept.get(key, {}).get("ActionAfterCompletion") == "DELETE":
                kept.pop(key, None)

    scheduler._SCHEDULE_TICK_INTERVAL = _EVERY
    scheduler._tick_schedules = tick


def _read(schedule: Mapping[str, Any]) -> Schedule:
    from ministack.services.scheduler import _to_epoch

    zone = str(schedule.get("ScheduleExpressionTimezone") or "UTC")
    return Schedule(str(schedule.get("ScheduleExpression")), _zone(zone),
                    schedule.get("State") == "ENABLED", _to_epoch(schedule.get("CreationDate")) or 0.0,
                    _to_epoch(schedule.get("StartDate")), _to_epoch(schedule.get("EndDate")))


@cache
def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError):
        _log.warning("there is no time zone %r on this machine: its schedules run by UTC", name)
        return "UTC"


def _fire(key: tuple[str, str, str], schedule: Mapping[str, Any], now: float) -> None:
    from ministack.core.responses import request_scope
    from ministack.services import eventbridge

    account, region, name = key
    target = schedule.get("Target") or {}
    if not target.get("Arn"):
        return
    event = {"EventId": str(uuid.uuid4()), "Source": "aws.scheduler", "DetailType": "Scheduled Event", "Detail": "{}",
             "Time": now,
             "Resources": [schedule.get("Arn", "")], "Account": account, "Region": region}
    with request_scope(account, region):
        try:
            eventbridge._invoke_target(target, event, schedule)
        except Exception:  # a target that is gone must not end the others
            _log.exception("schedule %s could not call %s", name, target["Arn"])
