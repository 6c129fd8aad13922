"""Durations and sizes as users write them: ``"3 minutes"``, ``"1024 MB"``, ``"rate(1 minute)"``."""
from __future__ import annotations

import re

from ..errors import UserError

__all__ = ["dollars", "gigabytes", "megabytes", "seconds"]

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_MEGABYTES = {"MB": 1, "GB": 1024}
_GIGABYTES = {"GB": 1, "TB": 1024}
_TEXT = re.compile(r"\s*(\d+)\s*([A-Za-z]+)\s*\Z")


def seconds(text: str | int, *, what: str = "duration", low: int = 0, high: int | None = None,
            beyond: str = "") -> int:
    """Seconds of ``"20 seconds"``, ``"3 minutes"``, ``"1 hour"``, ``"7 days"``. A plain int is seconds already.
    ``beyond`` is the hint for more than ``high``.

    >>> seconds("3 minutes")
    180
    """
    value = text if isinstance(text, int) and not isinstance(text, bool) else _parse(
        text, what, {**_SECONDS, **{f"{k}s": v for k, v in _SECONDS.items()}}, '"20 seconds" or "3 minutes"')
    return _within(value, text, what, low, high, "seconds", beyond)


def megabytes(text: str | int, *, what: str = "size", low: int = 0, high: int | None = None,
              beyond: str = "") -> int:
    """Megabytes of ``"512 MB"`` or ``"2 GB"``. A plain int is megabytes already. ``beyond`` is the hint for more than
    ``high``.

    >>> megabytes("2 GB")
    2048
    """
    value = (text if isinstance(text, int) and not isinstance(text, bool)
             else _parse(text, what, _MEGABYTES, '"512 MB" or "2 GB"'))
    return _within(value, text, what, low, high, "MB", beyond)


def gigabytes(text: str | int, *, what: str = "size", low: int = 0, high: int | None = None) -> int:
    """Gigabytes of ``"20 GB"`` or ``"2 TB"``. A plain int is gigabytes already.

    >>> gigabytes("2 TB")
    2048
    """
    value = (text if isinstance(text, int) and not isinstance(text, bool)
             else _parse(text, what, _GIGABYTES, '"20 GB" or "2 TB"'))
    return _within(value, text, what, low, high, "GB")


def dollars(text: object, *, what: str = "amount") -> float:
    """US dollars of ``"50 USD"`` or ``"12.50 USD"``.

    >>> dollars("12.50 USD")
    12.5
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d{1,2})?)\s*USD\s*", text) if isinstance(text, str) else None
    if not found:
        raise UserError(f"{what} can't be {text!r}", hint='write it like "50 USD"')
    return float(found[1])


def _parse(text: object, what: str, units: dict[str, int], example: str) -> int:
    found = _TEXT.match(text) if isinstance(text, str) else None
    if not found or found[2] not in units:
        raise UserError(f"{what} can't be {text!r}", hint=f"write it like {example}")
    return int(found[1]) * units[found[2]]


def _within(value: int, text: object, what: str, low: int, high: int | None, unit: str,
            beyond: str = "") -> int:
    if value < low or (high is not None and value > high):
        limits = f"at least {low} {unit}" if high is None else f"between {low} and {high} {unit}"
        raise UserError(f"{what} must be {limits}; it is {text!r}", hint=beyond if value > low else "")
    return value
