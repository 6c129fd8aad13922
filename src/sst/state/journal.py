"""The append-only journal of a stage: what happened since the last snapshot, object by object at numbered positions.

Positions are never used twice, and each object is created, never replaced. So there is one writer: whoever took over
occupied the next position first, and the writer that was overtaken finds it taken, is refused, and ends.
"""
from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from ..core.model import Entry
from ..errors import Fenced
from . import format
from .store import Conflict, Store

__all__ = ["Journal", "journal_key", "position_of"]

T = TypeVar("T")

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

    ``taken`` is called with entries as they get their place in the order, before they are durable; ``check`` before
    each write.
    """

    def __init__(self, store: Store, prefix: str, header: Mapping[str, Any], position: int, *,
                 taken: Callable[[Sequence[Entry]], None], check: Callable[[], None]) -> None:
        self._store, self._prefix, self._header, self._taken, self._check = store, prefix, header, taken, check
        self._position = position
        self._lock = threading.Lock()
        self._written, self._next = threading.Condition(self._lock), threading.Condition(self._lock)
        """Of the write under way, and of the one after it: who waits for it."""
        self._queue: list[Mapping[str, Any]] = []
        self._queued = self._begun = self._done = 0
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

    def append(self, entries: Sequence[Entry], records: Sequence[Mapping[str, Any]], *, wait: bool = True) -> None:
        """Return once all are durable; without ``wait`` at once, and they become durable with the next that waits.

        Raises ``Fenced``, or the store's error; then nothing more can be appended.
        """
        if not entries:
            return
        with self._lock:
            self._refuse()
            self._queue.extend(records)
            self._queued += len(records)
            self._taken(entries)
            upto = self._queued
        if wait:
            self._until(upto)

    def flush(self) -> None:
        """Return once all that was appended is durable."""
        self._until(self._queued)

    def settled(self, look: Callable[[], T]) -> T:
        """What ``look`` gives at a moment when all that was taken is durable."""
        while True:
            self.flush()
            with self._lock:
                if self._done == self._queued and not self._writing:
                    return look()

    def _until(self, mine: int) -> None:
        """Wait for the write that holds entry number ``mine``, or be the thread that makes it."""
        with self._lock:
            while self._writing and self._done < mine and not self._broken:
                turn = self._written if mine <= self._begun else self._next
                try:
                    turn.wait()
                except BaseException:    # Ctrl-C in the one that should have made the next write
                    turn.notify()
                    raise
            if self._done >= mine:
                return
            self._refuse()
            self._writing = True
            batch, self._queue, upto = self._queue, [], self._queued
            self._begun = upto
            self._written, self._next = self._next, threading.Condition(self._lock)
        error: BaseException | None = None
        try:
            self._write(batch)
        except BaseException as e:
            error = e
        with self._lock:
            self._writing = False
            if error is None:
                self._done = upto
            else:
                self._broken = error
            self._written.notify_all()
            if error is None and not self._closed:
                self._next.notify()    # one of them makes the next write
            else:
                self._next.notify_all()
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
        self._store.put_new(journal_key(self._prefix, at),
                            format.encode("journal", head, records, packed=self._store.packed))
        self._position = at

    def _refuse(self) -> None:
        if self._closed:
            raise Fenced("the command has ended; this came too late to be recorded", hint=_HINT)
        if isinstance(self._broken, Fenced):
            raise Fenced(self._broken.message, hint=self._broken.hint)
        if self._broken is not None:
            raise Fenced(f"an earlier write of the journal failed: {self._broken}",
                         hint="run the command again once that is repaired: it settles what was under way"
                         ) from self._broken

    def close(self) -> None:
        """Write what still waits, then refuse all that comes later. Raises if that write fails."""
        try:
            if self._broken is None:
                self.settled(self._end)
        finally:
            with self._lock:
                self._end()
                while self._writing:
                    self._written.wait()

    def _end(self) -> None:
        self._closed = True
        self._next.notify_all()    # to be refused
