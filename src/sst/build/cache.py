"""A content-addressed cache of folders. An entry is there whole or not at all, also after kill -9.

Each entry is made in a ``.part`` folder and renamed; a lock per key lets one maker work while others wait for it.
"""
from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["keep", "replace_file", "tidy"]


def keep(cache: Path, kind: str, key: str, make: Callable[[Path], None]) -> Path:
    """The folder ``cache/kind/key``; if it is not there, ``make(folder)`` fills it first. Safe among threads and
    processes."""
    entry = cache / kind / key
    if entry.is_dir():
        os.utime(entry)  # it is in use: see tidy
        return entry
    with _lock(cache / "locks" / f"{kind}-{key}"):
        if entry.is_dir():
            return entry
        part = entry.with_name(f"{key}.part")
        if part.exists():  # we hold the lock, so its maker is dead
            shutil.rmtree(part)
        part.mkdir(parents=True)
        try:
            make(part)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        part.rename(entry)
    return entry


def tidy(folder: Path, *, newest: int, unused: float, needed: Collection[str] = ()) -> None:
    """Remove the entries of a kind that are neither ``needed``, nor among the ``newest``, nor used in the last
    ``unused`` seconds."""
    with os.scandir(folder) as found:
        by_age = sorted((e for e in found if not e.name.endswith(".part")), key=lambda e: -e.stat().st_mtime)
    for e in by_age[newest:]:
        if e.name not in needed and time.time() - e.stat().st_mtime > unused:
            doomed = Path(e.path).with_name(f"{e.name}.{os.getpid()}.part")
            try:
                Path(e.path).rename(doomed)  # gone at once; another process may be at it too
            except FileNotFoundError:
                continue
            shutil.rmtree(doomed, ignore_errors=True)


def replace_file(path: Path, content: bytes) -> None:
    """Write a file so that readers see the old or the new content and nothing between."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}-{os.urandom(4).hex()}.part")
    part.write_bytes(content)
    part.replace(path)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """An exclusive lock that the system releases when its holder dies. The file stays: removing it would split the
    lock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as f:
        if sys.platform == "win32":
            import msvcrt

            f.seek(0)
            msvcrt.locking(f.fileno(), msvcrt.LK_LOCK, 1)
            yield
            f.seek(0)
            msvcrt.locking(f.fileno(), msvcrt.LK_UNLCK, 1)
        else:
            import fcntl

            fcntl.flock(f, fcntl.LOCK_EX)
            yield
