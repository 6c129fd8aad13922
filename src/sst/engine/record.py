"""What the journal is told: an operation that begins, and what is known of its thing once it has ended."""
from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Protocol

from ..core.model import Entry, Goal, Op, Operation, Snapshot, State, deposed_key
from ..core.provider import Absent, Change, Found, Provider, Result
from ..core.schema import Schema

__all__ = ["Journal", "half_deleted", "ids_by_type", "made_state", "new_token", "pending", "secrets_of",
           "settled_create", "unsure_state"]


class Journal(Protocol):
    """Where the engine records what it does; ``state.session.Session`` is the real one."""

    @property
    def snapshot(self) -> Snapshot: ...

    def find(self, key: str) -> State | None:
        """The live resource of this urn, or the deposed one of this ``urn#id``."""

    def write(self, *entries: Entry, wait: bool = True) -> None:
        """Record entries in order; on return they are durable, unless ``wait=False``: then they are durable before any
        later entry is."""

    def check(self) -> None:
        """Raise ``Fenced`` if the lock is no longer ours; called before each cloud call."""


def pending(goal: Goal, op: Op, base: str, inputs: Mapping[str, Any], old: State | None, *,
            known: tuple[str, ...] = (), changed: frozenset[str] = frozenset(),
            change: Change | None = None) -> Operation:
    return Operation(goal.urn, op, goal.type, base, new_token(), inputs, tuple(sorted(goal.deps)), goal.parent,
                     goal.stack, goal.where, goal.protect, goal.retain, _sorted(frozenset(goal.secret)),
                     old.id if old else "", goal.provider, known, changed, change)


def new_token() -> str:
    """An idempotency token: 32 hexadecimal digits."""
    return secrets.token_hex(16)


def secrets_of(schema: Schema, properties: Collection[str]) -> tuple[str, ...]:
    """What is encrypted of a thing: its secret properties and outputs."""
    return _sorted(frozenset(properties) | schema.secret_outputs)


@lru_cache(1024)
def _sorted(names: frozenset[str]) -> tuple[str, ...]:
    """The same tuple for the thousands of resources of a type."""
    return tuple(sorted(names))


def made_state(operation: Operation, made: Result, schema: Schema, *, fingerprint: str = "") -> State:
    """What is known of a thing once an operation on it has ended well."""
    return State(operation.urn, operation.type, made.id, {**operation.inputs, **(made.inputs or {})},
                 dict(made.outputs), operation.deps, operation.parent, operation.stack, operation.where, operation.base,
                 operation.protect,
                 operation.retain, secret=secrets_of(schema, operation.secret), provider=operation.provider,
                 private=made.private, version=made.version or schema.version, damaged=made.damaged,
                 fingerprint=fingerprint)


def unsure_state(old: State, operation: Operation, schema: Schema) -> State:
    """What is known of a thing once an update of it may have happened: it may be like before, or as attempted, or
    between.

    It keeps what was attempted, so that all of it is sent again; what it may use by now, it uses.
    """
    return replace(old, unsure=True, inputs={**old.inputs, **operation.inputs},
                   deps=tuple(sorted({*old.deps, *operation.deps})),
                   protect=old.protect or operation.protect, retain=old.retain or operation.retain,
                   secret=secrets_of(schema, {*old.secret, *operation.secret}))


def ids_by_type(snapshot: Snapshot) -> dict[str, tuple[str, ...]]:
    """What a look-up must not find, see ``Operation.known``: a thing that is being replaced, or has another name now,
    bears our mark too."""
    ids: dict[str, list[str]] = {}
    for s in (*snapshot.resources.values(), *snapshot.deposed.values()):
        ids.setdefault(s.type, []).append(s.id)
    return {type: tuple(some) for type, some in ids.items()}


def settled_create(journal: Journal, operation: Operation, provider: Provider) -> Entry | str:
    """Look whether a create whose end is unknown was done: what to record, or why it can't be told.

    A thing that is found is unsure: it may lack what the calls after the first would have set.
    """
    found = provider.find(operation)
    if isinstance(found, Absent):
        return Entry("undone", operation.urn)
    was = journal.find(operation.urn)
    if not isinstance(found, Found):
        return found.why
    there = deposed_key(replace(operation, old_id=found.made.id))
    if (was and deposed_key(was) == there) or journal.find(there):
        return f"only {found.made.id} was found, which was there before"
    deps = tuple(d for d in operation.deps if journal.find(d))
    state = replace(made_state(operation, found.made, provider.schema(operation.type)), unsure=True, deps=deps)
    return Entry("replaced" if operation.op is Op.REPLACE and was else "unsure", operation.urn, state)


def half_deleted(journal: Journal, operation: Operation) -> tuple[Entry, ...]:
    """A delete failed and the thing is still there, but parts of it may be gone."""
    key = deposed_key(operation)
    live = journal.find(operation.urn)
    if live and deposed_key(live) == key:
        return Entry("undone", key), Entry("unsure", operation.urn, replace(live, unsure=True))
    return (Entry("undone", key),)
