"""When a schedule runs: ``rate(...)``, ``cron(...)`` and ``at(...)`` as EventBridge Scheduler reads them.

Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""
from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import count

from ..errors import UserError

__all__ = ["problem", "runs"]

_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
_MONTHS = {name: n for n, name in enumerate(["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT",
                                             "NOV", "DEC"], 1)}
_DAYS = {name: n for n, name in enumerate(["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"], 1)}
_YEARS = 13
"""How far is looked for a day: 29 February is eight years off at most."""


def runs(expression: str, *, after: datetime, since: datetime, timezone: str = "UTC") -> Iterator[datetime]:
    """The times in UTC at which it runs, in order, those later than ``after``. A rate counts from ``since``.

    An hour that clocks leave out has no run, one that they repeat has one. Raises ``UserError`` for what is no
    schedule.
    """
    found = re.fullmatch(r"(rate|cron|at)\((.*)\)", expression)
    if not found:
        raise _odd(expression)
    kind, text = found.groups()
    zone = _zone(timezone)
    try:
        if kind == "rate":
            return _rate(text, after, since)
        times = iter([_at(text)]) if kind == "at" else _cron(text, after.astimezone(zone).date())
    except (ValueError, KeyError):
        raise _odd(expression) from None
    return (there for there in (_utc(t, zone) for t in times) if there and there > after)


def problem(expression: str, timezone: str = "UTC", *,
            kinds: Sequence[str] = ("rate", "cron", "at")) -> UserError | None:
    """Why AWS would refuse a schedule, if it would. ``kinds`` are those that the service takes."""
    kind = expression.partition("(")[0]
    if kind in ("rate", "cron", "at") and kind not in kinds:
        return UserError(f"{expression!r} can't be used here", hint=f"write {' or '.join(f'{k}(...)' for k in kinds)}")
    if timezone not in ("", "UTC"):
        from zoneinfo import available_timezones  # reads hundreds of files

        if (known := available_timezones()) and timezone not in known:
            return _no_zone(timezone)
    now = datetime(2000, 1, 1, tzinfo=UTC)
    try:
        runs(expression, after=now, since=now)
    except UserError as e:
        return e
    return None


def _zone(name: str) -> tzinfo:
    if name in ("", "UTC"):  # a bare machine has no list of zones
        return UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise _no_zone(name) from None


def _no_zone(name: str) -> UserError:
    return UserError(f'there is no time zone "{name}"', hint='write it like "Europe/Berlin"')


def _odd(expression: str) -> UserError:
    return UserError(f"{expression!r} is not a valid schedule",
                     hint='write "rate(5 minutes)", "cron(0 3 * * ? *)" or "at(2027-01-01T00:00:00)"')


def _utc(local: datetime, zone: tzinfo) -> datetime | None:
    there = local.replace(tzinfo=zone).astimezone(UTC)
    return there if there.astimezone(zone).replace(tzinfo=None) == local else None


def _rate(text: str, after: datetime, since: datetime) -> Iterator[datetime]:
    number, _, unit = text.partition(" ")
    step = timedelta(seconds=_integer(number) * _SECONDS[unit.removesuffix("s")])
    if not step or (int(number) == 1) == unit.endswith("s"):
        raise UserError(f"'rate({text})' is not a valid schedule",
                        hint='a rate is at least 1; it is "rate(1 minute)" but "rate(2 minutes)"')
    first = max((after - since) // step + 1, 1)
    return (since + n * step for n in count(first))


def _at(text: str) -> datetime:
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", text):
        raise ValueError(text)
    return datetime.fromisoformat(text)


def _cron(text: str, begin: date) -> Iterator[datetime]:
    minute, hour, day, month, weekday, year = text.upper().split(" ")
    if (day == "?") == (weekday == "?"):
        raise UserError(f"'cron({text})' is not a valid schedule", hint='one of the day of the month (third '
                        'field) and the day of the week (fifth) must be "?"')
    minutes, hours = sorted(_numbers(minute, 0, 59)), sorted(_numbers(hour, 0, 23))
    months, years = _numbers(month, 1, 12, _MONTHS), _numbers(year, 1970, 2199)
    fits = _weekday(weekday) if day == "?" else _day(day)

    def times() -> Iterator[datetime]:
        for today in _days(begin, months, years):
            if fits(today):
                yield from (datetime(today.year, today.month, today.day, h, m) for h in hours for m in minutes)

    return times()


def _days(begin: date, months: set[int], years: set[int]) -> Iterator[date]:
    later = sorted(y for y in years if y >= begin.year)
    for year in later[:_YEARS]:
        for month in sorted(months):
            for day in range(1, monthrange(year, month)[1] + 1):
                if (today := date(year, month, day)) >= begin:
                    yield today


def _integer(text: str) -> int:
    """Digits alone: `int` would take ``+5``, ``1_0`` and those of other scripts."""
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(text)
    return int(text)


def _numbers(field: str, low: int, high: int, names: Mapping[str, int] | None = None) -> set[int]:
    """``*``, ``5``, ``MON-FRI``, ``0/15``, ``1,15``. A range may go over the end: ``FRI-MON``."""
    words = names or {}

    def number(text: str) -> int:
        value = words[text] if text in words else _integer(text)
        if not low <= value <= high:
            raise ValueError(text)
        return value

    found: set[int] = set()
    for part in field.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        if span == "*":
            begin, end = low, high
        else:
            begin = number(first)
            end = number(last) if dash else high if slash else begin
        if end < begin:
            end += high - low + 1
        found |= {low + (n - low) % (high - low + 1) for n in range(begin, end + 1, _integer(step) if slash else 1)}
    return found


def _day(field: str) -> Callable[[date], bool]:
    """Days of the month: also ``L`` (the last), ``LW`` (the last weekday), ``15W`` (the weekday nearest to the
    15th)."""
    def of(part: str) -> Callable[[date], bool]:
        if part == "L":
            return lambda d: d.day == _last(d)
        if part == "LW":
            return lambda d: d.day == _working(d, _last(d))
        if part.endswith("W"):
            wanted = _integer(part[:-1])
            if not 1 <= wanted <= 31:
                raise ValueError(part)
            return lambda d: d.day == _working(d, min(wanted, _last(d)))
        days = _numbers(part, 1, 31)
        return lambda d: d.day in days

    tests = [of(part) for part in field.split(",")]
    return lambda d: any(test(d) for test in tests)


def _weekday(field: str) -> Callable[[date], bool]:
    """Days of the week, Sunday is 1: also ``L`` (Saturday), ``6L`` (the month's last Friday), ``2#1`` (its first
    Monday), which stands alone. Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-cron-expressions.html
    """
    def of(part: str) -> Callable[[date], bool]:
        day, nth, number = part.partition("#")
        if part != "L" and part.endswith("L"):
            day = part[:-1]
        days = _numbers("7" if day == "L" else day, 1, 7, _DAYS)
        if day != part and len(days) > 1:  # the last or the second of what?
            raise ValueError(part)
        if nth:
            which = _integer(number)
            if not 1 <= which <= 5:
                raise ValueError(part)
            return lambda d: _number(d) in days and (d.day - 1) // 7 + 1 == which
        if part != "L" and part.endswith("L"):
            return lambda d: _number(d) in days and d.day + 7 > _last(d)
        return lambda d: _number(d) in days

    if "#" in field and "," in field:
        raise UserError(f"the day of the week {field!r} is not a valid schedule",
                        hint="with # there is one day: 2#1 is the month's first Monday; make a schedule for each")
    tests = [of(part) for part in field.split(",")]
    return lambda d: any(test(d) for test in tests)


def _number(day: date) -> int:
    return day.isoweekday() % 7 + 1


def _last(day: date) -> int:
    return monthrange(day.year, day.month)[1]


def _working(month: date, day: int) -> int:
    """The day from Monday to Friday that is nearest, in the same month."""
    match month.replace(day=day).isoweekday():
        case 6:
            return day - 1 if day > 1 else day + 2
        case 7:
            return day + 1 if day < _last(month) else day - 2
    return day
