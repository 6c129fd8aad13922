"""A content-addressed cache of folders. An entry is there whole or not at all, also after kill -9.

Each entry is made in a ``.part`` folder and renamed; a lock per key lets one maker work while others wait for it.
"""
from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection
from pathlib import Path

from ..machine.files import remove_tree
from ..machine.lock import FileLock

__all__ = ["keep", "lock", "machine_cache", "settle", "tidy"]


def machine_cache() -> Path:
    """What all projects of this user share: ``$XDG_CACHE_HOME/sst`` or ``~/.cache/sst``."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path(os.environ.get("HOME") or Path.home()) / ".cache") / "sst"


def keep(cache: Path, kind: str, key: str, make: Callable[[Path], None],
         whole: Callable[[Path], object] = Path.is_dir) -> Path:
    """The folder ``cache/kind/key``; if it is not there, ``make(folder)`` fills it first. Safe among threads and
    processes. One that is not ``whole`` any more (a power cut left an empty file in it) is made again."""
    entry = cache / kind / key
    if entry.is_dir() and whole(entry):
        os.utime(entry)  # it is in use: see tidy
        return entry
    with lock(cache, kind, key):
        if entry.is_dir() and whole(entry):
            return entry
        import shutil

        part = entry.with_name(f"{key}.part")
        if part.exists():  # we hold the lock, so its maker is dead
            shutil.rmtree(part)
        part.mkdir(parents=True)
        try:
            make(part)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        settle(part, entry, whole)
    return entry


def lock(cache: Path, kind: str, key: str) -> FileLock:
    """For one maker of an entry at a time."""
    locks = cache / "locks"
    locks.mkdir(parents=True, exist_ok=True)
    return FileLock(locks / f"{kind}-{key}")


def settle(part: Path, entry: Path, whole: Callable[[Path], object]) -> None:
    """Put a finished folder in its place, unless another process was faster: both have the same content."""
    try:
        part.rename(entry)
    except OSError:  # something is there already
        if entry.is_dir() and whole(entry):
            return
        doomed = entry.with_name(f"{entry.name}.{os.getpid()}.part")
        entry.rename(doomed)
        part.rename(entry)
        remove_tree(doomed)


def tidy(folder: Path, *, newest: int, unused: float, needed: Collection[str] = ()) -> None:
    """Remove the entries of a kind that are neither ``needed``, nor among the ``newest``, nor used in the last
    ``unused`` seconds."""
    with os.scandir(folder) as found:
        by_age = sorted((e for e in found if not e.name.endswith(".part")), key=lambda e: -e.stat().st_mtime)
    for e in by_age[newest:]:
        if e.name not in needed and time.time() - e.stat().st_mtime > unused:
            import shutil

            doomed = Path(e.path).with_name(f"{e.name}.{os.getpid()}.part")
            try:
                Path(e.path).rename(doomed)  # gone at once; another process may be at it too
            except FileNotFoundError:
                continue
            shutil.rmtree(doomed, ignore_errors=True)
