"""What a plan deletes: what left the program, and what replacements leave behind; users before what they use."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from ..core.model import URN, Goal, Op, Operation, Snapshot, State, deposed_key, name_of
from ..core.provider import STAND_IN
from ..core.schema import Schema
from ..errors import UserError
from .choice import Choice, held
from .existing import is_read_elsewhere, left_behind
from .steps import Step

__all__ = ["Deletes", "lingering"]


class Deletes:
    """The deletes that follow from ``steps`` over ``snapshot``. Problems are handed to ``problem``."""

    def __init__(self, goals: Mapping[URN, Goal], snapshot: Snapshot, steps: Sequence[Step], choice: Choice,
                 keep: frozenset[URN], schema: Callable[[State], Schema],
                 problem: Callable[[UserError], None]) -> None:
        self.goals, self.snapshot, self.steps, self.choice, self.keep = goals, snapshot, steps, choice, keep
        self.schema, self.problem = schema, problem

    def __iter__(self) -> Iterator[Step]:
        snapshot, goals = self.snapshot, self.goals
        gone = {u: s for u, s in snapshot.resources.items() if u not in goals and not s.retained}
        left = [s for s in snapshot.deposed.values() if not s.retain]
        used = held(snapshot, lingering(snapshot, goals))
        if self.choice:
            gone, left, more = self._chosen(gone, left)
            used |= more
        gone = {u: s for u, s in gone.items() if u not in used}
        self._check(gone, used)
        replaced = [s.old for s in self.steps if s.op is Op.REPLACE and s.old and s.goal and s.urn not in used
                    and not s.delete_first and not (s.old.retain or s.goal.retain)]
        for s in _users_first([*left, *replaced, *left_behind(self.steps), *gone.values()]):
            foreign = s.read and (s.private != STAND_IN or (gone.get(s.urn) is s
                                                            and is_read_elsewhere(s, self.steps)))
            op = Op.READ if foreign else Op.FORGET if s.retain and gone.get(s.urn) is s else Op.DELETE
            yield Step(op, s.urn, s.type, None, s, s.base, schema=self.schema(s))

    def _chosen(self, gone: dict[URN, State], left: list[State]) -> tuple[dict[URN, State], list[State], set[URN]]:
        """What is left of these with ``--target`` and ``--exclude``, and what the rest still uses."""
        snapshot, keep, takes = self.snapshot, self.keep, self.choice.takes
        chosen = {k: s for k, s in gone.items() if takes(s.urn, s.stack)}
        later = [s for s in left if s.urn in keep or (s.urn not in self.goals and not takes(s.urn, s.stack))]
        used = held(snapshot, [*(snapshot.resources[u] for u in keep if u in snapshot.resources), *later,
                               *(s for u, s in gone.items() if u not in chosen)])
        wait = {deposed_key(s) for s in later}
        return chosen, [s for s in left if s.urn not in used and deposed_key(s) not in wait], used

    def _check(self, gone: Mapping[URN, State], used: set[URN]) -> None:
        for s in gone.values():
            if s.protect and not s.retain:
                self.problem(UserError(f'{s.type} "{name_of(s.urn)}" is protected and no longer in the program',
                                       where=s.where,
                                       hint="put it back and deploy once with protect=False before you drop it"))
        for step in self.steps:
            if step.delete_first and step.goal and step.urn in used:
                self.problem(UserError(
                    f'{step.type} "{step.name}" must be deleted before its successor can be made, but is used by '
                    "resources that are not deployed now", where=step.where,
                    hint="deploy it together with all that uses it"))


def lingering(snapshot: Snapshot, goals: Mapping[URN, Goal]) -> list[Operation]:
    """Creations that left the program before anybody could tell whether they happened: what they use must stay."""
    return [p for p in snapshot.pending.values() if p.op is not Op.DELETE and p.urn not in goals]


def _users_first(states: Sequence[State]) -> list[State]:
    """Each before what it uses. Where an edge flipped, old and new may seem to use one another: then the oldest goes
    first."""
    by_urn: dict[URN, list[int]] = {}
    for i, s in enumerate(states):
        by_urn.setdefault(s.urn, []).append(i)
    waits = [0] * len(states)
    uses = [[i for d in s.deps for i in by_urn.get(d, ())] for s in states]
    for targets in uses:
        for i in targets:
            waits[i] += 1
    ready = [i for i, n in enumerate(waits) if n == 0]
    rest = iter(range(len(states)))
    order: list[State] = []
    done: set[int] = set()
    while len(order) < len(states):
        i = ready.pop() if ready else next(i for i in rest if i not in done)
        if i in done:
            continue
        done.add(i)
        order.append(states[i])
        for j in uses[i]:
            waits[j] -= 1
            if waits[j] == 0 and j not in done:
                ready.append(j)
    return order
