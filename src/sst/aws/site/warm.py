"""Keeping servers warm: calls that they answer without the app, every five minutes."""
from __future__ import annotations

from typing import Unpack

from ...core.component import Options
from ...errors import UserError
from ..cron import Cron
from ..function import Function

__all__ = ["keep_warm"]

DELAY = 75
"""Milliseconds that such a call takes, so that each of several reaches a sandbox of its own."""
_MOST = 50


def keep_warm(server: Function, count: int, suffix: str = "", **options: Unpack[Options]) -> None:
    """Declare schedules that call a function ``count`` times at once. ``UserError`` for a count that is none."""
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= _MOST:
        raise UserError(f"warm is a number of instances, from 0 to {_MOST}, not {count!r}")
    for n in range(count):
        Cron(f"Warm{suffix}{n + 1}", schedule="rate(5 minutes)", function=server,
             event={"type": "warmer", "delay": DELAY}, **options)
