"""What the journal is told: an operation that begins, and what is known of its thing once it has ended."""
from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Protocol

from ..core.model import Entry, Goal, Op, Pending, Snapshot, State
from ..core.provider import Absent, Found, Made, Provider
from ..core.resource import Resource

__all__ = ["Journal", "half_deleted", "ids_by_type", "made_state", "pending", "secrets_of", "settled_create", "unsure_state"]


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


def pending(goal: Goal, op: Op, base: str, inputs: Mapping[str, Any], old: State | None) -> Pending:
    return Pending(goal.urn, op, goal.type, base, uuid.uuid4().hex, inputs, tuple(sorted(goal.deps)), goal.parent, goal.stack,
                   goal.where, goal.protect, goal.retain, tuple(sorted(goal.secret)), old.id if old else "")


def secrets_of(type: str, properties: Collection[str]) -> tuple[str, ...]:
    """What is encrypted of a thing: its secret properties and outputs."""
    kind = Resource.kinds.get(type)
    return tuple(sorted({*properties, *(k for k, o in (kind.outs if kind else {}).items() if o.secret)}))


def made_state(todo: Pending, made: Made) -> State:
    """What is known of a thing once an operation on it has ended well."""
    return State(todo.urn, todo.type, made.id, dict(todo.inputs), dict(made.outputs), todo.deps, todo.parent, todo.stack, todo.where,
                 todo.base, todo.protect, todo.retain, secret=secrets_of(todo.type, todo.secret))


def unsure_state(old: State, todo: Pending) -> State:
    """What is known of a thing once an update of it may have happened: it may be like before, or as attempted, or between.

    It keeps what was attempted, so that all of it is sent again; what it may use by now, it uses.
    """
    return replace(old, unsure=True, inputs={**old.inputs, **todo.inputs}, deps=tuple(sorted({*old.deps, *todo.deps})),
                   protect=old.protect or todo.protect, retain=old.retain or todo.retain,
                   secret=secrets_of(old.type, {*old.secret, *todo.secret}))


def ids_by_type(snapshot: Snapshot) -> dict[str, tuple[str, ...]]:
    """What a look-up must not find, see ``Pending.known``: a thing that is being replaced, or has another name now, bears our mark too."""
    ids: dict[str, list[str]] = {}
    for s in (*snapshot.resources.values(), *snapshot.deposed.values()):
        ids.setdefault(s.type, []).append(s.id)
    return {type: tuple(some) for type, some in ids.items()}


def settled_create(journal: Journal, todo: Pending, provider: Provider) -> Entry | str:
    """Look whether a create whose end is unknown was done: what to record, or why it can't be told.

    A thing that is found is unsure: it may lack what the calls after the first would have set.
    """
    found = provider.find(todo)
    if isinstance(found, Absent):
        return Entry("undone", todo.urn)
    was = journal.find(todo.urn)
    if not isinstance(found, Found):
        return found.why
    if (was and was.id == found.made.id) or journal.find(f"{todo.urn}#{found.made.id}"):
        return f"only {found.made.id} was found, which was there before"
    state = replace(made_state(todo, found.made), unsure=True)
    return Entry("replaced" if todo.op is Op.REPLACE and was else "unsure", todo.urn, state)


def half_deleted(journal: Journal, todo: Pending) -> tuple[Entry, ...]:
    """A delete failed and the thing is still there, but parts of it may be gone."""
    key = f"{todo.urn}#{todo.old_id}"
    live = journal.find(todo.urn)
    if live and live.id == todo.old_id:
        return Entry("undone", key), Entry("unsure", todo.urn, replace(live, unsure=True))
    return (Entry("undone", key),)
