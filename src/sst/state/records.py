"""A snapshot and journal entries as records of the file format, with secret values sealed one by one."""
from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, fields
from json.encoder import encode_basestring_ascii as quoted
from operator import attrgetter
from sys import intern
from typing import Any

from ..core.model import HIDDEN, Entry, Op, Operation, Snapshot, State
from ..errors import InternalError, StateError
from .format import SCALARS, Damaged, Document, plain
from .keys import KeyRing, decrypt, encrypt
from .known import Known
from .redact import LEAST, secrets_of

__all__ = ["Box", "entries_of", "entry_record", "snapshot_of", "snapshot_records"]

_SEALED = "$sealed"
_PLAIN = "$plain"
_COVERED = "$covered"
"""Is no secret itself, and contains one: encrypted as well, and an ordinary value again once it is read."""
_NAMES = ("id", "base", "old_id")
_TUPLES = ("deps", "secret")
_VALUES = ("inputs", "outputs")
_UNWRITTEN = frozenset({"known", "changed", "change"})
_DEFAULTS = {kind: {f.name: None if f.default is MISSING else f.default for f in fields(kind)
                    if f.name not in _UNWRITTEN} for kind in (State, Operation)}
_FIELDS = {kind: attrgetter(*names) for kind, names in _DEFAULTS.items()}
_REPEATED = ("type", "parent", "stack", "where", "provider", "fingerprint")
"""Texts that many resources share."""


class Box:
    """Seals secret values of one state: a value opens only in the same lineage, at the same resource and property."""

    def __init__(self, keys: KeyRing, lineage: str) -> None:
        self._keys, self._lineage = keys, lineage
        self._known = Known()

    def learn(self, secrets: Iterable[Any]) -> None:
        """Secret values that other values may contain: names and addresses that are made of them."""
        self._known.add(text for value in secrets for text in _texts(value) if len(text) >= LEAST)

    def contains(self, value: Any) -> bool:
        """Whether a secret that is known so far stands in a text of the value, written as it is."""
        return self._known.within(value) if isinstance(value, str) else any(map(self._known.within, _texts(value)))

    def seal(self, urn: str, name: str, value: Any) -> str:
        self.learn([value])
        return self.cover(urn, name, value)

    def cover(self, urn: str, name: str, value: Any) -> str:
        """Encrypt a value that is no secret itself, and contains one."""
        return encrypt(self._keys, json.dumps(value), self._aad(urn, name))

    def open(self, urn: str, name: str, text: str) -> Any:
        try:
            return json.loads(decrypt(self._keys, text, self._aad(urn, name)))
        except StateError as e:
            raise StateError(f"{name} of {urn}: {e.message}", hint=e.hint) from e

    def _aad(self, urn: str, name: str) -> str:
        return f"[{quoted(self._lineage)}, {quoted(urn)}, {quoted(name)}]"    # as json.dumps has a list


def entry_record(entry: Entry, box: Box) -> dict[str, Any]:
    """One journal entry. Raises ``InternalError`` naming a property that JSON can't hold."""
    record: dict[str, Any] = {"kind": entry.kind}
    if entry.urn:
        record["urn"] = entry.urn
    if entry.old:
        record["old"] = entry.old
    if entry.state is not None:
        record["state"] = _pack(entry.state, box)
    if entry.pending is not None:
        record["pending"] = _pack(entry.pending, box)
    if entry.data is not None:
        record["data"] = {k: _hide(v, entry.kind, plain_key(k, entry.kind), box) for k, v in entry.data.items()}
    return record


def plain_key(key: Any, what: str) -> str:
    if not isinstance(key, str):
        raise InternalError(f"{what} has the key {key!r}; state holds text keys only")
    return key


def entries_of(document: Document, box: Box) -> Iterator[Entry]:
    """The entries of a journal object."""
    for record, offset in zip(document.records, document.offsets, strict=True):
        yield _read(document.name, offset, lambda r: _entry(r, box), record)


def _entry(record: Mapping[str, Any], box: Box) -> Entry:
    data = record.get("data")
    return Entry(
        record["kind"], record.get("urn", ""),
        state=_unpack(State, record["state"], box) if "state" in record else None,
        pending=_unpack(Operation, record["pending"], box) if "pending" in record else None,
        old=record.get("old", ""),
        data=None if data is None else {k: _show(v, record["kind"], k, box) for k, v in data.items()})


def snapshot_records(snapshot: Snapshot, box: Box) -> Iterator[dict[str, Any]]:
    """A line a resource, a deposed thing, a pending operation, and an item of outputs, links and meta."""
    box.learn(secrets_of(snapshot))
    for urn, state in snapshot.resources.items():
        yield {"part": "resources", "key": urn, "value": _pack(state, box)}
    for key, state in snapshot.deposed.items():
        yield {"part": "deposed", "key": key, "value": _pack(state, box)}
    for key, pending in snapshot.pending.items():
        yield {"part": "pending", "key": key, "value": _pack(pending, box)}
    for part in ("outputs", "links", "meta"):
        for key, value in getattr(snapshot, part).items():
            yield {"part": part, "key": plain_key(key, part), "value": _hide(value, part, key, box)}


