"""Several panes on one terminal: a list of them at the left, the chosen one at the right, help below."""
from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from .controls import Controls
from .frame import Frame, Layout, layout
from .help import help_rows
from .log_pane import LogPane
from .loop import Loop
from .pane import Pane, ProcessPane, kill_all, stop_all
from .tty import Tty

__all__ = ["Binding", "Multiplexer"]

Binding: TypeAlias = tuple[str, Callable[[], object]]
"""A word for the help line, and what the key does."""

_FRAME = 1 / 30
"""Seconds between two pictures, at least."""


class Multiplexer(Loop):
    """Shows ``panes`` on the terminal ``fd`` until the user quits.

    ``environment`` is what programs get, and says ``NO_COLOR``. ``keys`` are more keys of the list: ``{"d": ("deploy",
    call)}``. ``prints`` is the pane that takes what this process itself prints meanwhile.
    """

    interactive = True

    def __init__(self, panes: Sequence[Pane], *, environment: Mapping[str, str], fd: int = 0,
                 keys: Mapping[str, Binding] | None = None,
                 prints: LogPane | None = None, title: str = "sst dev", grace: float = 3.0,
                 clock: Callable[[], float] = time.monotonic) -> None:
        if not panes:
            raise ValueError("a multiplexer needs a pane to begin with")
        super().__init__()
        self.environment, self.panes, self._title = environment, list(panes), title
        self.keys, self.prints, self._grace, self._clock = dict(keys or {}), prints, grace, clock
        self.selected = 0
        self.frame = Frame(colour=not environment.get("NO_COLOR"))
        self.controls = Controls(self)
        self._tty = Tty(fd)
        self._columns, self._lines = self._tty.size()
        self._note, self._note_until = "", 0.0
        self._thread = 0
        self._planned = self._woken = False
        self._last = self._held = 0.0
        self._quits = 0
        for pane in self.panes:
            pane.host = self

    # what the session calls

    async def run(self) -> None:
        """Until the user quits, ``stop`` is called, SIGTERM or SIGHUP comes, or the terminal is gone. Programs have
        ended then, and the terminal is as it was, also when this raises."""
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        self._over = self._loop.create_future()
        try:
            with self._terminal(), self._signals(), self._captured():
                try:
                    self.arrange()
                    for pane in self.panes:
                        self._begin(pane)
                    self.task(self._tick())
                    await self._over
                    await self._wind_up()
                finally:
                    kill_all(self.panes)
        finally:
            for task in self._tasks:
                task.cancel()
            self._tty.close()
            for pane in self.panes:
                pane.host = None

    def stop(self) -> None:
        """End ``run``. Once more: don't wait for the programs. From any thread."""
        if self._loop and threading.get_ident() != self._thread:
            self._loop.call_soon_threadsafe(self.stop)
            return
        self._quits += 1
        if self._over and not self._over.done():
            self._over.set_result(None)
        if self._quits > 1:
            kill_all(self.panes)

    def add(self, pane: Pane) -> None:
        """Show one more pane; its program starts if it starts by itself."""
        pane.host = self
        chosen = self.pane
        self._come(pane)
        self.selected = self.panes.index(chosen)
        if self._over and not self._over.done():
            self.arrange()
            self._begin(pane)

    async def remove(self, pane: Pane) -> None:
        """End its program and take it from the list. The last one can't go: ``ValueError``."""
        if self.panes == [pane]:
            raise ValueError("the last pane stays")
        await stop_all([pane], grace=self._grace)
        chosen = self.pane
        self.panes.remove(pane)
        pane.host = None
        self.select(chosen if chosen is not pane else self.panes[max(0, min(self.selected, len(self.panes) - 1))])
        self.arrange()

    def select(self, pane: Pane) -> None:
        self.selected = self.panes.index(pane)
        self.controls.left()
        pane.unread = False
        self.changed(pane)

    def say(self, text: str, *, seconds: float = 4.0) -> None:
        """Show a note in the help line for a while."""
        self._note, self._note_until = text, self._clock() + seconds
        self.changed(self.pane)

    # what panes call

    @property
    def pane(self) -> Pane:
        return self.panes[self.selected]

    @property
    def layout(self) -> Layout:
        return layout(self._columns, self._lines, [p.title for p in self.panes], zoom=self.controls.zoom)

    @property
    def size(self) -> tuple[int, int]:
        return self.layout.width, self.layout.height

    def changed(self, pane: Pane) -> None:
        """From any thread: there is something to draw."""
        if self._loop is None or self._woken:
            return
        if threading.get_ident() == self._thread:
            self._plan()
        else:
            self._woken = True
            with contextlib.suppress(RuntimeError):  # the loop has been closed
                self._loop.call_soon_threadsafe(self._plan)

    def mouse(self, *, on: bool) -> None:
        self._tty.mouse(on=on)

    def write(self, text: str) -> None:
        """Straight to the terminal: the clipboard, the bell."""
        self._tty.write(text)

    def arrange(self) -> None:
        """Fit all panes to the terminal as it is now."""
        self._columns, self._lines = self._tty.size()
        for pane in self.panes:
            pane.resize(*self.size)
        self.frame.forget()
        self._plan()

    # inside

    def _begin(self, pane: Pane) -> None:
        if isinstance(pane, ProcessPane) and pane.autostart:
            pane.start()

    async def _wind_up(self) -> None:
        if any(isinstance(p, ProcessPane) and p.alive for p in self.panes):
            self.controls.left()
            self.say("ending the programs; once more to leave now", seconds=60)
            self._draw()
            await stop_all(self.panes, grace=self._grace)

    async def _tick(self) -> None:
        while True:
            busy = any(p.mark == "busy" for p in self.panes)
            await asyncio.sleep(0.1 if busy else 0.25)
            for pane in self.panes:
                if isinstance(pane, ProcessPane) and pane.child:
                    pane.child.poll()
            if busy or (self._note and self._clock() > self._note_until):
                self._plan()

    def _plan(self) -> None:
        self._woken = False
        if not self._planned and self._loop and self._over:
            self._planned = True
            self._loop.call_later(max(0.0, self._last + _FRAME - self._loop.time()), self.guard(self._draw))

    def _draw(self) -> None:
        self._planned = False
        assert self._loop
        now = self._last = self._loop.time()
        if self._tty.busy or self._synchronizing(now):
            self._plan()
            return
        at, pane = self.layout, self.pane
        pane.unread = False
        rows = (help_rows(pane, self.keys, at.width) if self.controls.helping
                else self.controls.marked(pane.rows(at.width, at.height)))
        pieces = self.frame.sidebar(at, self.panes, self.selected, active=not self.controls.focus, now=self._clock())
        pieces |= self.frame.main(at, rows)
        if self._note and self._clock() > self._note_until:
            self._note = ""
        pieces |= self.frame.help(at, f" {self._note or self.controls.help(at.columns - 2)}", alarm=bool(self._note))
        text = self.frame.draw(at, pieces, self.controls.cursor(at))
        if isinstance(pane, ProcessPane) and pane.terminal.bell:
            pane.terminal.bell, text = False, text + "\x07"
        if text:
            self._tty.write(text)

    def _synchronizing(self, now: float) -> bool:
        """The program is in the middle of a picture: wait for its end, but not long."""
        if not (isinstance(self.pane, ProcessPane) and 2026 in self.pane.terminal.modes):
            self._held = 0.0
            return False
        self._held = self._held or now
        return now - self._held < 0.15

    def _read(self) -> None:
        try:
            data = os.read(self._tty.fd, 65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self.controls.feed(data)
        else:
            self.stop()

    def _enter(self) -> None:
        self._tty.enter()
        self._tty.write(f"\x1b]2;{self._title}\x07")
        self._tty.mouse(on=not self.controls.zoom)

    @contextlib.contextmanager
    def _terminal(self) -> Iterator[None]:
        assert self._loop
        try:
            self._enter()
            self._loop.add_reader(self._tty.fd, self.guard(self._read))
            yield
        finally:
            self._loop.remove_reader(self._tty.fd)
            self._loop.remove_writer(self._tty.fd)
            self._tty.leave()

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        """Only the main thread gets signals; in another one the session sees to them."""
        assert self._loop
        actions = {signal.SIGWINCH: self.arrange, signal.SIGTERM: self.stop, signal.SIGHUP: self.stop,
                   signal.SIGINT: self.stop,
                   signal.SIGTSTP: self._suspend}
        before = {}
        if threading.current_thread() is threading.main_thread():
            before = {number: signal.getsignal(number) for number in actions}
            for number, action in actions.items():
                self._loop.add_signal_handler(number, self.guard(action))
        try:
            yield
        finally:
            for number, handler in before.items():
                self._loop.remove_signal_handler(number)
                signal.signal(number, handler)

    def _suspend(self) -> None:
        """Back to the shell until it lets us go on; the programs go on meanwhile."""
        assert self._loop
        self._loop.remove_reader(self._tty.fd)
        self._tty.leave()
        os.kill(os.getpid(), signal.SIGSTOP)
        self._enter()
        self._loop.add_reader(self._tty.fd, self.guard(self._read))
        self.arrange()

    @contextlib.contextmanager
    def _captured(self) -> Iterator[None]:
        if self.prints is None:
            yield
            return
        from .prints import Prints

        into = Prints(self.prints)
        with contextlib.redirect_stdout(into), contextlib.redirect_stderr(into):
            yield
