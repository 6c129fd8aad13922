"""What the types of `time` that need no plugin make of their arguments."""
from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ...errors import UserError

__all__ = ["BASE", "IN_PLACE", "TIMES", "check_times", "is_due", "seconds_of"]

_UNITS = ("years", "months", "days", "hours", "minutes", "seconds")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}

BASE = {"time_static": "rfc3339", "time_offset": "base_rfc3339", "time_rotating": "rfc3339"}
"""The moment that a type is counted from: that of its creation, if none is given."""
IN_PLACE = {"time_offset": frozenset(f"offset_{u}" for u in _UNITS),
            "time_rotating": frozenset(f"rotation_{u}" for u in _UNITS),
            "time_sleep": frozenset(("create_duration", "destroy_duration"))}
"""Arguments that change without a new resource: the moment it is counted from stays."""


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(text)
    return found.astimezone(UTC)


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _parts(moment: datetime) -> dict[str, Any]:
    return {k: getattr(moment, k) for k in ("year", "month", "day", "hour", "minute", "second")} | {
        "unix": int(moment.timestamp())}


def _moved(moment: datetime, values: Mapping[str, Any], prefix: str) -> datetime:
    """Days beyond the end of a month run into the next one: a month after January 31 is March 3, or 2."""
    given = {u: int(values.get(f"{prefix}_{u}") or 0) for u in _UNITS}
    months = moment.year * 12 + moment.month - 1 + given["years"] * 12 + given["months"]
    first = moment.replace(year=months // 12, month=months % 12 + 1, day=1)
    return first + timedelta(days=moment.day - 1 + given["days"], hours=given["hours"], minutes=given["minutes"],
                             seconds=given["seconds"])


def _based(type: str, values: Mapping[str, Any]) -> datetime:
    given = values.get(BASE[type])
    return _moment(given) if given else datetime.now(UTC).replace(microsecond=0)


def _static(values: dict[str, Any]) -> dict[str, Any]:
    base = _based("time_static", values)
    return values | _parts(base) | {"rfc3339": _text(base), "id": _text(base)}


def _offset(values: dict[str, Any]) -> dict[str, Any]:
    base = _based("time_offset", values)
    moved = _moved(base, values, "offset")
    return values | _parts(moved) | {"base_rfc3339": _text(base), "rfc3339": _text(moved), "id": _text(base)}


def _rotating(values: dict[str, Any]) -> dict[str, Any]:
    base = _based("time_rotating", values)
    fixed = values.get("rotation_rfc3339") if not any(values.get(f"rotation_{u}") for u in _UNITS) else None
    due = _moment(fixed) if fixed else _moved(base, values, "rotation")
    return values | _parts(base) | {"rfc3339": _text(base), "rotation_rfc3339": _text(due), "id": _text(base)}


def _sleep(values: dict[str, Any]) -> dict[str, Any]:
    return values | {"id": _text(datetime.now(UTC))}


TIMES = {"time_static": _static, "time_offset": _offset, "time_rotating": _rotating, "time_sleep": _sleep}


def is_due(outputs: Mapping[str, Any]) -> bool:
    """Whether a `time_rotating` is to be made anew."""
    return datetime.now(UTC) >= _moment(str(outputs["rotation_rfc3339"]))


def seconds_of(duration: str | None) -> float:
    """Of ``1m30s``, as Go spells durations. Raises ``ValueError``."""
    if not duration:
        return 0.0
    parts = _DURATION.findall(duration)
    if "".join(n + unit for n, unit in parts) != duration:
        raise ValueError(duration)
    return sum(float(n) * _SECONDS[unit] for n, unit in parts)


def check_times(type: str, values: Mapping[str, Any]) -> None:
    """Raises ``UserError`` for arguments that can't be; those that are not known yet are passed over."""
    for name in ("rfc3339", "base_rfc3339", "rotation_rfc3339"):
        if isinstance(given := values.get(name), str):
            try:
                _moment(given)
            except ValueError:
                raise UserError(f"{name}: {given!r} is not a time with a zone, as 2026-01-31T12:00:00Z") from None
    for name in ("create_duration", "destroy_duration"):
        if isinstance(given := values.get(name), str):
            try:
                seconds_of(given)
            except ValueError:
                raise UserError(f"{name}: {given!r} is not a duration, as 30s or 1m30s") from None
    prefix = {"time_offset": "offset", "time_rotating": "rotation"}.get(type)
    wanted = [f"{prefix}_{u}" for u in _UNITS] + (["rotation_rfc3339"] if prefix == "rotation" else [])
    if prefix and all(values.get(name) is None for name in wanted):
        raise UserError(f"one of {', '.join(wanted)} is needed")
