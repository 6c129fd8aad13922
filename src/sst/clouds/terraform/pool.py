"""Plugins that run: started by the first call that needs them, a few at a time, and ended with the command."""
from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Condition, Lock

from ...errors import ProviderError
from .plugin import Plugin

__all__ = ["Pool"]

LIMIT = 8
"""Processes at a time: a large provider takes hundreds of megabytes, and each set of settings needs a process."""


@dataclass(eq=False)
class _Slot:
    plugin: Plugin | None = None
    starting: Lock = field(default_factory=Lock)
    users: int = 0
    used: float = field(default_factory=time.monotonic)


class Pool:
    """One process for each key. With more keys than ``limit``, the one that is idle for longest is ended for the next;
    if all are busy, the next waits."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit, self._closed = limit, False
        self._slots: dict[str, _Slot] = {}
        self._changed = Condition()
        self.starts = 0

    @contextlib.contextmanager
    def plugin(self, key: str, start: Callable[[], Plugin]) -> Iterator[Plugin]:
        """The process of ``key``; one that died is started again for the next user. It is not ended while in use."""
        slot = self._taken(key)
        try:
            with slot.starting:
                if slot.plugin is None or not slot.plugin.running:
                    self._start(slot, start)
                plugin = slot.plugin
            assert plugin
            yield plugin
        finally:
            with self._changed:
                slot.users -= 1
                slot.used = time.monotonic()
                self._changed.notify_all()

    def _taken(self, key: str) -> _Slot:
        with self._changed:
            while key not in self._slots and len(self._slots) >= self._limit:
                idle = min(((s.used, k) for k, s in self._slots.items() if not s.users), default=None)
                if idle is None:
                    self._changed.wait()
                    continue
                self._end(self._slots.pop(idle[1]))
            slot = self._slots.setdefault(key, _Slot())
            slot.users += 1
            return slot

    def _start(self, slot: _Slot, start: Callable[[], Plugin]) -> None:
        if self._closed:
            raise ProviderError("the command is over", sent=False)
        self._end(slot)
        self.starts += 1
        slot.plugin = start()

    def _end(self, slot: _Slot) -> None:
        if slot.plugin:
            slot.plugin.close()
            slot.plugin = None

    def running(self) -> list[Plugin]:
        with self._changed:
            return [s.plugin for s in self._slots.values() if s.plugin and s.plugin.running]

    def close(self) -> None:
        with self._changed:
            self._closed = True
            slots, self._slots = list(self._slots.values()), {}
        for slot in slots:
            self._end(slot)
