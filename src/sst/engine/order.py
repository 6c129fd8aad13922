"""The order in which steps run: what each one waits for."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.model import URN, Goal, Op, State, deposed_key
from ..core.provider import Providers
from .steps import Plan, Step

__all__ = ["after"]


def after(plan: Plan, steps: Mapping[str, Step], providers: Providers) -> dict[str, set[str]]:
    """What each step waits for: what it uses; a delete, all that used to use the thing; a fixed name, that it is
    free."""
    def named(step: Step, item: Goal | State, inputs: Mapping[str, Any]) -> tuple[str, str, str]:
        """What can be there only once: a thing of this type and provider with this physical name."""
        field = providers(item).schema(item.type).name_argument
        return item.provider, step.type, str(inputs.get(field, step.key))

    waits = {k: set(s.goal.deps) if s.goal else set() for k, s in steps.items()}
    users: dict[URN, list[str]] = {}
    place = {s.key: i for i, s in enumerate(plan.steps)}
    for k, s in steps.items():
        for d in s.old.deps if s.old else ():
            users.setdefault(d, []).append(k)
    for k, s in steps.items():
        if s.op in (Op.DELETE, Op.FORGET) or (s.op is Op.READ and s.goal is None):
            waits[k].update(u for u in users.get(s.urn, ()) if place[u] < place[k])
            own = steps.get(s.urn)
            if own and own is not s and own.old and s.old and deposed_key(own.old) == deposed_key(s.old):
                waits[k].add(s.urn)
    names = {named(s, s.old, s.old.inputs): k for k, s in steps.items() if s.op is Op.DELETE and s.old}
    for k, s in steps.items():
        if s.op is Op.REPLACE and s.delete_first:
            waits[k].update(u for u in users.get(s.urn, ()) if not _waits_for(u, k, waits))
        if names and s.goal and s.op in (Op.CREATE, Op.REPLACE) and (holder := names.get(named(s, s.goal, s.inputs))):
            # the name is free only then, so what will use the new one can't be waited for
            waits[holder] = {w for w in waits[holder] if not _waits_for(w, k, waits)}
            waits[k].add(holder)
    return waits


def _waits_for(key: str, other: str, waits: Mapping[str, set[str]]) -> bool:
    """Whether one step waits for another, also by way of others."""
    todo, seen = [key], {key}
    while todo:
        k = todo.pop()
        if k == other:
            return True
        own = waits.get(k, set())   # none: it is unchanged
        todo += own - seen
        seen |= own
    return False
