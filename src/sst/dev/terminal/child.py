"""A program with a terminal of its own."""
from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import signal
import subprocess
import termios
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ...machine.lifeline import Lifeline

__all__ = ["Child"]

# A leader of a session gets the first terminal that it opens as its own: so nothing of ours runs between fork and exec.
_OPEN_TERMINAL = 'exec <>"$0" >&0 2>&0; exec "$@"'
_CHUNK = 1 << 16
_WINDOW, _BUDGET = 1 / 30, 100_000
"""At most so many bytes are taken in so many seconds."""
_HELD = 1 << 20
"""Bytes of input that a program which doesn't read is owed; the rest is dropped."""


class Child:
    """Starts at once. ``heard`` gets its output, ``ended`` its exit code, negative for a signal, both in the running
    loop.

    It leads its own session and process group, which ends with it, and with this process however that ends.
    ``environment`` is all it gets, with the terminal's kind set. Raises ``OSError`` when no process or terminal is to
    be had.
    """

    def __init__(self, command: Sequence[str], *, directory: Path, environment: Mapping[str, str],
                 size: tuple[int, int],
                 heard: Callable[[bytes], object], ended: Callable[[int], object],
                 guard: Callable[[Callable[[], None]], Callable[[], None]]) -> None:
        self._heard, self._ended, self._guard = heard, ended, guard
        self._loop = asyncio.get_running_loop()
        self._owed = bytearray()
        self._window, self._taken = 0.0, 0
        self.code: int | None = None
        self._master, slave = pty.openpty()
        self._lifeline = Lifeline()
        try:
            self.resize(*size)
            os.set_blocking(self._master, False)
            known = {k: v for k, v in environment.items() if k not in ("COLUMNS", "LINES", "TERMCAP")}
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _OPEN_TERMINAL, os.ttyname(slave), *command], cwd=directory, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
                pass_fds=(self._lifeline.give,),
                env={**known, "TERM": "xterm-256color", **self._lifeline.environment})
        except BaseException:
            self._lifeline.cut()
            os.close(self._master)
            os.close(slave)
            raise
        self._slave = slave  # held until it has opened its own: a terminal that nobody has open reads as ended
        self._lifeline.hold(self._process.pid)
        self._loop.add_reader(self._master, guard(self._read))

    @property
    def pid(self) -> int:
        return self._process.pid

    def resize(self, columns: int, lines: int) -> None:
        """The kernel tells its foreground group with SIGWINCH."""
        if self._master >= 0:
            termios.tcsetwinsize(self._master, (lines, columns))

    def write(self, data: bytes) -> None:
        """Keys, pasted text, answers. Never waits."""
        if self._master < 0:
            return
        if not self._owed:
            self._loop.add_writer(self._master, self._guard(self._give))
        self._owed += data[: _HELD - len(self._owed)]
        self._give()

    def _give(self) -> None:
        try:
            sent = os.write(self._master, self._owed[:4096]) if self._owed else 0
        except BlockingIOError:
            return
        except OSError:
            sent = len(self._owed)
        del self._owed[:sent]
        if not self._owed:
            self._loop.remove_writer(self._master)

    def _read(self) -> None:
        self._release()
        try:
            data = os.read(self._master, _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._heard(data)
            self._slow_down(len(data))
            return
        self._loop.remove_reader(self._master)  # nobody has the terminal open
        self.poll()

    def _slow_down(self, size: int) -> None:
        """A program that floods its terminal waits for us, as it would for a real one: the loop has other things to
        do."""
        now = self._loop.time()
        if now > self._window + _WINDOW:
            self._window, self._taken = now, 0
        self._taken += size
        if self._taken > _BUDGET:
            self._loop.remove_reader(self._master)
            self._loop.call_at(self._window + _WINDOW, self._go_on)

    def _go_on(self) -> None:
        if self._master >= 0:
            self._loop.add_reader(self._master, self._guard(self._read))

    def _release(self) -> None:
        """It has its terminal: give up our hold on it."""
        if self._slave >= 0:
            os.close(self._slave)
            self._slave = -1

    def poll(self) -> None:
        """See whether it has ended, and tell once."""
        if self.code is not None or (code := self._process.poll()) is None:
            return
        self.code = code
        self._finish()
        self._ended(code)

    def _finish(self) -> None:
        """Take the last output, end what is left of the group, close the terminal."""
        self._release()
        self._loop.remove_reader(self._master)
        self._loop.remove_writer(self._master)
        for _ in range(64):
            try:
                data = os.read(self._master, _CHUNK)
            except OSError:
                break
            if not data:
                break
            self._heard(data)
        self._signal(signal.SIGKILL)
        self._lifeline.cut()
        os.close(self._master)
        self._master = -1

    def _signal(self, number: signal.Signals) -> None:
        groups = {self._process.pid}
        with contextlib.suppress(OSError):
            groups.add(os.tcgetpgrp(self._master))  # the job that a shell runs
        for group in groups:
            if group > 1:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(group, number)

    async def stop(self, *, grace: float = 3.0) -> None:
        """End it: SIGTERM, after a third of ``grace`` seconds SIGHUP too (shells want that), at the end SIGKILL."""
        end = self._loop.time() + grace
        for number, until in ((signal.SIGTERM, end - grace * 2 / 3), (signal.SIGHUP, end), (signal.SIGKILL, end + 5)):
            if self.code is not None:
                return
            self._signal(number)
            self._signal(signal.SIGCONT)
            while self.code is None and self._loop.time() < until:
                await asyncio.sleep(0.01)
                self.poll()

    def kill(self) -> None:
        """At once, without waiting for what it says: for when nothing else works."""
        if self.code is None:
            self._signal(signal.SIGKILL)
            self._process.wait()
            self.poll()
