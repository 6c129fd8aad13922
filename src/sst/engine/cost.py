"""What a plan changes in the fixed cost of a stage, from the prices that the schemas of its resources give."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ..core.cost import Charge, Pricing, Uses
from ..core.model import URN, Op, Snapshot, State, deposed_key, name_of
from ..records import dataclass
from .steps import Plan, Step

__all__ = ["Cost", "Held", "Item", "cost_of", "held"]


@dataclass(frozen=True, slots=True)
class Item:
    """A resource with fixed charges, before and after the plan, in US dollars a month. ``unknown`` names the charges
    after it whose price is not known."""

    name: str
    before: float
    after: float
    unknown: tuple[str, ...] = ()
    unchanged: bool = False
    sources: frozenset[str] = frozenset()

    @property
    def more(self) -> float:
        return round(self.after - self.before, 2)


@dataclass(frozen=True)
class Cost:
    """The fixed monthly cost of what a plan has, in US dollars. A charge without a known price is not in the sums."""

    items: tuple[Item, ...]

    @property
    def added(self) -> float:
        return round(sum(i.more for i in self.items if i.more > 0), 2)

    @property
    def removed(self) -> float:
        return round(-sum(i.more for i in self.items if i.more < 0), 2)

    @property
    def total(self) -> float:
        """After the plan."""
        return round(sum(i.after for i in self.items), 2)

    @property
    def unknown(self) -> tuple[str, ...]:
        """``MyDB/Instance (db.x9.large)`` for each resource with charges of unknown price."""
        return tuple(f"{i.name} ({', '.join(i.unknown)})" for i in self.items if i.unknown)

    @property
    def changes(self) -> tuple[Item, ...]:
        return tuple(i for i in self.items if i.more or (i.unknown and not i.unchanged))

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(sorted({s for i in self.items for s in i.sources}))

    def data(self) -> dict[str, Any]:
        """For ``json.dumps``."""
        return {"added": self.added, "removed": self.removed, "total": self.total, "unknown": list(self.unknown),
                "currency": "USD", "sources": list(self.sources),
                "items": [{"name": i.name, "before": round(i.before, 2), "after": round(i.after, 2)}
                          for i in self.changes]}


@dataclass(frozen=True, slots=True)
class Held:
    """A resource of a state, with its fixed charges."""

    state: State
    charges: tuple[Charge, ...]


def held(snapshot: Snapshot, monthly: Callable[[State], Pricing | None]) -> Iterator[Held]:
    """What a state holds that has fixed charges: also what is no longer in the program, and what a replacement left to
    be deleted. What is only read is left out."""
    inputs = {urn: s.inputs for urn, s in snapshot.resources.items()}
    types = {urn: s.type for urn, s in snapshot.resources.items()}
    for state in (*snapshot.resources.values(), *snapshot.deposed.values()):
        price = None if state.read else monthly(state)
        if price and (charges := tuple(price(state.inputs, _uses(state.deps, inputs, types)))):
            yield Held(state, charges)


def cost_of(plan: Plan) -> Cost:
    """The fixed cost of all that the plan keeps, makes and deletes. What leaves the program and stays in the cloud is
    left out, as is what is only read."""
    steps = [s for s in plan.steps if s.op not in (Op.READ, Op.FORGET)]
    deleted = {s.key for s in steps if s.op is Op.DELETE}
    old = {s.urn: s.old.inputs for s in steps if s.old}
    new = {s.urn: s.inputs for s in steps if s.op is not Op.DELETE}
    types = {s.urn: s.type for s in steps}
    replaced = {s.urn for s in steps if s.op is Op.REPLACE}
    found = []
    for step in steps:
        if step.schema is None or step.schema.monthly is None or (step.op is Op.DELETE and step.urn in replaced):
            continue
        before = _charges(step, old, types, after=False) if step.old else []
        after = _charges(step, new, types, after=True) if step.op is not Op.DELETE else []
        if step.op is Op.REPLACE and not step.delete_first and step.old and deposed_key(step.old) not in deleted:
            after += before         # the former one is kept
        if before or after:
            found.append(Item(name_of(step.urn), _sum(before), _sum(after),
                              tuple(dict.fromkeys(c.what for c in after if c.usd is None)), step.op is Op.SAME,
                              frozenset(c.source for c in (*before, *after) if c.source)))
    return Cost(tuple(found))


def _charges(step: Step, inputs: Mapping[URN, Mapping[str, Any]], types: Mapping[URN, str], *,
             after: bool) -> list[Charge]:
    assert step.schema and step.schema.monthly
    deps: Iterable[URN] = step.goal.deps if after and step.goal else step.old.deps if step.old else ()
    own = step.inputs if after else step.old.inputs if step.old else {}
    return list(step.schema.monthly(own, _uses(deps, inputs, types)))


def _uses(deps: Iterable[URN], inputs: Mapping[URN, Mapping[str, Any]], types: Mapping[URN, str]) -> Uses:
    def uses(type: str) -> Mapping[str, Any]:
        return next((inputs[d] for d in sorted(deps) if types.get(d) == type and d in inputs), {})
    return uses


def _sum(charges: Iterable[Charge]) -> float:
    return sum(c.usd for c in charges if c.usd is not None)
