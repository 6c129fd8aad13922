"""What a resource is asked to be: its arguments with outputs resolved and its physical name filled in."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..core.model import URN, Goal, State, name_of
from ..core.names import shorten
from ..core.output import resolve
from ..core.paths import parse, with_part_of
from ..core.provider import Provider
from ..core.schema import Schema
from ..errors import UserError

__all__ = ["identified", "identity_of", "inputs_of", "missing", "resent"]


def resent(schema: Schema, was: State, inputs: Mapping[str, Any]) -> frozenset[str]:
    """The properties that are sent again whatever their values, because it is unknown whether the last update
    happened."""
    return frozenset((*was.inputs, *inputs)) & schema.updatable if was.unsure else frozenset()


def inputs_of(goal: Goal, schema: Schema, base: str, look: Callable[[URN, str], Any], was: State | None, *,
              unknown: bool) -> dict[str, Any]:
    """The goal's inputs with outputs resolved and the physical name filled in. What ``look`` can't tell yet becomes
    ``UNKNOWN`` with ``unknown``, and raises without."""
    def resolved(base: str) -> dict[str, Any]:
        def own(urn: URN, attr: str) -> Any:
            return base if urn == goal.urn and attr == "base" else look(urn, attr)

        return {k: resolve(v, own, unknown=unknown) for k, v in goal.inputs.items()}

    inputs = resolved(base)
    if (rule := schema.name) and not goal.read:
        if rule.argument not in inputs:
            inputs[rule.argument] = base + rule.ending(inputs)
        name = inputs[rule.argument]
        if isinstance(name, str) and rule.limit and len(name) > rule.limit:
            inputs = resolved(shorten(base, len(name) - rule.limit)) if base in name else inputs
            if len(inputs.get(rule.argument, "")) > rule.limit:
                raise UserError(f'{goal.type} "{name_of(goal.urn)}" can\'t be named {name!r}: at most {rule.limit} '
                                "characters", where=goal.where)
    for text in goal.ignore_changes if was else ():
        k, *inside = parse(text)
        if was and k in was.inputs:
            kept = schema.kept(was, str(k))
            inputs[str(k)] = with_part_of(kept, inputs.get(str(k)), inside) if inside else kept
        elif not inside:
            inputs.pop(str(k), None)
    return inputs


def identity_of(inputs: Mapping[str, Any]) -> str:
    """What identifies an existing resource, for messages: ``name 'photos'``."""
    return ", ".join(f"{k} {v!r}" for k, v in inputs.items() if isinstance(v, str)) or "what is known after deploy"


def identified(what: str | Mapping[str, Any]) -> str:
    """What an existing resource is imported by, for messages: ``the id 'prj_1'``."""
    return f"the id {what!r}" if isinstance(what, str) else identity_of(what)


def missing(goal: Goal, inputs: Mapping[str, Any], provider: Provider) -> UserError:
    """The error of a look-up that found nothing."""
    what, said = f'{goal.type} "{name_of(goal.urn)}"', identity_of(inputs)
    if provider.traits.stand_ins:
        return UserError(f"{what} is not in the cloud of this machine, and nothing can stand in for it: {said}",
                         where=goal.where, hint="read it on other stages alone: if not app.local: ...")
    return UserError(f"{what} does not exist: there is none with {said}", where=goal.where,
                     hint="check the name, and the account and region of this stage")
