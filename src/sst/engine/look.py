"""Look at many things at once. A look changes nothing, so nobody waits for the end of one that is not wanted any
more."""
from __future__ import annotations

from collections.abc import Callable, Collection
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import TypeVar

__all__ = ["look"]

T = TypeVar("T")
_HEARD = 0.1
"""Seconds until ``stop`` is noticed."""


def look(keys: Collection[str], at: Callable[[str], T], *, parallel: int = 32,
         stop: Event | None = None) -> dict[str, T | Exception]:
    """What ``at`` gives for each key, or the exception that it raised; on ``parallel`` threads.

    Raises ``KeyboardInterrupt`` once ``stop`` is set or Ctrl-C is pressed, while looks that have begun go on in the
    background.
    """
    todo, told = SimpleQueue[str](), SimpleQueue[tuple[str, T | BaseException]]()
    for key in keys:
        todo.put(key)
    ended = Event()

    def work() -> None:
        while not ended.is_set():
            try:
                key = todo.get_nowait()
            except Empty:
                return
            try:
                told.put((key, at(key)))
            except BaseException as e:
                told.put((key, e))

    found: dict[str, T | Exception] = {}
    try:
        for n in range(min(parallel, len(keys))):
            # no pool: its threads are waited for when the process ends
            Thread(target=work, name=f"sst-look-{n}", daemon=True).start()
        while len(found) < len(keys):
            if stop and stop.is_set():
                raise KeyboardInterrupt
            try:
                key, seen = told.get(timeout=_HEARD)
            except Empty:
                continue
            if isinstance(seen, BaseException) and not isinstance(seen, Exception):
                raise seen
            found[key] = seen
    finally:
        ended.set()
    return found
