"""Waits for what happens by itself: a queue's delivery, a bucket's event, a stream."""
from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["eventually"]

T = TypeVar("T")


def eventually(look: Callable[[], T], *, seconds: float = 30, every: float = 0.1) -> T:
    """Look until what is seen is true, and return it: ``row = eventually(lambda: row_of("mountain"))``.

    An assertion that fails inside of ``look`` counts as not yet. After ``seconds`` the last one is raised, or an
    ``AssertionError`` that shows what was seen last.
    """
    deadline = time.monotonic() + seconds
    while True:
        failed: AssertionError | None = None
        seen: T | None = None
        try:
            if seen := look():
                return seen
        except AssertionError as e:
            failed = e
        if time.monotonic() >= deadline:
            raise failed or AssertionError(f"it did not happen within {seconds:g} seconds; seen last: {seen!r}")
        time.sleep(every)
