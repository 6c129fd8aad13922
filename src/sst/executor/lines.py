"""What the runtimes put around what a function prints."""
from __future__ import annotations

import re

__all__ = ["is_about_error", "is_platform", "spoken"]

_PLATFORM = re.compile(r'(START|END|REPORT) RequestId: |\{"time": "[^"]*", "type": "platform\.')
_ERROR = re.compile(r"\[ERROR\] [\s\S]*Traceback \(most recent call last\)|\S+\t\S+\tERROR\tInvoke Error "
                    r"|\S+ \S+ Task timed out after |RequestId: \S+ Error: ")
_LEVEL = re.compile(r"(?:\[(?P<python>[A-Z]+)\]\t\S+\t\S*\t|\d{4}-\S+Z\t\S+\t(?P<node>[A-Z]+)\t)")
"""What Lambda's loggers put before a message."""


def is_platform(text: str) -> bool:
    """Whether Lambda itself wrote it: START, END, REPORT."""
    return _PLATFORM.match(text) is not None


def is_about_error(text: str) -> bool:
    """Whether it is what the runtime writes of an error; the call's end tells the same."""
    return _ERROR.match(text) is not None


def spoken(logged: str) -> tuple[str, str]:
    """The level (``WARN``, ``ERROR``, ...; "" for plain output and INFO) and the text of a line.

    >>> spoken("[WARNING]\\t2026-11-23T08:00:00.123Z\\t1b2c\\tdisk is full")
    ('WARNING', 'disk is full')
    """
    found = _LEVEL.match(logged)
    name, text = (found["python"] or found["node"], logged[found.end():]) if found else ("", logged)
    return "" if name in ("INFO", "LOG") else name or "", text.replace("\r", "\n").rstrip("\n")
