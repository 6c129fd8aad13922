"""What happens in a session, in order: whoever shows it subscribes, and gets what happened before too."""
from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock
from typing import TypeAlias

from .events import AnyEvent, CallBegan, CallEnded, LogLine, Notice

__all__ = ["EventStream", "Subscriber"]

Subscriber: TypeAlias = Callable[[AnyEvent], object]
"""Called in the thread in which something happens; must not wait and must not raise."""
_KEPT, _KEPT_SIZE = 5000, 32 * 1024 * 1024
"""So many of the latest events are kept, with at most so many characters of text in them."""


class EventStream:
    """Events may be emitted from any thread; all subscribers see them in one order."""

    def __init__(self) -> None:
        self._past: deque[AnyEvent] = deque()
        self._size = 0
        self._subscribers: list[Subscriber] = []
        self._lock = RLock()

    def emit(self, event: AnyEvent) -> None:
        with self._lock:
            self._past.append(event)
            self._size += _size(event)
            while len(self._past) > _KEPT or self._size > _KEPT_SIZE:
                self._size -= _size(self._past.popleft())
            for take in list(self._subscribers):
                take(event)

    def subscribe(self, take: Subscriber) -> Callable[[], None]:
        """Have it called for each event, those kept of before first. Gives what ends it."""
        with self._lock:
            for event in list(self._past):
                take(event)
            self._subscribers.append(take)

        def unsubscribe() -> None:
            with self._lock:
                self._subscribers.remove(take)

        return unsubscribe

    @contextmanager
    def queue(self) -> Iterator[asyncio.Queue[AnyEvent]]:
        """The same, for a coroutine."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[AnyEvent] = asyncio.Queue()
        unsubscribe = self.subscribe(lambda event: loop.call_soon_threadsafe(queue.put_nowait, event))
        try:
            yield queue
        finally:
            unsubscribe()

    def past(self) -> list[AnyEvent]:
        """What is kept, the oldest first."""
        with self._lock:
            return list(self._past)

    def deploy_notice(self, text: str) -> None:
        self.emit(Notice("deploy", text))

    def function_notice(self, text: str) -> None:
        self.emit(Notice("functions", text))


def _size(event: AnyEvent) -> int:
    match event:
        case CallBegan():
            return len(event.request)
        case CallEnded():
            return len(event.response) + len(event.trace)
        case LogLine():
            return len(event.text)
    return 100
