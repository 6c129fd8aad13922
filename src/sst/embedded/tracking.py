"""Which entries of the emulator's stores may have changed: those that a caller got hold of and did not only read.

Each store's dictionary is a `Tracked`: it notes the keys that are handed out or written, whoever does it and in
whichever thread. While a checkpoint collects, the same dictionary shows only the noted keys, so that the emulator's own
functions give a copy of what may have changed instead of a copy of everything.
"""
from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

__all__ = ["Tracked", "Tracker", "reading", "request"]

_ALL = object()
"""Noted instead of keys when every value was handed out."""
_reading: ContextVar[bool] = ContextVar("reading", default=False)
_request: ContextVar[dict[tuple[int, Any], Tracked] | None] = ContextVar("request", default=None)


@contextmanager
def reading() -> Iterator[None]:
    """What this task looks at inside of ``with`` is not changed by it: nothing is noted."""
    token = _reading.set(True)
    try:
        yield
    finally:
        _reading.reset(token)


@contextmanager
def request() -> Iterator[dict[tuple[int, Any], Tracked]]:
    """Collects what one request gets hold of, in its threads too: it may change a value long after it got it, so all of
    it is noted once more (`Tracker.again`) before the answer waits for its checkpoint."""
    held: dict[tuple[int, Any], Tracked] = {}
    token = _request.set(held)
    try:
        yield held
    finally:
        _request.reset(token)


class Tracked(dict[Any, Any]):
    """The dictionary of one store."""

    __slots__ = ("light", "noted", "tracker", "view")

    def __init__(self, tracker: Tracker, data: dict[Any, Any] | None = None) -> None:
        super().__init__(data or {})
        self.tracker = tracker
        self.noted: set[Any] = set()
        self.view: set[Any] | None = None
        """While a checkpoint collects: the keys it sees; None is all."""
        self.light: Callable[[Any], Any] | None = None
        """An entry without what grows in it, if something does."""

    def __reduce__(self) -> Any:
        return dict, (dict(dict.items(self)),)

    def note(self, key: Any) -> None:
        """Now, and so after the change that it is about."""
        if _reading.get() or self.tracker.collecting == threading.get_ident():
            return
        self.noted.add(key)
        self.tracker.dirty[id(self)] = self
        held = _request.get()
        if held is not None:
            held[id(self), key] = self

    def note_all(self) -> None:
        self.note(_ALL)

    def seen(self) -> list[Any]:
        """The keys that a checkpoint looks at."""
        if self.view is not None and len(self.view) < 2:
            return [key for key in self.view if dict.__contains__(self, key)]
        keys = list(dict.__iter__(self))
        return keys if self.view is None else [key for key in keys if key in self.view]

    def __getitem__(self, key: Any) -> Any:
        value = dict.__getitem__(self, key)
        self.note(key)
        return value

    def get(self, key: Any, default: Any = None) -> Any:
        value = dict.get(self, key, default)
        if value is not default:
            self.note(key)
        return value

    def __setitem__(self, key: Any, value: Any) -> None:
        dict.__setitem__(self, key, value)
        self.note(key)

    def __delitem__(self, key: Any) -> None:
        dict.__delitem__(self, key)
        self.note(key)

    def setdefault(self, key: Any, default: Any = None) -> Any:
        value = dict.setdefault(self, key, default)
        self.note(key)
        return value

    def pop(self, key: Any, *default: Any) -> Any:
        value = dict.pop(self, key, *default)
        self.note(key)
        return value

    def popitem(self) -> tuple[Any, Any]:
        found = dict.popitem(self)
        self.note(found[0])
        return found

    def update(self, *others: Any, **more: Any) -> None:
        dict.update(self, *others, **more)
        self.note_all()

    def clear(self) -> None:
        dict.clear(self)
        self.note_all()

    def values(self) -> Any:
        return [value for _, value in self.items()]

    def items(self) -> Any:
        if self.tracker.collecting == threading.get_ident():
            self.tracker.walked[id(self)] = self
            return [(key, dict.__getitem__(self, key)) for key in self.seen()]
        self.note_all()
        return dict.items(self)


class Tracker:
    """All stores of one emulator."""

    def __init__(self) -> None:
        self.dirty: dict[int, Tracked] = {}
        self.collecting = 0
        """The thread that collects now: what it looks at does not count."""
        self.walked: dict[int, Tracked] = {}
        """Stores whose entries were copied one by one while it collects."""

    def take(self) -> list[Tracked]:
        """The stores with notes; their ``view`` is set to what was noted, and the notes begin anew."""
        taken = []
        while self.dirty:
            _, store = self.dirty.popitem()
            keys = set()
            while store.noted:
                keys.add(store.noted.pop())
            store.view = None if _ALL in keys else keys
            taken.append(store)
        return taken

    def again(self, held: dict[tuple[int, Any], Tracked]) -> None:
        """Note what a request has held."""
        for (_, key), store in list(held.items()):
            store.noted.add(key)
            self.dirty[id(store)] = store

    def hold(self, stores: list[Tracked], held: dict[tuple[int, Any], Tracked]) -> None:
        """Remember what ``take`` gave, for `again` at a later time."""
        for store in stores:
            for key in [_ALL] if store.view is None else store.view:
                held[id(store), key] = store

    @contextmanager
    def collect(self) -> Iterator[None]:
        self.collecting = threading.get_ident()
        self.walked = {}
        try:
            yield
        finally:
            self.collecting = 0
