"""Several test processes with one stage ``local``: they deploy one after the other, and the last one tidies up."""
from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Turns"]


class Turns:
    """Locks in the project's ``.sst``; the kernel lets go of them when a process ends, however it ends."""

    def __init__(self, folder: Path) -> None:
        self._turn, self._users = folder / "testing.turn", folder / "testing.users"
        self._held: int | None = None

    @contextmanager
    def one_at_a_time(self) -> Iterator[None]:
        descriptor = os.open(self._turn, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def enter(self, *, running: bool) -> None:
        """Count as a user, in one's turn. ``running``: the cloud ran already."""
        self._held = os.open(self._users, os.O_RDWR | os.O_CREAT, 0o600)
        if self._alone():
            os.ftruncate(self._held, 0)
            os.pwrite(self._held, b"found" if running else b"began", 0)
        fcntl.flock(self._held, fcntl.LOCK_SH)

    def leave(self) -> tuple[bool, bool]:
        """Stop being a user, in one's turn: whether this was the last one, and whether the first one found no cloud."""
        if self._held is None:
            return False, False
        try:
            return self._alone(), os.pread(self._held, 8, 0) == b"began"
        finally:
            os.close(self._held)
            self._held = None

    def _alone(self) -> bool:
        assert self._held is not None
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True
