"""What other versions of providers would mean for a stage, before ``sst.lock`` names them."""
from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from ..clouds.terraform.catalogue import Catalogue
from ..clouds.terraform.types import Types
from ..core.model import Snapshot
from ..engine.plan import Plan
from ..engine.steps import Step
from ..errors import SstError, UserError
from ..plugins.lock import Locked
from .backend import Backend
from .run import diff

__all__ = ["Rehearsal", "rehearse"]


@dataclass(frozen=True)
class Rehearsal:
    """Of one stage."""

    resources: int
    """How many the state has of these providers."""
    converted: int
    """How many of them an older schema recorded, which the new version reads."""
    differences: tuple[str, ...]
    """What the types in use do not take or give any more, and what they need now."""
    plan: Plan | None
    """What a deploy would do beyond what it would do today; None if the program can't be planned."""
    problem: SstError | None = None
    """Why it can't."""


def rehearse(today: Backend, then: Callable[[], Backend], changes: Collection[tuple[Locked, Locked]],
             catalogues: tuple[Catalogue, Catalogue], hide: Callable[[Any], None]) -> Rehearsal:
    """Plan the stage with the versions of ``sst.lock``, and with the new ones. ``then`` opens it with these. Nothing is
    written, and the state is converted in memory. Raises `SstError` if it can't be planned today."""
    names = {new.name for _, new in changes}
    with closing(today):
        now, snapshot = diff(today, hide=hide)
    held = [s for s in snapshot.resources.values() if s.provider.partition("::")[0] in names]
    used = {s.type for s in held} | {g.type for g in now.graph.goals.values() if g.provider.partition("::")[0] in names}
    before, after = (_types(catalogue, changes) for catalogue in catalogues)
    told = tuple(line for type in sorted(used) for line in _differences(type, before, after))
    converted = _converted(snapshot, names, after)
    try:
        with closing(then()) as backend:
            new, _ = diff(backend, hide=hide)
    except SstError as e:
        return Rehearsal(len(held), converted, told, None, e)
    same = {_what(step) for step in now.changes}
    return Rehearsal(len(held), converted, told,
                     replace(new, steps=tuple(s for s in new.changes if _what(s) not in same)))


def _what(step: Step) -> tuple[object, ...]:
    return step.key, step.op, step.changed, step.replace


def _types(catalogue: Catalogue, changes: Collection[tuple[Locked, Locked]]) -> Mapping[str, Types]:
    return {new.name: Types(new.name, catalogue.schemas(new.name), new.source.type) for _, new in changes}


def _converted(snapshot: Snapshot, names: Collection[str], after: Mapping[str, Types]) -> int:
    count = 0
    for state in snapshot.resources.values():
        if (name := state.provider.partition("::")[0]) in names:
            try:
                count += state.version != after[name].own(state.type).version
            except UserError:    # the type is gone
                continue
    return count


def _differences(type: str, before: Mapping[str, Types], after: Mapping[str, Types]) -> Iterator[str]:
    name = type.partition(":")[0]
    try:
        was, now = before[name].own(type), after[name].own(type)
        old, new = before[name].engine(type).arguments, after[name].engine(type).arguments
    except UserError:    # one of them does not have it
        return
    for argument in sorted(old.keys() - new.keys()):
        yield f"{type} does not take {argument} any more"
    for argument in sorted(k for k, a in new.items() if a.required and not (k in old and old[k].required)):
        yield f"{type} needs {argument}"
    for output in sorted(k for k in was.block.attributes.keys() - now.block.attributes.keys() if k not in old):
        yield f"{type} has no output {output} any more"
