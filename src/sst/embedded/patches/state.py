"""Saving the emulator's state: what a call changed is on disk before the call is answered, at the cost of the change.

The emulator saves all of its state, as one JSON file a service, at a graceful end alone. Here its stores note what is
handed out (`tracking`), its ``get_state`` functions copy only that, and what really changed goes into one database
(`database`). Folders of earlier versions of this package hold JSON files; they are taken up and replaced.

Goes when ministack saves what a call changed before it answers the call, and refuses to start over damaged state;
last checked with 1.5.33.
"""
from __future__ import annotations

import ast
import copy
import functools
import json
import logging
import marshal
import pickle
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sst.embedded.checkpoint import Checkpoints
from sst.embedded.database import Changes, Database
from sst.embedded.growing import Growing, Lists, Messages, Rows
from sst.embedded.settings import Settings
from sst.embedded.tracking import Tracked, Tracker
from sst.errors import StateError

__all__ = ["NEEDS", "apply", "checkpoints"]

NEEDS: Mapping[str, str] = {
    "app:_build_persistence_save_dict": "()",
    "app:_get_module": "(name)",
    "app:_load_persisted_state": "()",
    "app:_state_map": "dict",
    "app:save_all": "(services)",
    "core.persistence:_json_default": "(obj)",
    "core.persistence:_json_object_hook": "(obj)",
    "core.persistence:_state_format_version": "(service)",
    "core.persistence:load_state": "(service)",
    "core.persistence:save_state": "(service, data)",
    "core.responses:AccountRegionScopedDict": "class (self)",
    "core.responses:AccountScopedDict": "class (self)",
    "services.cloudwatch_logs:_log_groups": "AccountRegionScopedDict",
    "services.dynamodb:_remove_item": "(table, pk_val, sk_val)",
    "services.dynamodb:_set_item": "(table, pk_val, sk_val, item)",
    "services.dynamodb:_tables": "AccountRegionScopedDict",
    "services.dynamodb:copy": "module",
    "services.kinesis:_streams": "AccountRegionScopedDict",
    "services.sqs:_queues": "AccountRegionScopedDict",
}

_log = logging.getLogger("sst.checkpoint")
_DAMAGED = "put back a copy of the file, or delete everything of stage `local` with `sst local reset`"
_KINDS = ("AccountScopedDict", "AccountRegionScopedDict")
_BETWEEN = "\x1f"
_NOTHING: set[Any] = set()
_tracker = Tracker()
_rows = Rows()
_GROWING: Mapping[tuple[str, str], Growing] = {
    ("dynamodb", "tables"): _rows, ("sqs", "queues"): Messages(),
    ("cloudwatch_logs", "log_groups"): Lists("streams", "events"), ("kinesis", "streams"): Lists("shards", "records")}
"""Service, part."""


_state: _State | None = None


def apply(settings: Settings) -> None:
    global _state
    from ministack import app
    from ministack.core import persistence, responses
    from ministack.services import cloudwatch_logs, dynamodb, kinesis, sqs

    for kind in (responses.AccountScopedDict, responses.AccountRegionScopedDict):
        _track(kind)
    for module in [module for name, module in sys.modules.items() if name.startswith("ministack.")]:
        for store in _stores(module):
            if not isinstance(store._data, Tracked):
                store._data = Tracked(_tracker, store._data)
    for place, store in ((("sqs", "queues"), sqs._queues), (("kinesis", "streams"), kinesis._streams),
                         (("cloudwatch_logs", "log_groups"), cloudwatch_logs._log_groups)):
        store._data.light = _GROWING[place].light
    _follow_rows(dynamodb)
    _state = state = _State(settings.folder / "state")
    persistence.save_state = lambda service, data: None
    app.save_all = lambda services: None  # the launcher saves at the end, after everything else has ended
    app._load_persisted_state = state.load


def checkpoints() -> Checkpoints:
    """The group commit over the patched emulator."""
    assert _state
    return Checkpoints(_state, _state.database)


def _track(kind: Any) -> None:
    def init(self: Any) -> None:
        self._data = Tracked(_tracker)

    def deepcopy(self: Any, memo: Any) -> Any:
        data = self._data
        if _tracker.collecting != threading.get_ident():
            new = kind()
            new._data = Tracked(_tracker, _copied(dict(data)))
            return new
        new = kind.__new__(kind)
        new._data = {} if data.view == _NOTHING else {
            key: _copied(data.light(value) if data.light else value) for key in data.seen()
            if (value := dict.get(data, key)) is not None}
        _sources[id(new)] = new, data
        return new

    kind.__init__ = init
    kind.__deepcopy__ = deepcopy


_sources: dict[int, tuple[Any, Tracked]] = {}
"""Copies of the service that is collected -> what they are copies of."""


