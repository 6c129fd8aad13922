"""The append-only journal of a stage: what happened since the last snapshot, object by object at numbered positions.

Positions are never used twice, and each object is created, never replaced. So there is one writer: whoever took over occupied
the next position first, and the writer that was overtaken finds it taken, is refused, and ends.
"""
from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..core.model import Entry
from ..errors import Fenced
from . import format
from .store import Conflict, Store

__all__ = ["Journal", "journal_key", "position_of"]

_HINT = "another command took over; run this one again: it settles what was under way"


def journal_key(prefix: str, position: int) -> str:
    return f"{prefix}journal/{position:012}"


def position_of(key: str) -> int:
    number = key.rpartition("/")[2]
    if not (number.isascii() and number.isdigit()):
        raise format.Damaged(key, 0, "its name is no number")
    return int(number)


class Journal:
    """Appends for many threads: what arrives while a write is under way goes together into the next one.

    ``landed`` is called with the entries of each write once it is durable, in the order of positions; ``check`` before each write.
    """

    def __init__(self, store: Store, prefix: str, header: Mapping[str, Any], position: int, *,
                 landed: Callable[[Sequence[Entry]], None], check: Callable[[], None]) -> None:
        self._store, self._prefix, self._header, self._landed, self._check = store, prefix, header, landed, check
        self._position = position
        self._lock = threading.Lock()
        self._turn = threading.Condition(self._lock)
        self._queue: list[tuple[Entry, Mapping[str, Any]]] = []
        self._queued = self._done = 0
        self._writing = self._closed = False
        self._broken: BaseException | None = None

    @property
    def position(self) -> int:
        """Of the last object that is durable."""
        return self._position

    @property
    def broken(self) -> bool:
        """Whether a write failed, so that nobody knows if it is there."""
        return self._broken is not None

    def append(self, entries: Sequence[Entry], records: Sequence[Mapping[str, Any]]) -> None:
        """Return once all are durable. Raises ``Fenced``, or the store's error; then nothing more can be appended."""
        if not entries:
            return
        with self._turn:
            self._refuse()
            self._queue.extend(zip(entries, records, strict=True))
            self._queued += len(entries)
            mine = self._queued
            while self._writing and self._done < mine and not self._broken:
                self._turn.wait()
            if self._done >= mine:
                return
            self._refuse()
            self._writing = True
            batch, self._queue = self._queue, []
            upto = self._queued
        # One thread at a time comes here; the others wait above for their entries, or to be the next.
        error: BaseException | None = None
        try:
            self._write([r for _, r in batch])
        except BaseException as e:
            error = e
        with self._turn:
            self._writing = False
            if error is None:
                self._landed([e for e, _ in batch])
                self._done = upto
            else:
                self._broken = error
            self._turn.notify_all()
        if error is not None:
            raise error

    def mark(self, header: Mapping[str, Any]) -> bool:
        """Write an object without entries (a fence, a restore) at the next position; False if that was taken."""
        with self._lock:
            self._refuse()
            try:
                self._put({**self._header, **header}, ())
            except Conflict:
                return False
            return True

    def _write(self, records: Sequence[Mapping[str, Any]]) -> None:
        self._check()
        try:
            self._put(self._header, records)
        except Conflict as e:
            raise Fenced(f"the journal's position {self._position + 1} was taken by another command", hint=_HINT) from e

    def _put(self, header: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> None:
        at = self._position + 1
        head = {**header, "position": at, "time": self._store.now(), "nonce": secrets.token_hex(8)}
        self._store.put_new(journal_key(self._prefix, at), format.encode("journal", head, records, packed=self._store.packed))
        self._position = at

    def _refuse(self) -> None:
        if self._closed:
            raise Fenced("the command has ended; this came too late to be recorded", hint=_HINT)
        if isinstance(self._broken, Fenced):
            raise Fenced(self._broken.message, hint=self._broken.hint)
        if self._broken is not None:
            raise Fenced(f"an earlier write of the journal failed: {self._broken}", hint=_HINT) from self._broken

    def close(self) -> None:
        """Wait for the write that is under way and refuse all that come later."""
        with self._turn:
            self._closed = True
            while self._writing:
                self._turn.wait()
