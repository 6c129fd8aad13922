"""What the main part of the screen can show; programs with a terminal of their own."""
from __future__ import annotations

import asyncio
import codecs
import re
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from .child import Child
from .row import Row
from .vt import Terminal

__all__ = ["COLOUR", "Host", "Pane", "ProcessPane", "kill_all", "plain", "safe", "stop_all"]


class Host(Protocol):
    """What a pane needs of the multiplexer that shows it."""

    environment: Mapping[str, str]
    interactive: bool
    """Whether keys reach the panes."""

    @property
    def size(self) -> tuple[int, int]: ...

    def changed(self, pane: Pane) -> None: ...

    def guard(self, call: Callable[[], None]) -> Callable[[], None]: ...

    def task(self, work: Coroutine[Any, Any, Any]) -> None: ...


class Pane:
    """A title in the sidebar and rows to show. ``mark`` is its state: ``"busy"``, ``"ok"``, ``"failed"``, ``"idle"`` or
    ``""``."""

    kind = "log"

    def __init__(self, title: str, *, icon: str = "→", killable: bool = False) -> None:
        self.title, self.icon, self.killable = title, icon, killable
        self.note = ""
        """A few characters at the right of its title, like a count of errors or an exit code."""
        self.since = 0.0
        """The time that busy began, of ``time.monotonic``; 0 shows no time."""
        self.back = 0
        """Rows that the view is scrolled back."""
        self.unread = False
        self.rank = 0
        """Panes of a higher rank stand further down in the list."""
        self.url = ""
        """An address that it stands for; `u` opens it, `y` copies it."""
        self.keys: dict[str, tuple[str, Callable[[], object]]] = {}
        """More keys while it is chosen: ``{"i": ("input", show_input)}``; the word is for the help line."""
        self.host: Host | None = None
        self._mark = ""
        self._taps: list[Callable[[str], object]] = []

    def tap(self, take: Callable[[str], object]) -> Callable[[], None]:
        """Give each new line to somebody else too, without what moves a cursor. Gives what ends it."""
        self._taps.append(take)
        return lambda: self._taps.remove(take)

    def _pass_on(self, line: str) -> None:
        for take in list(self._taps):
            take(safe(line))

    @property
    def mark(self) -> str:
        return self._mark

    @mark.setter
    def mark(self, mark: str) -> None:
        if mark != self._mark:
            self._mark, self.since = mark, time.monotonic() if mark == "busy" else 0.0
            self._tell()

    def _tell(self) -> None:
        if self.host:
            self.host.changed(self)

    def rows(self, columns: int, lines: int) -> list[Row]:
        """What is to be seen now; ``back`` is brought into its limits."""
        raise NotImplementedError

    def scroll(self, rows: int) -> None:
        """Back by rows; less than 0 is towards the end."""
        self.back = max(0, self.back + rows)

    def clear(self) -> None:
        raise NotImplementedError

    def resize(self, columns: int, lines: int) -> None:
        pass


_LONGEST = 1 << 17
"""Characters of a line that has no end which are kept for whoever reads lines."""

COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
_UNSAFE = re.compile(
    r"\x1b\[[0-9;:]*m|\x1b(?:\[[0-9;:<=>? -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ "
    r"-/]*[0-~])?|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def safe(line: str) -> str:
    """Keep colours, drop whatever else moves a terminal. Of a line that a program drew over with CR its last version
    stays."""
    if "\r" in line:
        line = line.rstrip("\r").rsplit("\r", 1)[-1]
    return _UNSAFE.sub(lambda m: m[0] if m[0].endswith("m") and m[0].startswith("\x1b[") else "", line)


def plain(line: str) -> str:
    """Without colours."""
    return COLOUR.sub("", line)


class ProcessPane(Pane):
    """A command with a terminal of its own. ``command`` is a list, or a line for ``sh``. It gets ``environment`` over
    that of the session.

    ``on_exit`` is called with its exit code each time that it ends by itself.
    """

    kind = "process"

    def __init__(self, title: str, command: str | Sequence[str], *, directory: Path,
                 environment: Mapping[str, str] | None = None,
                 icon: str = "→", autostart: bool = True, killable: bool = True, keep: int = 5000,
                 on_exit: Callable[[int], object] | None = None) -> None:
        super().__init__(title, icon=icon, killable=killable)
        self.command, self.directory, self.environment = command, directory, dict(environment or {})
        self.autostart, self._on_exit = autostart, on_exit
        self.terminal = Terminal(80, 24, keep=keep, reply=self.write)
        self.child: Child | None = None
        self._stopping = False
        self._said, self._text = "", codecs.getincrementaldecoder("utf-8")("replace")
        self._mark = "idle"
        if not autostart:
            self.write_line(f"\x1b[2m{title} does not start by itself: press enter to start it\x1b[0m")

    @property
    def alive(self) -> bool:
        return self.child is not None and self.child.code is None

    @property
    def code(self) -> int | None:
        """The exit code of the last run, negative for a signal."""
        return self.child.code if self.child else None

    def write_line(self, text: str) -> None:
        """A line of ours between the program's."""
        start = b"\r\n" if self.terminal.x else b""
        self.terminal.feed(start + b"".join(safe(line).encode("utf-8", "replace") + b"\r\n"
                                            for line in text.split("\n")))
        for line in text.split("\n") if self._taps else ():
            self._pass_on(line)
        self._tell()

    def write(self, data: bytes) -> None:
        """To the program, as if typed."""
        if self.child:
            self.child.write(data)

    def start(self) -> None:
        """Start it if it doesn't run."""
        if self.host is None or self.alive:
            return
        command = ["/bin/sh", "-c", self.command] if isinstance(self.command, str) else list(self.command)
        if self.terminal.alternate or self.terminal.modes != {7, 25}:
            self.terminal.feed(b"\x1b[?1049l\x1b[!p\x1b[?1000;1002;1003;1004;1006;2004l")
        try:
            self.child = Child(command, directory=self.directory,
                               environment={**self.host.environment, **self.environment},
                               size=(self.terminal.columns, self.terminal.lines), heard=self._heard, ended=self._ended,
                               guard=self.host.guard)
        except OSError as error:
            self.write_line(f"\x1b[31mcan't start {self.title}: {error.strerror}: "
                            f"{error.filename or self.directory}\x1b[0m")
            self.mark = "failed"
            return
        self.note, self.mark = "", "running"

    async def stop(self, *, grace: float = 3.0) -> None:
        """End it and all of its process group."""
        if self.child and self.alive:
            self._stopping = True
            try:
                await self.child.stop(grace=grace)
            finally:
                self._stopping = False

    async def restart(self, *, environment: Mapping[str, str] | None = None) -> None:
        """End it and start it again, with another environment if one is given."""
        if environment is not None:
            self.environment = dict(environment)
        await self.stop()
        self.write_line("\x1b[2m[restarting]\x1b[0m")
        self.start()

    def _heard(self, data: bytes) -> None:
        if self._taps:
            *lines, self._said = (self._said + self._text.decode(data))[-_LONGEST:].split("\n")
            for line in lines:
                self._pass_on(line)
        before = self.terminal.main.pushed
        self.terminal.feed(data)
        if self.back:
            self.back = min(self.back + self.terminal.main.pushed - before, len(self.terminal.history))
        self.unread = True
        self._tell()

    def _ended(self, code: int) -> None:
        if self._taps and self._said:
            self._pass_on(self._said)
            self._said = ""
        if self.terminal.alternate or self.terminal.modes != {7, 25}:
            self.terminal.feed(b"\x1b[?1049l\x1b[!p\x1b[?1000;1002;1003;1004;1006;2004l")
        how = f"was ended by signal {-code}" if code < 0 else f"exited with {code}"
        again = ": press enter to start it again" if self.host and self.host.interactive else ""
        self.write_line(f"\x1b[0m\x1b[2m[{self.title} {how}{again}]\x1b[0m")
        self.note = "" if code == 0 or self._stopping else f"{code}"
        self.mark = "idle" if self._stopping else "failed" if code else "ok"
        if self._on_exit and not self._stopping:
            self._on_exit(code)

    def rows(self, columns: int, lines: int) -> list[Row]:
        t = self.terminal
        self.back = 0 if t.alternate else min(self.back, len(t.history))
        if not self.back:
            return t.rows
        first = len(t.history) - self.back
        return [*(t.history[n] for n in range(first, min(first + lines, len(t.history)))),
                *t.rows[: max(0, lines - self.back)]]

    def clear(self) -> None:
        self.terminal.history.clear()
        self.back = 0
        if not self.terminal.alternate:
            t = self.terminal
            t.grid.rows[:] = [*t.grid.rows[t.y: t.y + 1], *(Row(t.columns) for _ in range(t.lines - 1))]
            t.y = 0
        self._tell()

    def resize(self, columns: int, lines: int) -> None:
        self.terminal.resize(columns, lines)
        if self.child:
            self.child.resize(columns, lines)


def kill_all(panes: Sequence[Pane]) -> None:
    """End every program at once."""
    for pane in panes:
        if isinstance(pane, ProcessPane) and pane.child:
            pane.child.kill()


async def stop_all(panes: Sequence[Pane], *, grace: float = 3.0) -> None:
    """End every program, all at the same time."""
    await asyncio.gather(*(p.stop(grace=grace) for p in panes if isinstance(p, ProcessPane)))
