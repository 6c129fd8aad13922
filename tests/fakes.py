"""A fake cloud and a journal in memory: the engine's own tests need nothing else."""
from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from sst.core.model import Entry, Pending, Snapshot, State, fold
from sst.core.output import Output
from sst.core.provider import Absent, Change, Found, Made, Note, Unsure
from sst.core.resource import Arg, Resource, out, prop
from sst.errors import ProviderError


class Thing(Resource, type="fake.Thing"):
    name: Arg[str] = prop(limit=40, replace=True)
    size: Arg[int] = prop(default=1)
    shape: Arg[str] = prop(default="x", replace=True)
    uses: Arg[list[Any]] = prop(default=None)
    note: Arg[str] = prop(default=None)

    key: Output[str] = out("key")


class Store(Resource, type="fake.Store"):
    """A thing that holds the user's data."""

    name: Arg[str] = prop(limit=40, replace=True)
    size: Arg[int] = prop(default=1)
    holds_data = True

    key: Output[str] = out("key")


class Cloud:
    """Things by id, each with its inputs; refuses to delete what is used. ``fail`` is asked before each call."""

    def __init__(self, fail: Callable[[str, Mapping[str, Any]], None] | None = None) -> None:
        self.live: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, str]] = []
        self.fail = fail or (lambda op, inputs: None)
        self.lock = threading.Lock()
        self.count = 0

    def diff(self, type: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Change:
        kind = Resource.kinds[type]
        changed = frozenset(k for k in kind.props if old.get(k) != new.get(k))
        return Change(changed, frozenset(k for k in changed if kind.props[k].replace))

    def create(self, todo: Pending, note: Note) -> Made:
        self.fail("create", todo.inputs)
        with self.lock:
            self.count += 1
            id = f"id{self.count}"
            self.live[id] = {**todo.inputs, "#urn": todo.urn}
            self.calls.append(("create", todo.urn))
        self.fail("created", todo.inputs)
        return Made(id, {"key": id})

    def read(self, state: State) -> Made | None:
        with self.lock:
            found = self.live.get(state.id)
        return Made(state.id, state.outputs, {k: v for k, v in found.items() if k != "#urn"}) if found is not None else None

    def update(self, state: State, inputs: Mapping[str, Any], changed: frozenset[str], note: Note) -> Made:
        self.fail("update", inputs)
        with self.lock:
            if state.id not in self.live:
                raise ProviderError(f"{state.id} does not exist", code="NotFound", status=404)
            self.live[state.id] = {**inputs, "#urn": state.urn}
            self.calls.append(("update", state.urn))
        self.fail("updated", inputs)
        return Made(state.id, {"key": state.id})

    def delete(self, state: State, note: Note) -> None:
        self.fail("delete", state.inputs)
        with self.lock:
            users = [i for i, v in self.live.items() if i != state.id and state.id in (v.get("uses") or [])]
            if users:
                raise ProviderError(f"{state.id} is in use by {users}", code="InUse", status=400)
            self.live.pop(state.id, None)
            self.calls.append(("delete", state.urn))
        self.fail("deleted", state.inputs)

    def find(self, todo: Pending) -> Found | Absent | Unsure:
        with self.lock:
            for id, v in self.live.items():
                if v["#urn"] == todo.urn and v.get("name") == todo.inputs.get("name"):
                    return Found(Made(id, {"key": id}))
        return Absent()


class MemoryJournal:
    """Keeps every entry; each prefix can be folded and verified."""

    def __init__(self, start: Snapshot | None = None) -> None:
        self.start = start or Snapshot()
        self.entries: list[Entry] = []
        self.lock = threading.Lock()
        self.before_write: Callable[[Entry], None] = lambda entry: None

    @property
    def snapshot(self) -> Snapshot:
        with self.lock:
            return fold(self.start, self.entries)

    def find(self, key: str) -> State | None:
        snapshot = self.snapshot
        return snapshot.resources.get(key) or snapshot.deposed.get(key)

    def write(self, *entries: Entry, wait: bool = True) -> None:
        for e in entries:
            self.before_write(e)
            with self.lock:
                self.entries.append(e)

    def check(self) -> None:
        pass
