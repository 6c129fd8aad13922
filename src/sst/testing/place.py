"""A folder of the tests' own: the cloud, the state and the data of its stage ``local``."""
from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..embedded import cloud
from ..machine.lock import FileLock

__all__ = ["own_place"]

_HELD = "held-"


@contextmanager
def own_place(folder: Path, run: str = "") -> Iterator[Path]:
    """A new folder below ``folder/testing``; its cloud is ended and all of it deleted afterwards.

    Processes that name the same ``run`` share one; the last of them deletes it. What killed processes left is found by
    its locks, which the kernel let go of, and deleted first.
    """
    places = folder / "testing"
    places.mkdir(exist_ok=True)
    with FileLock(places / "turn"):
        for left in places.iterdir():
            if left.is_dir() and not _is_used(left):
                _delete(left)
        if run:
            place = places / f"run-{run}"
            place.mkdir(exist_ok=True)
        else:
            place = Path(tempfile.mkdtemp(prefix="", dir=places))
        held = FileLock(place / f"{_HELD}{os.getpid()}")
        held.acquire()
    try:
        yield place
    finally:
        with FileLock(places / "turn"):
            held.release()
            if not _is_used(place):
                _delete(place)


def _is_used(place: Path) -> bool:
    return any(FileLock(file).is_held() for file in place.glob(f"{_HELD}*"))


def _delete(place: Path) -> None:
    cloud.reset(place)
    shutil.rmtree(place, ignore_errors=True)
