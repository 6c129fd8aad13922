"""A store that is made by the first write: whoever only reads makes nothing."""
from __future__ import annotations

import threading
import time
from collections.abc import Callable

from ..store import Store, Stored

__all__ = ["StoreOnDemand"]


class StoreOnDemand:
    """``find`` gives the store if there is one, ``make`` makes it. While there is none, it is empty."""

    packed = True

    def __init__(self, find: Callable[[], Store | None], make: Callable[[], Store]) -> None:
        self._find, self._make, self._lock = find, make, threading.Lock()
        self._store: Store | None = None

    def _there(self) -> Store | None:
        with self._lock:
            self._store = self._store or self._find()
            return self._store

    def _made(self) -> Store:
        with self._lock:
            self._store = self._store or self._make()
            return self._store

    def get(self, key: str) -> Stored | None:
        store = self._there()
        return store.get(key) if store else None

    def put_new(self, key: str, data: bytes) -> str:
        return self._made().put_new(key, data)

    def put_if(self, key: str, data: bytes, tag: str) -> str:
        return self._made().put_if(key, data, tag)

    def delete(self, *keys: str) -> None:
        if store := self._there():
            store.delete(*keys)

    def list(self, prefix: str) -> list[str]:
        store = self._there()
        return store.list(prefix) if store else []

    def now(self) -> float:
        store = self._there()
        return store.now() if store else time.time()

    def close(self) -> None:
        if self._store:
            self._store.close()
