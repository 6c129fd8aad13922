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
from datetime import UTC, datetime
from typing import Any

from sst.embedded.schedule import runs
from sst.embedded.settings import Settings
from sst.errors import UserError

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

    seen: dict[tuple[str, str, str], float] = {}
    began = time.time()

    def tick() -> None:
        now = time.time()
        for key, schedule in list(scheduler._schedules._data.items()):
            if _is_due(schedule, seen.get(key, began), now):
                _fire(key, schedule, now)
            seen[key] = now
            if schedule.get("ActionAfterCompletion") == "DELETE" and _is_over(schedule, now):
                scheduler._schedules._data.pop(key, None)

    scheduler._SCHEDULE_TICK_INTERVAL = _EVERY
    scheduler._tick_schedules = tick


def _is_due(schedule: Mapping[str, Any], last: float, now: float) -> bool:
    """Whether it runs between the last look and this one."""
    from ministack.services.scheduler import _to_epoch

    begin, end = _to_epoch(schedule.get("StartDate")), _to_epoch(schedule.get("EndDate"))
    if schedule.get("State") != "ENABLED" or (begin is not None and now < begin) or (end is not None and now > end):
        return False
    following = _next(schedule, max(last, _to_epoch(schedule.get("CreationDate")) or 0))
    return following is not None and following <= now


def _is_over(schedule: Mapping[str, Any], now: float) -> bool:
    from ministack.services.scheduler import _to_epoch

    end = _to_epoch(schedule.get("EndDate"))
    return (end is not None and now > end) or (str(schedule.get("ScheduleExpression")).startswith("at(")
                                               and _next(schedule, now) is None)


def _next(schedule: Mapping[str, Any], after: float) -> float | None:
    """The time of its next run, in seconds since 1970."""
    from ministack.services.scheduler import _to_epoch

    expression, zone = str(schedule.get("ScheduleExpression")), str(schedule.get("ScheduleExpressionTimezone") or "UTC")
    begin = _to_epoch(schedule.get("StartDate")) or _to_epoch(schedule.get("CreationDate")) or after
    for timezone in (zone, "UTC"):  # a machine without a list of time zones has UTC alone
        try:
            times = runs(expression, after=datetime.fromtimestamp(after, UTC), since=datetime.fromtimestamp(begin, UTC),
                         timezone=timezone)
            found = next(times, None)
            return found.timestamp() if found else None
        except UserError as error:
            _log.warning("%s: %s", schedule.get("Name"), error)
    return None


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
