"""The clock by which the strict cloud counts its delays."""

from __future__ import annotations

import time
from threading import Lock

__all__ = ["Clock"]


class Clock:
    """Seconds since the epoch. It stands still but for those who sleep by it; ``speed`` lets it run with the real
    clock too, so many times as fast: for processes that sleep by their own."""

    def __init__(self, speed: float = 0) -> None:
        self._speed, self._lock, self._ahead = speed, Lock(), 0.0
        self._began, self._real = time.time(), time.monotonic()

    def __call__(self) -> float:
        return self._began + self._ahead + (time.monotonic() - self._real) * self._speed

    def sleep(self, seconds: float) -> None:
        """Put the clock ahead."""
        with self._lock:
            self._ahead += max(0.0, seconds)
