"""A folder of the tests' own for one test process: the cloud, the state and the data of its stage ``local``."""
from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..embedded import cloud

__all__ = ["own_place"]

_HELD = "held"


@contextmanager
def own_place(folder: Path) -> Iterator[Path]:
    """A new folder below ``folder/testing``; its cloud is ended and all of it deleted afterwards.

    What a killed process left is found by its lock, which the kernel let go of, and deleted first.
    """
    places = folder / "testing"
    places.mkdir(exist_ok=True)
    with _locked(places / "turn"):
        for left in places.iterdir():
            if left.is_dir() and not _in_use(left):
                _delete(left)
        place = Path(tempfile.mkdtemp(prefix="", dir=places))
        held = _lock(place / _HELD)
    try:
        yield place
    finally:
        try:
            _delete(place)
        finally:
            os.close(held)


def _delete(place: Path) -> None:
    cloud.reset(place)
    shutil.rmtree(place, ignore_errors=True)


def _in_use(place: Path) -> bool:
    try:
        os.close(_lock(place / _HELD, wait=False))
    except OSError:
        return True
    return False


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    descriptor = _lock(file)
    try:
        yield
    finally:
        os.close(descriptor)


def _lock(file: Path, *, wait: bool = True) -> int:
    """The descriptor that holds the lock. Programs that are started do not inherit it."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