def snapshot_of(document: Document, box: Box) -> Snapshot:
    """The snapshot in a document, which is empty afterwards. Order is kept."""
    parts: dict[str, dict[str, Any]] = {p: {} for p in ("resources", "deposed", "pending", "outputs", "links", "meta")}

    def take(record: Mapping[str, Any]) -> None:
        part, key, value = record["part"], record["key"], record["value"]
        match part:
            case "resources" | "deposed":
                parts[part][key] = _unpack(State, value, box)
            case "pending":
                parts[part][key] = _unpack(Operation, value, box)
            case _:
                parts[part][key] = _show(value, part, key, box)

    for n, offset in enumerate(document.offsets):
        record, document.records[n] = document.records[n], {}     # so that a large state is not in memory twice
        _read(document.name, offset, take, record)
    return Snapshot(**parts, serial=document.header["serial"])


def _read(name: str, offset: int, read: Callable[[Mapping[str, Any]], Any], record: Mapping[str, Any]) -> Any:
    try:
        return read(record)
    except StateError as e:
        raise Damaged(name, offset, e.message, hint=e.hint) from e
    except (KeyError, TypeError, ValueError, AttributeError) as e:
        raise Damaged(name, offset, f"the line has a wrong form ({type(e).__name__}: {e})") from e


def _pack(item: State | Operation, box: Box) -> dict[str, Any]:
    """Only what differs from the defaults, so that a resource costs few bytes."""
    out: dict[str, Any] = {}
    kind = type(item)
    for (name, default), value in zip(_DEFAULTS[kind].items(), _FIELDS[kind](item), strict=True):
        if name in _VALUES:
            if value:
                out[name] = {plain_key(k, item.urn): v if type(v) in SCALARS else plain(v, f"{k} of {item.urn}")
                             for k, v in value.items()}
        elif value is not default and value != default:
            out[name] = value if type(value) in SCALARS else plain(value, f"{name} of {item.urn}")
    for side in _VALUES:
        if values := out.get(side):
            for name in item.secret:
                if name in values:
                    values[name] = box.seal(item.urn, f"{side}.{name}", values[name])
            for name, value in values.items():
                if name not in item.secret and (_marked(value) or box.contains(value)):
                    values[name] = {_COVERED: box.cover(item.urn, f"{side}.{name}", value)}
    for name in _NAMES:
        if name in out and box.contains(out[name]):
            out[name] = {_COVERED: box.cover(item.urn, name, out[name])}
    if "private" in out:
        out["private"] = box.seal(item.urn, "private", out["private"])
    return out


def _marked(value: Any) -> bool:
    return type(value) is dict and len(value) == 1 and _COVERED in value


def _texts(value: Any) -> Iterator[str]:
    """The texts in a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _unpack(kind: type[Any], given: Mapping[str, Any], box: Box) -> Any:
    values = dict(given)
    for name in _TUPLES:
        if name in values:
            values[name] = tuple(values[name])
    for name in _REPEATED:
        if type(text := values.get(name)) is str:
            values[name] = intern(text)
    secret = values.get("secret", ())
    for side in _VALUES:
        if side in values:
            own = values[side] = {intern(k): v for k, v in values[side].items()}
            for name, v in own.items():
                if name in secret or _marked(v):
                    own[name] = box.open(values["urn"], f"{side}.{name}", v if name in secret else v[_COVERED])
    for name in _NAMES:
        if _marked(values.get(name)):
            values[name] = box.open(values["urn"], name, values[name][_COVERED])
    if "private" in values:
        values["private"] = box.open(values["urn"], "private", values["private"])
    if "op" in values:
        values["op"] = Op(values["op"])
    return kind(**values)


def _hide(value: Any, part: str, path: str, box: Box) -> Any:
    """Seal what ``hidden`` marked. A mapping of the user's that looks like our own marks is wrapped."""
    if isinstance(value, Mapping):
        if len(value) == 1:
            (key, only), = value.items()
            if key == HIDDEN:
                return {_SEALED: box.seal(part, path, plain(only, f"{part}.{path}"))}
            if key in (_SEALED, _PLAIN, _COVERED):
                return {_PLAIN: {key: _hide(only, part, f"{path}.{key}", box)}}
        return {plain_key(k, f"{part}.{path}"): _hide(v, part, f"{path}.{k}", box) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_hide(v, part, f"{path}.{n}", box) for n, v in enumerate(value)]
    if isinstance(value, str) and box.contains(value):
        return {_COVERED: box.seal(part, path, value)}
    return plain(value, f"{part}.{path}")


def _show(value: Any, part: str, path: str, box: Box) -> Any:
    if isinstance(value, dict):
        if len(value) == 1:
            (key, only), = value.items()
            if key == _SEALED:
                return {HIDDEN: box.open(part, path, only)}
            if key == _COVERED:
                return box.open(part, path, only)
            if key == _PLAIN:
                return {k: _show(v, part, f"{path}.{k}", box) for k, v in only.items()}
        return {k: _show(v, part, f"{path}.{k}", box) for k, v in value.items()}
    if isinstance(value, list):
        return [_show(v, part, f"{path}.{n}", box) for n, v in enumerate(value)]
    return value
