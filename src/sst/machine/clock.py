"""A clock for leases and time-outs."""
from __future__ import annotations

import sys
import time

__all__ = ["steady"]

_CLOCK = time.CLOCK_BOOTTIME if sys.platform == "linux" else time.CLOCK_MONOTONIC
"""Both continue while the machine sleeps: Linux's CLOCK_MONOTONIC stops, that of macOS does not."""


def steady() -> float:
    """Seconds on a monotonic clock that continues while the machine sleeps."""
    return time.clock_gettime(_CLOCK)