def _follow_rows(dynamodb: Any) -> None:
    """Its three functions that change items say which; a copy for a checkpoint leaves them out."""
    store, remove = dynamodb._set_item, dynamodb._remove_item

    def key_of(table: Any) -> str:
        _, _, _, region, account, _ = table["TableArn"].split(":", 5)
        return _text((account, region, table["TableName"]))

    def set_item(table: Any, partition: Any, sort: Any, item: Any) -> Any:
        old = store(table, partition, sort, item)
        _rows.note(key_of(table), partition, sort)
        return old

    def remove_item(table: Any, partition: Any, sort: Any) -> Any:
        old = remove(table, partition, sort)
        _rows.note(key_of(table), partition, sort)
        return old

    def deepcopy(value: Any, memo: Any = None) -> Any:
        if type(value).__name__ in _KINDS:
            return value.__deepcopy__(memo)
        table = _tracker.collecting == threading.get_ident() and isinstance(value, dict) and "TableArn" in value
        return _copied(_rows.light(value) if table and "items" in value else value)

    dynamodb._set_item, dynamodb._remove_item = set_item, remove_item
    dynamodb.copy = SimpleNamespace(deepcopy=deepcopy, copy=copy.copy)


class _State:
    """See `checkpoint.Collector`."""

    def __init__(self, folder: Path) -> None:
        from ministack.core import persistence

        folder.mkdir(mode=0o700, exist_ok=True)
        self._folder = folder
        self.database = Database(folder / "state.db", functools.partial(json.dumps, default=persistence._json_default))
        self._saved = self.database.versions()
        self._written: dict[tuple[str, str], dict[Any, bytes]] = {}
        """Service, part -> key -> a fingerprint of what is on disk."""
        self._stores: dict[str, list[Tracked]] = {}
        self._owners: dict[int, list[str]] = {}
        self._held: dict[tuple[int, Any], Tracked] = {}
        """What was collected since the last second look; ``_second`` is what that one is about."""
        self._second: dict[tuple[int, Any], Tracked] = {}
        self._old_files: list[Path] = []
        self._collected = False

    # Collecting

    def collect(self, *, everything: bool = False) -> Changes:
        from ministack import app

        services: dict[str, Callable[[], Any]] = app._build_persistence_save_dict()
        for name, get_state in services.items():
            if name not in self._stores:
                self._adopt(name, sys.modules[get_state.__module__])
        if self._collected:
            while self._old_files:
                self._old_files.pop().unlink(missing_ok=True)
        taken = [store for store in _tracker.take() if id(store) in self._owners]
        _tracker.hold(taken, self._held)
        for looked_at in self._second:
            self._held.pop(looked_at, None)
        self._second = {}
        names = set(services) if everything else {name for store in taken for name in self._owners[id(store)]}
        changes, noted = Changes(), {id(store) for store in taken}
        for name in names & set(services):
            for store in self._stores[name]:
                if everything:
                    store.view = None
                elif id(store) not in noted:
                    store.view = set()
        with _tracker.collect():
            for name in sorted(names & set(services)):
                self._service(name, services[name], changes)
        self._collected = True
        return changes

    def again(self, held: dict[tuple[int, Any], Tracked]) -> None:
        _tracker.again(held)

    def look_twice(self) -> None:
        self._second, self._held = self._held, {}
        _tracker.again(self._second)

    def failed(self) -> None:
        self._written.clear()
        self._saved = {}
        self._collected = False
        for growing in _GROWING.values():
            growing.forget_all()
        for stores in self._stores.values():
            for store in stores:
                store.note_all()

    def _adopt(self, name: str, module: Any) -> None:
        """A service that was loaded since the last time: all of it is new."""
        self._stores[name] = [store._data for store in _stores(module) if isinstance(store._data, Tracked)]
        for store in self._stores[name]:
            self._owners.setdefault(id(store), []).append(name)
            store.note_all()

    def _service(self, name: str, get_state: Callable[[], Any], changes: Changes) -> None:
        from ministack.core import persistence

        _sources.clear()
        _tracker.walked = {}
        state = _read(name, get_state)
        if not isinstance(state, dict):
            return
        version = int(persistence._state_format_version(name))
        if self._saved.get(name) != version:
            self._saved[name] = changes.versions[name] = version
        for part, value in state.items():
            kind = type(value).__name__
            if kind in _KINDS:
                self._part(name, part, kind, value, changes)
                continue
            written, seen = self._written.setdefault((name, part), {}), _print(value)
            if written.get("") != seen:
                written[""] = seen
                changes.entries.append((name, part, "", "", value))
        _sources.clear()

    def _part(self, name: str, part: str, kind: str, value: Any, changes: Changes) -> None:
        written, growing = self._written.setdefault((name, part), {}), _GROWING.get((name, part))
        source = _sources.get(id(value))
        live = [source[1]] if source and id(source[1]) in self._owners else list(_tracker.walked.values())
        if "" in written and source and live[0] is source[1] and live[0].view == _NOTHING:
            return
        if "" not in written:
            written[""] = b"-"
            changes.entries.append((name, part, "", kind, None))
        looked: set[Any] = set()
        for store in live:
            looked |= written.keys() if store.view is None else store.view & written.keys()
        for key in looked - {""}:
            if not any(dict.__contains__(store, key) for store in live):
                del written[key]
                changes.deleted.append((name, part, _text(key)))
                if growing:
                    growing.forget(_text(key))
        for key, entry in dict.items(value._data):
            seen = _print(entry)
            if written.get(key) != seen:
                written[key] = seen
                changes.entries.append((name, part, _text(key), kind, entry))
            whole = next((dict.get(store, key) for store in live if dict.__contains__(store, key)), None)
            if growing and whole is not None:
                growing.changes((name, part, _text(key)), whole, changes, _copied)

    # Loading

    def load(self) -> None:
        """Take up the saved state, or fail: the emulator would go on without it, and overwrite it."""
        from ministack import app
        from ministack.core import persistence

        for name, module in app._state_map.items():
            file = self._folder / f"{name}.json"
            if file.exists():
                self._old_files.append(file)
            elif name not in self._saved:
                continue
            if name in self._saved:
                file = self._folder / "state.db"
            try:
                if self._saved.get(name, 0) > persistence._state_format_version(name):
                    raise ValueError(f"{name} was written by a newer version of the emulator")
                state = self._decoded(name) if name in self._saved else persistence.load_state(name)
                if state is not None:
                    app._get_module(module).load_persisted_state(state)
                    self._take_up(name, state)
            except Exception as error:
                raise StateError(f"{file} is damaged: {error}", hint=_DAMAGED) from error
            if state is None:
                raise StateError(f"{file} is damaged", hint=_DAMAGED)

    def _decoded(self, name: str) -> dict[str, Any]:
        from ministack.core import persistence, responses

        read = functools.partial(json.loads, object_hook=persistence._json_object_hook)
        state: dict[str, Any] = {}
        for part, saved in self.database.load(name).items():
            written, growing = self._written.setdefault((name, part), {}), _GROWING.get((name, part))
            if saved.kind not in _KINDS:
                state[part] = read(saved.entries[""])
                continue
            store = state[part] = getattr(responses, saved.kind)()
            for text, value in saved.entries.items():
                key = _key(text) if text else ""
                written[key] = b"-"
                if not text:
                    continue
                entry = read(value)
                if growing:
                    growing.fill(entry, [(sub, n, read(row)) for sub, n, row in saved.grown.get(text, [])])
                dict.__setitem__(store._data, key, entry)
        return state

    def _take_up(self, name: str, state: Mapping[str, Any]) -> None:
        """What has grown and was just read from the database is known to be on disk."""
        if name not in self._saved:
            return
        for (service, part), growing in _GROWING.items():
            if service == name:
                for key, entry in _live(service, part):
                    growing.known((service, part, _text(key)), entry)


