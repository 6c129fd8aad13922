"""A folder of the tests' own for one test process: the cloud, the state and the data of its stage ``local``."""
from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..embedded import cloud
from ..machine.lock import FileLock

__all__ = ["own_place"]

_HELD = "held"


@contextmanager
def own_place(folder: Path) -> Iterator[Path]:
    """A new folder below ``folder/testing``; its cloud is ended and all of it deleted afterwards.

    What a killed process left is found by its lock, which the kernel let go of, and deleted first.
    """
    places = folder / "testing"
    places.mkdir(exist_ok=True)
    with FileLock(places / "turn"):
        for left in places.iterdir():
            if left.is_dir() and not FileLock(left / _HELD).is_held():
                _delete(left)
        place = Path(tempfile.mkdtemp(prefix="", dir=places))
        held = FileLock(place / _HELD)
        held.acquire()
    try:
        yield place
    finally:
        try:
            _delete(place)
        finally:
            held.release()


def _delete(place: Path) -> None:
    cloud.reset(place)
    shutil.rmtree(place, ignore_errors=True)
