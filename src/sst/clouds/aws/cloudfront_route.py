"""Routes of a Router: which host and path leads where, as entries of a key value store that many apps share."""
from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...core.model import Operation, State
from ...core.output import Output
from ...core.provider import Absent, Change, Found, Note, Provider, Result, Unsure
from ...core.resource import Arg, Resource, out, prop, schema_of
from ...core.schema import Schema
from ...errors import ProviderError
from .cloudfront_keys import Changes, Stores

if TYPE_CHECKING:
    from .verbs import Verbs

__all__ = ["Route", "Routes"]

GONE = ("ResourceNotFoundException", "EntityNotFound")


class Route(Resource, type="aws.cloudfront.Route"):
    """One route in the store of a Router. Only its own entry is added, changed and removed, whoever else has routes
    for the same host."""

    name: Arg[str] = prop(limit=40, replace=True, default=None)
    store: Arg[str] = prop(replace=True)
    """ARN of the key value store."""
    host: Arg[str] = prop(replace=True, default="*")
    """``app.example.com``, ``*.example.com``, or ``*`` for any."""
    path: Arg[str] = prop(replace=True, default="/")
    target: Arg[str | Mapping[str, Any]] = prop()
    """Key of a ``Site`` in the same store, or where a URL or bucket is; see ``sst.aws.router.target``."""
    origin_key: Arg[str] = prop(default=None, secret=True)
    """Goes to the server of ``target`` with each request, as the header ``x-sst-key``."""

    entry: Output[str] = out()
    """What tells this entry from those of others."""


class Routes(Provider):
    """The provider of ``Route``."""

    def __init__(self, verbs: Verbs, stores: Stores) -> None:
        self.verbs, self.stores = verbs, stores

    def schema(self, type: str) -> Schema:
        return schema_of(Route)

    def plan(self, type: str, prior: State | None, inputs: Mapping[str, Any]) -> Change:
        was: Mapping[str, Any] = prior.inputs if prior else {}
        changed = frozenset(k for k in Route.props if was.get(k) != inputs.get(k))
        return Change(changed, frozenset(k for k in changed if Route.props[k].replace) if prior else frozenset())

    def create(self, operation: Operation, note: Note) -> Result:
        inputs, entry = operation.inputs, operation.base[-8:]
        self.stores.keys(inputs["store"]).change(lambda c: put(c, inputs["host"], inputs["path"], _target(inputs),
                                                               entry))
        return Result(_id(inputs), {"entry": entry})

    def update(self, operation: Operation, state: State, note: Note) -> Result:
        inputs, entry = operation.inputs, str(state.outputs.get("entry") or state.base[-8:])
        self.stores.keys(inputs["store"]).change(lambda c: put(c, inputs["host"], inputs["path"], _target(inputs),
                                                               entry))
        return Result(state.id, {"entry": entry})

    def delete(self, state: State, note: Note) -> None:
        inputs = state.inputs
        try:
            self.stores.keys(inputs["store"]).change(lambda c: take(c, inputs["host"], inputs["path"],
                                                                    state.outputs["entry"]))
        except ProviderError as e:
            if e.code not in GONE:
                raise

    def read(self, state: State) -> Result | None:
        store, host, path = state.id.split("|")
        try:
            found = [r for r in rows(self.stores.keys(store).read(f"h:{host}")) if r[0] == path]
        except ProviderError as e:
            if e.code not in GONE:
                raise
            return None
        if not found or (state.outputs and found[0][2] != state.outputs["entry"]):
            return None
        target, key = found[0][1], None
        if isinstance(target, dict):
            target, key = {k: v for k, v in target.items() if k != "key"}, target.get("key")
        return Result(state.id, {"entry": found[0][2]}, {
            **state.inputs, "store": store, "host": host, "path": path, "target": target,
            **({"origin_key": key} if key or "origin_key" in state.inputs else {})})

    def find(self, operation: Operation) -> Found | Absent | Unsure:
        made = self.read(State(operation.urn, operation.type, _id(operation.inputs),
                               outputs={"entry": operation.base[-8:]}))
        return Found(Result(made.id, made.outputs)) if made else Absent()


def _target(inputs: Mapping[str, Any]) -> Any:
    """As the edge function reads it."""
    return {**inputs["target"], "key": inputs["origin_key"]} if inputs.get("origin_key") else inputs["target"]


def rows(value: str | None) -> list[list[Any]]:
    """The entries of one host: path, target, whose it is; the longest path first."""
    return list(json.loads(value)) if value else []


def put(changes: Changes, host: str, path: str, target: Any, entry: str) -> None:
    there = rows(changes.read(f"h:{host}"))
    if other := [r for r in there if r[0] == path and r[2] != entry]:
        raise ProviderError(f"the route {'' if host == '*' else host}{path} belongs to another app, stage or component",
                            code="RouteTaken", operation="add a route", status=409, sent=False,
                            hint=f"choose another path, or remove the other one first (its mark is {other[0][2]})")
    _write(changes, host, [*(r for r in there if r[0] != path), [path, target, entry]])


def take(changes: Changes, host: str, path: str, entry: str) -> None:
    _write(changes, host, [r for r in rows(changes.read(f"h:{host}")) if (r[0], r[2]) != (path, entry)])


def _write(changes: Changes, host: str, entries: list[list[Any]]) -> None:
    entries.sort(key=lambda r: (-len(r[0]), r[0]))
    changes.write(f"h:{host}", _text(entries) if entries else None)
    hosts = {*(changes.read("h") or "").split()} - {host} | ({host} if entries else set())
    changes.write("h", " ".join(sorted(hosts)) or None)


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _id(inputs: Mapping[str, Any]) -> str:
    return f"{inputs['store']}|{inputs['host']}|{inputs['path']}"