def _live(service: str, part: str) -> Iterator[tuple[Any, Any]]:
    from ministack.services import dynamodb, sqs

    store = {("dynamodb", "tables"): dynamodb._tables, ("sqs", "queues"): sqs._queues}.get((service, part))
    if store is not None:
        yield from list(dict.items(store._data))


def _stores(module: Any) -> list[Any]:
    return [value for value in vars(module).values() if type(value).__name__ in _KINDS]


def _read(name: str, get_state: Callable[[], Any]) -> Any:
    """The service's state, or None. A thread of the emulator may change it under a slow copy: then once more."""
    for _ in range(10):
        try:
            return get_state()
        except RuntimeError as error:
            seen = error
        except OSError:  # code that could not be written: the call that brought it fails
            raise
        except Exception:
            _log.exception("the state of %s can't be read; it is not saved", name)
            return None
    raise seen


def _text(key: tuple[Any, ...]) -> str:
    """``account, region, name`` (or without region) as text; the name with its type."""
    return _BETWEEN.join((*map(str, key[:-1]), repr(key[-1])))


def _key(text: str) -> tuple[Any, ...]:
    *scope, name = text.split(_BETWEEN)
    return *scope, ast.literal_eval(name)


def _copied(value: Any, memo: Any = None) -> Any:
    """A deep copy in one C call (atomic for other threads); what neither way can copy goes the long way."""
    try:
        return marshal.loads(marshal.dumps(value, 2))
    except ValueError:
        pass
    try:
        return pickle.loads(pickle.dumps(value))  # noqa: S301 - our own memory a moment ago
    except (pickle.PicklingError, TypeError, AttributeError):
        return copy.deepcopy(value)


def _print(value: Any) -> bytes:
    """A fingerprint; equal values may differ in it (one write too many), different ones never agree."""
    try:
        image = marshal.dumps(value, 2)
    except ValueError:  # a subclass of dict in it
        image = pickle.dumps(value)
    return blake2b(image, digest_size=16).digest()
