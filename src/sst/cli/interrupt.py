"""Ctrl-C: the first lets what runs finish and starts nothing more; the second leaves at once. The state is whole either
way."""
from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event as Flag
from typing import Any

from ..events import Event, Finished, Planned, Sink
from .ui.screen import Screen

__all__ = ["Interrupts", "interruptible"]


class Interrupts:
    """``stop`` is what the engine watches; ``over(sink)`` tells this when there is something to finish."""

    def __init__(self, screen: Screen) -> None:
        self.stop, self.screen, self.working = Flag(), screen, False

    def over(self, sink: Sink) -> Sink:
        def watched(event: Event) -> None:
            if isinstance(event, Planned | Finished):
                self.working = isinstance(event, Planned)
            sink(event)
        return watched

    def __call__(self, number: int, frame: Any) -> None:
        if not self.working:
            raise KeyboardInterrupt
        if self.stop.is_set():
            self.screen.restore()
            os._exit(130)
        self.stop.set()
        self.screen.note("finishing running steps, starting no more. Press again to stop now")


@contextmanager
def interruptible(screen: Screen) -> Iterator[Interrupts]:
    """Handles SIGINT and SIGTERM (which is how CI ends a job) in the block."""
    interrupts = Interrupts(screen)
    before = {number: signal.signal(number, interrupts) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupts
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
