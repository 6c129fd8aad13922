"""Taking over what exists already: what it differs in from what the program asks for, and what the state says of it
then."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..core.model import URN, Op, Snapshot, State, name_of
from ..core.output import plain
from ..core.provider import Existing, Providers, Recorded
from ..core.schema import Schema
from ..errors import ProviderError, UserError
from ..records import dataclass
from .inputs import identified
from .record import secrets_of
from .steps import Plan, Step

__all__ = ["Adoption", "Difference", "adoption", "differences", "differing", "with_edges"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One property of an existing thing that the program asks for otherwise."""

    urn: URN
    name: str
    type: str
    property: str
    there: Any
    asked: Any
    fixed: bool = False
    """It can't be changed in place."""
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Adoption:
    """What the state would say of an existing thing, and what it differs in. Recording it changes nothing in the
    cloud."""

    state: State
    differences: tuple[Difference, ...]


def adoption(step: Step, what: Existing, providers: Providers, snapshot: Snapshot) -> Adoption:
    """Look at the existing resource. ``step`` is the plan's for the resource that is to take it over.

    Raises ``UserError`` if there is none, or another resource of the state is it already.
    """
    goal = step.goal
    assert goal
    provider = providers(goal)
    schema = provider.schema(step.type)
    id = what.id if isinstance(what, Recorded) else what
    if provider.traits.unique:
        _check_free(step, id, snapshot)
    try:
        there = provider.existing(goal.type, what)
    except ProviderError as e:
        raise UserError(f"{step.type} with {identified(id)} can't be read: {e}", where=goal.where,
                        hint=_id_hint(schema)) from e
    if there is None:
        raise UserError(f"there is no {step.type} with {identified(id)}", where=goal.where, hint=_id_hint(schema))
    if there.id != id:
        _check_free(step, there.id, snapshot)
    base = str((there.inputs or {}).get(schema.name_argument, step.base)).removesuffix(schema.ending(goal.inputs))
    wanted = {**step.inputs}
    if schema.name and schema.name_argument not in goal.inputs and there.inputs:
        wanted[schema.name_argument] = there.inputs.get(schema.name_argument, wanted.get(schema.name_argument))
    seen = {k: v for k, v in (there.inputs or {}).items() if k in wanted}
    state = State(goal.urn, goal.type, there.id, seen, dict(there.outputs),
                  tuple(sorted(d for d in goal.deps if d in snapshot.resources)),
                  goal.parent, goal.stack, goal.where, base, goal.protect, goal.retain, unsure=there.inputs is None,
                  secret=secrets_of(schema, goal.secret), provider=goal.provider, private=there.private,
                  version=there.version or schema.version)
    return Adoption(state, differing(step, wanted, state, providers))


def _check_free(step: Step, id: object, snapshot: Snapshot) -> None:
    for s in (*snapshot.resources.values(), *snapshot.deposed.values()):
        if s.type == step.type and s.id == id and s.urn != step.urn:
            raise UserError(f'{step.type} {id!r} is in the state already, as "{name_of(s.urn)}"',
                            where=step.where,
                            hint=f"to rename it: sst state mv {s.urn.rpartition('::')[2]} {step.name}")


def differences(plan: Plan, providers: Providers) -> list[Difference]:
    """What a deploy would change of the things that its program imports (``import_=``); reads each of them."""
    found: list[Difference] = []
    for step in plan.steps:
        if step.op is Op.ADOPT and step.goal and step.goal.adopt:
            found += adoption(step, step.goal.adopt, providers, Snapshot()).differences
    return found


def differing(step: Step, wanted: Mapping[str, Any], state: State, providers: Providers) -> tuple[Difference, ...]:
    """What an existing resource differs in, as far as the plan knows what is wanted."""
    assert step.goal
    known = {k: v for k, v in wanted.items() if k in state.inputs and plain(v)}
    seen = {k: state.inputs[k] for k in known}
    change = providers(step.goal).plan(step.type, replace(state, inputs=seen), known)
    return tuple(Difference(step.urn, step.name, step.type, k, seen[k], known[k], k in change.replace,
                            k in state.secret) for k in sorted(change.changed) if k in known)


def _id_hint(schema: Schema) -> str:
    return f"the id of an {schema.type} is {schema.id_format.replace('$', '')}" if schema.id_format else ""


def with_edges(states: Mapping[URN, State], deps: Mapping[URN, frozenset[URN]], there: frozenset[URN]) -> list[State]:
    """The states, each with the edges to what is in the state once all of them are."""
    known = there | states.keys()
    return [replace(s, deps=tuple(sorted(d for d in deps[u] if d in known))) for u, s in states.items()]
