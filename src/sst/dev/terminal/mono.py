"""All panes in one stream: each line after the title of its pane. For small terminals, for CI, for reading with other
tools."""
from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TextIO

from .log_pane import LogPane
from .loop import Loop
from .pane import Pane, ProcessPane, kill_all, plain, stop_all

__all__ = ["Mono"]

_COLOURS = ("36", "35", "33", "32", "34", "96", "95", "93")


class Mono(Loop):
    """Shows ``panes`` as lines on ``out`` until SIGINT, SIGTERM or ``stop``; on None nothing is written. ``colour``
    paints the titles."""

    interactive = False

    def __init__(self, panes: Sequence[Pane], *, environment: Mapping[str, str], out: TextIO | None,
                 colour: bool = False, columns: int = 80, grace: float = 3.0) -> None:
        super().__init__()
        self.environment, self.panes = environment, list(panes)
        self._out, self._colour, self._columns, self._grace = out, colour, columns, grace
        self._lock = threading.Lock()
        self._stops = 0
        self._blank: set[str] = set()
        """Panes whose last line was empty: the next empty one is left out."""
        self._untap: dict[Pane, Callable[[], None]] = {}

    @property
    def size(self) -> tuple[int, int]:
        return self._columns, 24

    async def run(self) -> None:
        """Programs have ended when it returns or raises."""
        self._loop = asyncio.get_running_loop()
        self._over = self._loop.create_future()
        with self._signals():
            try:
                for pane in self.panes:
                    self._begin(pane)
                self.task(self._tick())
                await self._over
                await stop_all(self.panes, grace=self._grace)
            finally:
                kill_all(self.panes)
                for task in self._tasks:
                    task.cancel()
                for pane in list(self.panes):
                    self._leave(pane)

    def stop(self) -> None:
        """End ``run``. Once more: don't wait for the programs. From any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop)

    def add(self, pane: Pane) -> None:
        self._come(pane)
        if self._over and not self._over.done():
            self._begin(pane)

    async def remove(self, pane: Pane) -> None:
        await stop_all([pane], grace=self._grace)
        self.panes.remove(pane)
        self._leave(pane)

    def _leave(self, pane: Pane) -> None:
        if untap := self._untap.pop(pane, None):
            untap()
        pane.host = None

    def select(self, pane: Pane) -> None:
        """Nothing to choose here."""

    def say(self, text: str, *, seconds: float = 4.0) -> None:
        self._line("sst", "2", text)

    def changed(self, pane: Pane) -> None:
        pass

    def _stop(self) -> None:
        self._stops += 1
        if self._over and not self._over.done():
            self._over.set_result(None)
        if self._stops > 1:
            kill_all(self.panes)

    def _begin(self, pane: Pane) -> None:
        pane.host = self
        pen = _COLOURS[self.panes.index(pane) % len(_COLOURS)]
        pane.resize(max(20, self._columns - len(pane.title) - 3), 24)
        self._untap[pane] = pane.tap(lambda line: self._line(pane.title, pen, line))
        if isinstance(pane, LogPane):
            for line in pane.lines():
                self._line(pane.title, pen, line)
        if isinstance(pane, ProcessPane):
            if pane.autostart:
                pane.start()
            else:
                self._line(pane.title, pen, "does not start by itself")

    def _line(self, title: str, pen: str, line: str) -> None:
        head = f"\x1b[{pen}m[{title}]\x1b[0m" if self._colour else f"[{title}]"
        with self._lock:
            if self._out is None:
                return
            if not plain(line).strip():     # a program that clears its screen sends a screen of them
                if title in self._blank:
                    return
                self._blank.add(title)
            else:
                self._blank.discard(title)
            self._out.write(f"{head} {line if self._colour else plain(line)}\n")
            self._out.flush()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(0.25)
            for pane in self.panes:
                if isinstance(pane, ProcessPane) and pane.child:
                    pane.child.poll()

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        assert self._loop
        before = {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                before[number] = signal.getsignal(number)
                self._loop.add_signal_handler(number, self._stop)
        try:
            yield
        finally:
            for number, handler in before.items():
                self._loop.remove_signal_handler(number)
                signal.signal(number, handler)
