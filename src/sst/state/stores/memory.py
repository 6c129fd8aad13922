"""State in memory, for tests of programs and of the engine."""
from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import count

from ..store import Conflict, Stored

__all__ = ["MemoryStore"]


class MemoryStore:
    """A store that ends with the process. ``clock`` gives its time."""

    packed = False

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._objects: dict[str, Stored] = {}
        self._lock = threading.Lock()
        self._tags = count(1)
        self._clock = clock

    def get(self, key: str) -> Stored | None:
        with self._lock:
            return self._objects.get(key)

    def put_new(self, key: str, data: bytes) -> str:
        with self._lock:
            if key in self._objects:
                raise Conflict(f"{key} exists already")
            return self._put(key, data)

    def put_if(self, key: str, data: bytes, tag: str) -> str:
        with self._lock:
            was = self._objects.get(key)
            if was is None or was.tag != tag:
                raise Conflict(f"{key} was changed by someone else")
            return self._put(key, data)

    def _put(self, key: str, data: bytes) -> str:
        stored = self._objects[key] = Stored(bytes(data), str(next(self._tags)))
        return stored.tag

    def delete(self, *keys: str) -> None:
        with self._lock:
            for key in keys:
                self._objects.pop(key, None)

    def list(self, prefix: str) -> list[str]:
        with self._lock:
            return sorted(k for k in self._objects if k.startswith(prefix))

    def now(self) -> float:
        return self._clock()

    def close(self) -> None:
        pass
