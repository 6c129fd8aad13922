"""A lock on a file, among the threads and processes of this machine."""
from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from types import TracebackType

__all__ = ["FileLock"]


class FileLock:
    """An exclusive lock (``flock``) that the system releases when its holder dies.

    ::

        with FileLock(folder / "start.lock"):     # waits for it
            ...

        lock = FileLock(folder / "run.lock")
        if not lock.acquire(wait=False):
            print(f"process {lock.holder()} has it")

    The holder's process id stands in the file. The file stays after a release: removing it would let two processes
    hold locks on different files of one name. Programs that are started do not inherit the lock.
    Raises `OSError` if the file can't be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def acquire(self, *, wait: bool = True) -> bool:
        """Take the lock; False if ``wait`` is false and somebody else has it."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if not wait and not _take_at_once(descriptor):
                os.close(descriptor)
                return False
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except BaseException:
            os.close(descriptor)
            raise
        with contextlib.suppress(OSError):  # on a full disk the lock is held all the same
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Let go of the lock; nothing happens if it is not held."""
        if self._descriptor >= 0:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)  # a process that is being started may still have a copy
            self.hand_over()

    @property
    def descriptor(self) -> int:
        """For ``pass_fds``: a program that inherits it keeps the lock, after `hand_over`, for as long as it lives."""
        return self._descriptor

    def hand_over(self) -> None:
        """Close our copy of the lock. Programs that have inherited it keep it; if there are none, it is released."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def is_held(self) -> bool:
        """Whether any process holds the lock, this one included. Neither waits nor makes the file."""
        try:
            descriptor = os.open(self._path, os.O_RDWR)
        except OSError:
            return False
        try:
            return not _try(descriptor, fcntl.LOCK_SH)
        finally:
            os.close(descriptor)

    def holder(self) -> int:
        """The process id of the holder; 0 if the lock is not held, or if the holder could not write it down."""
        if not self.is_held():
            return 0
        try:
            text = self._path.read_text(encoding="ascii", errors="replace").strip()
        except OSError:
            return 0
        return int(text) if text.isdigit() else 0

    def __enter__(self) -> FileLock:
        self.acquire()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.release()


def _take_at_once(descriptor: int) -> bool:
    """Whether it is ours now. A process that only looks holds a shared lock briefly, and is waited for."""
    while not _try(descriptor, fcntl.LOCK_EX):
        if not _try(descriptor, fcntl.LOCK_SH):
            return False
    return True


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
