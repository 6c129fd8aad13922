"""Visit the nodes of a graph on many threads, each once all it waits for are done."""
from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import field
from queue import Empty, SimpleQueue
from threading import Event, Thread

from ..records import dataclass

__all__ = ["Outcome", "walk"]

_NOTICED = 0.1
"""Seconds until ``stop`` is noticed while nothing ends."""


@dataclass
class Outcome:
    done: set[str] = field(default_factory=set)
    failed: dict[str, Exception] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    """Key of what was not visited → key of the failed node it waits for, or ``""`` when stopped."""


class _Pool:
    """Threads that visit keys, as many as are needed at once."""

    def __init__(self, visit: Callable[[str], None], most: int) -> None:
        self.finished: SimpleQueue[tuple[str, BaseException | None]] = SimpleQueue()
        self._begun: SimpleQueue[str | None] = SimpleQueue()
        self._visit, self._most = visit, most
        self._threads: list[Thread] = []

    def begin(self, key: str, running: int) -> None:
        self._begun.put(key)
        if len(self._threads) < min(running, self._most):
            self._threads.append(Thread(target=self._work, name=f"sst-step_{len(self._threads)}"))
            self._threads[-1].start()

    def _work(self) -> None:
        while (key := self._begun.get()) is not None:
            try:
                self._visit(key)
            except BaseException as e:
                self.finished.put((key, e))
            else:
                self.finished.put((key, None))

    def end(self) -> None:
        """Return once all that was begun has ended."""
        for _ in self._threads:
            self._begun.put(None)
        for thread in self._threads:
            thread.join()


def walk(after: Mapping[str, Collection[str]], visit: Callable[[str], None], *, parallel: int = 32,
         stop: Event | None = None, stopped: Callable[[], None] = lambda: None,
         fatal: tuple[type[Exception], ...] = ()) -> Outcome:
    """Visit every node; ``after`` maps each to those it waits for (others are ignored). Linear in nodes plus edges.

    A node that fails keeps those that wait for it from being visited; the rest goes on. Once ``stop`` is set nothing
    new starts, ``stopped`` is called once, and what runs is finished. After a ``fatal`` error nothing new starts
    either, and the error is raised.
    """
    outcome = Outcome()
    waits = {k: sum(1 for d in deps if d in after) for k, deps in after.items()}
    users: dict[str, list[str]] = {}
    for k, deps in after.items():
        for d in deps:
            if d in after:
                users.setdefault(d, []).append(k)
    ready = [k for k, n in waits.items() if n == 0]
    running, end, asked = 0, None, False
    pool = _Pool(visit, parallel)
    try:
        while ready or running:
            if end or (stop and stop.is_set()):
                for k in ready:
                    _skip(k, "", users, outcome)
                ready = []
            for k in ready:
                running += 1
                pool.begin(k, running)
            ready = []
            if not running:
                break
            try:
                key, error = pool.finished.get(timeout=_NOTICED if stop and not asked else None)
            except Empty:
                if stop and stop.is_set():
                    asked = True
                    stopped()
                continue
            running -= 1
            if error is None:
                outcome.done.add(key)
                for user in users.get(key, ()):
                    waits[user] -= 1
                    if waits[user] == 0 and user not in outcome.skipped:
                        ready.append(user)
            elif isinstance(error, fatal) or not isinstance(error, Exception):
                end = end or error
            else:
                outcome.failed[key] = error
                for user in users.get(key, ()):
                    _skip(user, key, users, outcome)
    finally:
        pool.end()
    if end:
        raise end
    for k in after.keys() - outcome.done - outcome.failed.keys() - outcome.skipped.keys():
        outcome.skipped[k] = ""
    return outcome


def _skip(key: str, because: str, users: Mapping[str, list[str]], outcome: Outcome) -> None:
    todo = [key]
    while todo:
        k = todo.pop()
        if k not in outcome.skipped:
            outcome.skipped[k] = because
            todo += users.get(k, [])
