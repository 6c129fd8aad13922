"""What the session has to say: to its panes, and to other terminals that look on."""
from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .terminal import LogPane

__all__ = ["EventStream"]

_KEPT = 500


class EventStream:
    """Lines of the two panes that are the session's own. ``redact`` takes secrets out.
    Lines may come from any thread."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        self._redact = redact
        self.deploys, self.functions = LogPane("Deploy", icon="⑆"), LogPane("Functions", icon="λ")
        self._past: deque[tuple[str, str]] = deque(maxlen=_KEPT)
        self._watching: set[Callable[[tuple[str, str]], object]] = set()

    def deploy(self, text: str) -> None:
        self._write(self.deploys, text)

    def function(self, text: str) -> None:
        self._write(self.functions, text)

    @contextmanager
    def lines(self) -> Iterator[asyncio.Queue[tuple[str, str]]]:
        """A queue of (title, line), what was said before first."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        for entry in list(self._past):
            queue.put_nowait(entry)

        def put(entry: tuple[str, str]) -> None:
            loop.call_soon_threadsafe(queue.put_nowait, entry)

        self._watching.add(put)
        try:
            yield queue
        finally:
            self._watching.discard(put)

    def _write(self, pane: LogPane, text: str) -> None:
        for line in self._redact(text).split("\n"):
            pane.write_line(line)
            self._past.append((pane.title, line))
            for put in list(self._watching):
                put((pane.title, line))
