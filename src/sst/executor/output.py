"""What a process and its children print, as lines."""
from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

__all__ = ["Output"]

LINE_LIMIT = 256 * 1024
"""What CloudWatch Logs takes as one event."""
_PIECE = 1 << 16
_FULL = 4
"""More pieces than a full pipe has."""


class Output:
    """A pipe: ``give`` is the process's stdout and stderr; ``say`` gets its lines, as they come. Any bytes will do."""

    def __init__(self, say: Callable[[list[str]], None]) -> None:
        self._fd, self.give = os.pipe()
        os.set_blocking(self._fd, False)
        self._say, self._rest = say, b""
        asyncio.get_running_loop().add_reader(self._fd, self._take)

    def given(self) -> None:
        """Close our copy of what was given."""
        if self.give >= 0:
            os.close(self.give)
            self.give = -1

    def read(self, *, all: bool = False) -> None:
        """Take what has been printed so far; ``all``: also a last line without an end."""
        for _ in range(_FULL):  # and not for ever, if a child goes on printing
            if not self._take():
                break
        if all and self._rest:
            self._say([_text(self._rest)])
            self._rest = b""

    def _take(self) -> bool:
        """One piece, so that a process that prints without end leaves time for others; False if there is none."""
        try:
            data = os.read(self._fd, _PIECE) if self._fd >= 0 else b""
        except BlockingIOError:
            return False
        if not data:
            self._close()
            return False
        *lines, self._rest = (self._rest + data).split(b"\n")
        while len(self._rest) > LINE_LIMIT:
            lines.append(self._rest[:LINE_LIMIT])
            self._rest = self._rest[LINE_LIMIT:]
        if lines:
            self._say([_text(line) for line in lines])
        return True

    def end(self) -> None:
        """Take the last of it and close. Children that outlive the process are not waited for."""
        self.given()
        self.read(all=True)
        self._close()

    def _close(self) -> None:
        if self._fd >= 0:
            asyncio.get_running_loop().remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1


def _text(line: bytes) -> str:
    """A carriage return is a newline within one record."""
    return line.decode("utf-8", "replace").rstrip("\r").replace("\r", "\n")
