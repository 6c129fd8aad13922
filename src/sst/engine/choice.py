"""``--target`` and ``--exclude``: a part of the program is deployed, the rest stays as the state has it."""
from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from ..core.graph import Graph
from ..core.model import URN, Operation, Snapshot, State, name_of
from ..core.names import did_you_mean
from ..errors import UserError
from ..records import dataclass

__all__ = ["Choice", "check_known", "held", "untouched"]


@dataclass(frozen=True)
class Choice:
    """Names of components, resources or stacks. A target brings along what it uses; what is excluded, its users."""

    target: Sequence[str] = ()
    exclude: Sequence[str] = ()

    def __bool__(self) -> bool:
        return bool(self.target or self.exclude)

    def takes(self, urn: URN, stack: str) -> bool:
        """Whether something that is no longer in the program is chosen."""
        return (not self.target or matches(urn, stack, self.target)) and not matches(urn, stack, self.exclude)


def matches(urn: URN, stack: str, wanted: Sequence[str]) -> bool:
    name = name_of(urn)
    return any(name == w or name.startswith(f"{w}/") or stack == w for w in wanted)


def untouched(graph: Graph, snapshot: Snapshot, choice: Choice) -> frozenset[URN]:
    """Goals that ``--target`` leaves out (all but the targets and what they use) and ``--exclude`` names (and their
    users)."""
    check_known(graph, snapshot, choice)
    goals = graph.goals
    out: set[URN] = set()
    if choice.target:
        chosen = [u for u, g in goals.items() if matches(u, g.stack, choice.target)]
        out |= goals.keys() - _reach(chosen, {u: g.deps for u, g in goals.items()})
    if choice.exclude:
        users: dict[URN, list[URN]] = {}
        for u, g in goals.items():
            for d in g.deps:
                users.setdefault(d, []).append(u)
        out |= _reach([u for u, g in goals.items() if matches(u, g.stack, choice.exclude)], users)
    return frozenset(out)


def check_known(graph: Graph, snapshot: Snapshot, choice: Choice) -> None:
    """Raise ``UserError`` for a name that neither the program nor the state has."""
    there = [*((u, g.stack) for u, g in graph.goals.items()), *((u, s.stack) for u, s in snapshot.resources.items())]
    for w in (*choice.target, *choice.exclude):
        if not any(matches(u, stack, [w]) for u, stack in there):
            names = sorted({name_of(u).partition("/")[0] for u, _ in there} | {s for _, s in there if s})
            raise UserError(f'nothing here is named "{w}"', hint=did_you_mean(w, names), code="unknown-name")


def held(snapshot: Snapshot, stays: Iterable[State | Operation]) -> set[URN]:
    """What the things that stay as they are still use, and what that uses in turn: it may not be deleted yet."""
    return _reach([d for s in stays for d in s.deps], {u: s.deps for u, s in snapshot.resources.items()})


def _reach(start: Sequence[URN], edges: Mapping[URN, Collection[URN]]) -> set[URN]:
    reached: set[URN] = set()
    todo = list(start)
    while todo:
        urn = todo.pop()
        if urn not in reached:
            reached.add(urn)
            todo += edges.get(urn, ())
    return reached
