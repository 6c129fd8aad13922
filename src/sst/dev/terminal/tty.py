"""The user's terminal: raw while we draw on it, and given back as it was."""
from __future__ import annotations

import asyncio
import contextlib
import os
import select
import termios
import tty
from typing import Any

__all__ = ["Tty"]

_ENTER = "\x1b[22;0t\x1b[?1049h\x1b[?2004h\x1b[?25l\x1b[2J"
_LEAVE = "\x1b[?2026l\x1b[?1000;1002;1006l\x1b[?2004l\x1b[0m\x1b[?1049l\x1b[?25h\x1b[23;0t"


class Tty:
    """``fd`` is a terminal, read and written. Nothing here waits for a slow one but ``leave``, and that for a second at
    most.

    We open the terminal anew: not to wait is a property of an opening, and the shell that started us shares the one of
    ``fd``.
    """

    def __init__(self, fd: int) -> None:
        self.source = fd
        try:
            self._fd = os.open(os.ttyname(fd), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            self._fd = os.dup(fd)
        self._before: list[Any] | None = None
        self._owed = bytearray()

    @property
    def fd(self) -> int:
        return self._fd

    @property
    def busy(self) -> bool:
        """It has not taken all yet: there is no sense in drawing more."""
        return bool(self._owed)

    def size(self) -> tuple[int, int]:
        """Columns and lines, at least 1."""
        try:
            columns, lines = os.get_terminal_size(self._fd)
        except OSError:
            columns, lines = 80, 24
        return (columns, lines) if columns > 0 and lines > 0 else (80, 24)

    def mouse(self, *, on: bool) -> None:
        """Whether clicks, drags and the wheel come to us, or are the terminal's own."""
        self.write(f"\x1b[?1000;1002;1006{'h' if on else 'l'}")

    def enter(self) -> None:
        if self._before is None:
            self._before = termios.tcgetattr(self._fd)
            tty.setraw(self._fd, termios.TCSANOW)
            self._owed.clear()
            self.write(_ENTER)

    def leave(self) -> None:
        """Give it back. May be called at any time and again."""
        if self._before is None:
            return
        before, self._before = self._before, None
        self._owed.clear()
        data = _LEAVE.encode()
        with contextlib.suppress(OSError):
            while data and select.select([], [self._fd], [], 1.0)[1]:
                data = data[os.write(self._fd, data):]
        with contextlib.suppress(termios.error):
            termios.tcsetattr(self._fd, termios.TCSAFLUSH, before)

    def close(self) -> None:
        self.leave()
        os.close(self._fd)

    def write(self, text: str) -> None:
        """What the terminal doesn't take now goes out when it can."""
        was = self.busy
        self._owed += text.encode("utf-8", "replace")
        self._give()
        if self.busy and not was:
            asyncio.get_running_loop().add_writer(self._fd, self._give)

    def _give(self) -> None:
        try:
            while self._owed:
                del self._owed[: os.write(self._fd, self._owed[:16384])]
        except BlockingIOError:
            return
        except OSError:  # it is gone; reading says so too
            self._owed.clear()
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop().remove_writer(self._fd)
