"""The plan: what must happen so that the cloud becomes what the program declares. Data, made without any call."""
from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter
from typing import Any, TypeAlias

from ..core.graph import Graph
from ..core.model import URN, Entry, Goal, Op, Snapshot, State, deposed_key, fold
from ..core.names import mint, shorten
from ..core.output import Lookup, Unknown, plain, resolve
from ..core.provider import Change, Provider
from ..core.resource import Resource
from ..errors import Problems, UserError
from .choice import Choice, held, name_of, untouched

__all__ = ["Choice", "Plan", "Providers", "Step", "name_of", "plan"]

Providers: TypeAlias = Callable[[str], Provider]
"""The provider of a resource type."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do. ``inputs`` are the planned ones; what a deploy must tell first is ``UNKNOWN`` in them."""

    op: Op
    urn: URN
    type: str
    goal: Goal | None = None
    old: State | None = None
    base: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    changed: frozenset[str] = frozenset()
    replace: frozenset[str] = frozenset()
    """The properties that force a replacement."""
    delete_first: bool = False
    moved_from: URN = ""
    expected: Mapping[str, Any] = field(default_factory=dict)
    """The outputs after it, as far as the plan can tell. An update may break this promise, see ``apply``."""

    @property
    def key(self) -> str:
        return deposed_key(self.old) if self.op is Op.DELETE and self.old else self.urn

    @property
    def name(self) -> str:
        return name_of(self.urn)

    @property
    def where(self) -> str:
        return self.goal.where if self.goal else self.old.where if self.old else ""

    @property
    def loses_data(self) -> bool:
        """Whether the user's data goes with it."""
        kind = Resource.kinds.get(self.type)
        gone = self.op is Op.DELETE or (self.op is Op.REPLACE
                                        and not ((self.old and self.old.retain) or (self.goal and self.goal.retain)))
        return bool(gone and kind and kind.holds_data)


@dataclass(frozen=True)
class Plan:
    """Steps in an order in which they could run one by one."""

    steps: tuple[Step, ...]
    undecided: bool = False
    """``later`` waits for values of this round: more is decided during the deploy."""
    first: tuple[Entry, ...] = ()
    """Edits of the state alone that come before all steps: renames, and former things that are taken back."""

    @property
    def changes(self) -> tuple[Step, ...]:
        return tuple(s for s in self.steps if s.op is not Op.SAME)

    @property
    def data_loss(self) -> tuple[Step, ...]:
        """One step for each thing whose data would be lost."""
        replaced = {s.urn for s in self.steps if s.op is Op.REPLACE}
        return tuple(s for s in self.steps if s.loses_data and not (s.op is Op.DELETE and s.urn in replaced))

    @property
    def counts(self) -> dict[Op, int]:
        counts: dict[Op, int] = {}
        for s in self.steps:
            counts[s.op] = counts.get(s.op, 0) + 1
        return counts


class _Planner:
    def __init__(self, graph: Graph, snapshot: Snapshot, providers: Providers) -> None:
        self.graph, self.snapshot, self.providers = graph, snapshot, providers
        self.known: dict[URN, dict[str, Any]] = {}
        self.unmade: set[URN] = set()
        self.volatile: dict[URN, frozenset[str]] = {}
        self.moved: dict[URN, URN] = {}
        self.first: list[Entry] = []
        self.deposed: dict[URN, list[State]] = {}
        self.problems: list[UserError] = []

    def look(self, urn: URN, attr: str) -> Any:
        """A value as far as the plan knows it."""
        values = self.known[urn]
        if attr in values:
            found = values[attr]
            if plain(found):
                return found
            raise Unknown
        if urn in self.unmade or attr in self.volatile.get(urn, ()):
            kind = Resource.kinds.get(self.graph.goals[urn].type)
            if kind and attr in kind.props:
                return None
            raise Unknown
        return None

    def move(self) -> None:
        """Let goals with an alias continue what the state holds under the former name."""
        there, goals, taken = self.snapshot.resources, self.graph.goals, set(self.moved.values())
        moves: list[Entry] = []
        for goal in goals.values():
            if not goal.aliases or goal.urn in there or goal.urn in self.moved:
                continue
            for old in goal.aliases:
                found = there.get(old)
                if found and found.type == goal.type and old not in goals and old not in taken:
                    taken.add(old)
                    self.moved[goal.urn] = old
                    moves.append(Entry("moved", goal.urn, old=old))
                    break
        self.record(*moves)
        self.deposed = {}
        for s in self.snapshot.deposed.values():
            self.deposed.setdefault(s.urn, []).append(s)

    def record(self, *entries: Entry) -> None:
        if entries:
            self.first += entries
            self.snapshot = fold(self.snapshot, entries)

    def take_back(self, goal: Goal, kind: type[Resource], was: State | None, name: object) -> State | None:
        """What the goal continues. A deposed thing that has the very name which is asked for comes back: nothing else
        could have it."""
        former = next((s for s in self.deposed.get(goal.urn, ()) if s.inputs.get(kind.name_field) == name), None)
        if former is None or (was and (was.protect or was.inputs.get(kind.name_field) == name)):
            return was
        if was and goal.retain and not was.retain:
            self.record(Entry("made", goal.urn, replace(was, retain=True)))
        deps = tuple(d for d in former.deps if d in self.snapshot.resources)
        back = replace(former, unsure=True, deps=deps)
        self.record(Entry("replaced" if was else "made", goal.urn, back))
        return back

    def step(self, goal: Goal) -> Step:
        was, moved = self.snapshot.resources.get(goal.urn), self.moved.get(goal.urn, "")
        kind = Resource.kinds[goal.type]
        base = was.base if was else self.mint(kind, goal)
        inputs = inputs_of(goal, kind, base, self.look, was, unknown=True)
        if goal.urn in self.deposed and (back := self.take_back(goal, kind, was,
                                                                inputs.get(kind.name_field))) is not was:
            was = back
            inputs = inputs_of(goal, kind, base, self.look, was, unknown=True)
        if was is None:
            return Step(Op.ADOPT if goal.adopt else Op.CREATE, goal.urn, goal.type, goal, None, base, inputs,
                        frozenset(inputs))
        change = self.providers(goal.type).diff(goal.type, was.inputs, inputs)
        if change.replace:
            return self.replacement(goal, kind, was, change, moved)
        changed = change.changed | resent(kind, was, inputs)
        op = Op.UPDATE if changed or was.unsure else Op.SAME
        return Step(op, goal.urn, goal.type, goal, was, base, inputs, changed, moved_from=moved)

    def replacement(self, goal: Goal, kind: type[Resource], was: State, change: Change, moved: URN) -> Step:
        base = self.mint(kind, goal)
        inputs = inputs_of(goal, kind, base, self.look, was, unknown=True)
        fixed = bool(kind.name_field) and inputs.get(kind.name_field) == was.inputs.get(kind.name_field)
        first = change.delete_first or fixed
        why = ", ".join(sorted(change.replace))
        if was.protect or goal.protect:
            self.problem(goal, f"is protected, and a change of {why} would replace it",
                         "undo that change, or deploy once with protect=False")
        elif first and kind.holds_data:
            self.problem(goal, f"holds data and can't be replaced in place by a change of {why}",
                         "give it a new name, move the data, then remove the old one")
        elif first and (was.retain or goal.retain):
            self.problem(goal, f"is to be retained, and a change of {why} would delete it before its successor can be "
                               "made",
                         "undo that change, give it another name, or deploy once with retain=False")
        return Step(Op.REPLACE, goal.urn, goal.type, goal, was, base, inputs, change.changed, change.replace, first,
                    moved)

    def kept(self, goal: Goal) -> Step | None:
        """A thing outside of the choice: as it is in the state, or absent."""
        if was := self.snapshot.resources.get(goal.urn):
            return Step(Op.SAME, goal.urn, goal.type, None, was, was.base, was.inputs,
                        moved_from=self.moved.get(goal.urn, ""))
        self.known[goal.urn] = {}
        self.unmade.add(goal.urn)
        return None

    def visit(self, goal: Goal, keep: bool) -> Step | None:
        """The step for one goal. A problem with it is noted, and the rest is planned as if its values were not
        known."""
        try:
            step = self.kept(goal) if keep else self.step(goal)
        except UserError as e:
            e.where = e.where or goal.where
            self.problems.append(e)
            self.known[goal.urn] = {}
            self.unmade.add(goal.urn)
            return None
        return self.learn(step) if step else None

    def problem(self, goal: Goal, text: str, hint: str) -> None:
        self.problems.append(UserError(f'{goal.type} "{name_of(goal.urn)}" {text}', hint=hint, where=goal.where))

    def mint(self, kind: type[Resource], goal: Goal) -> str:
        p = kind.props.get(kind.name_field)
        suffix = len(suffix_of(kind, goal.inputs))
        return mint(self.graph.app, self.graph.stage, name_of(goal.urn),
                    limit=(p.limit if p and p.limit else 64) - suffix,
                    lower=bool(p and p.lower))

    def learn(self, step: Step) -> Step:
        """Remember what the steps after this one may know of it; gives it with the outputs that these rely on."""
        old = step.old
        outputs = dict(old.outputs) if old and step.op in (Op.SAME, Op.UPDATE) else {}
        if step.op is Op.UPDATE:
            kind = Resource.kinds[step.type]
            self.volatile[step.urn] = frozenset(k for k, o in kind.outs.items() if o.volatile)
            outputs = {k: v for k, v in outputs.items() if k not in self.volatile[step.urn]}
        elif step.op is not Op.SAME:
            self.unmade.add(step.urn)
        self.known[step.urn] = {**outputs, **step.inputs, "base": step.base}
        return replace(step, expected=outputs) if step.op is Op.UPDATE else step


def suffix_of(kind: type[Resource], inputs: Mapping[str, Any]) -> str:
    p = kind.props.get(kind.name_field)
    if p is None or not p.suffix:
        return ""
    return p.suffix if isinstance(p.suffix, str) else p.suffix(inputs)


def resent(kind: type[Resource], was: State, inputs: Mapping[str, Any]) -> frozenset[str]:
    """The properties that are sent again whatever their values, because it is unknown whether the last update
    happened."""
    return frozenset(k for k in (*was.inputs, *inputs) if k in kind.props
                     and not kind.props[k].replace) if was.unsure else frozenset()


def inputs_of(goal: Goal, kind: type[Resource], base: str, look: Lookup, was: State | None, *,
              unknown: bool) -> dict[str, Any]:
    """The goal's inputs with outputs resolved and the physical name filled in."""
    def resolved(base: str) -> dict[str, Any]:
        def own(urn: URN, attr: str) -> Any:
            return base if urn == goal.urn and attr == "base" else look(urn, attr)

        return {k: resolve(v, own, unknown=unknown) for k, v in goal.inputs.items()}

    inputs = resolved(base)
    if field_name := kind.name_field:
        limit = kind.props[field_name].limit
        if field_name not in inputs:
            inputs[field_name] = base + suffix_of(kind, inputs)
        name = inputs[field_name]
        if isinstance(name, str) and limit and len(name) > limit:
            inputs = resolved(shorten(base, len(name) - limit)) if base in name else inputs
            if len(inputs.get(field_name, "")) > limit:
                raise UserError(f'{goal.type} "{name_of(goal.urn)}" can\'t be named {name!r}: at most {limit} '
                                'characters', where=goal.where)
    for k in goal.ignore_changes if was else ():
        if was and k in was.inputs:
            inputs[k] = was.inputs[k]
        else:
            inputs.pop(k, None)
    return inputs


def plan(graph: Graph, snapshot: Snapshot, providers: Providers, *, choice: Choice | None = None) -> Plan:
    """Compare the program with the state. Makes no call; raises ``UserError`` where a protected thing would be lost."""
    planner = _Planner(graph, snapshot, providers)
    choice = choice or Choice()
    keep: frozenset[URN] = frozenset()
    steps: list[Step] = []
    while True:
        planner.move()
        if choice:
            keep = untouched(graph, planner.snapshot, choice)
        for urn in TopologicalSorter({u: g.deps for u, g in graph.goals.items()}).static_order():
            if urn not in planner.known and (step := planner.visit(graph.goals[urn], urn in keep)):
                steps.append(step)
        if not _grow(graph, planner.look):
            break
    _check_names(planner, steps)
    undecided = bool(graph.laters)
    if not undecided:
        steps += _deletes(planner, steps, choice, keep)
    if planner.problems:
        raise planner.problems[0] if len(planner.problems) == 1 else Problems(planner.problems)
    return Plan(tuple(steps), undecided, tuple(planner.first))


def _grow(graph: Graph, look: Lookup) -> bool:
    """Declare what ``later`` waits for where the value is known already."""
    todo, graph.laters = graph.laters, []
    grown = False
    for later in todo:
        value, declare, scope, stack = later
        known = resolve(value, look, unknown=True)
        if not plain(known):
            graph.laters.append(later)
            continue
        grown = True
        graph.reopen(lambda: declare(known), scope, stack)  # noqa: B023  # called at once
    if grown:
        with graph.active():
            graph.seal()
    return grown


def _check_names(planner: _Planner, steps: Sequence[Step]) -> None:
    """A name that something retained still has can't be given again."""
    left = (*planner.snapshot.deposed.values(), *(s for s in planner.snapshot.resources.values() if s.retained))
    holders = {(s.type, s.inputs.get(Resource.kinds[s.type].name_field)): s for s in left if s.retain
               and s.type in Resource.kinds}
    for step in steps if holders else ():
        name = step.inputs.get(Resource.kinds[step.type].name_field)
        holder = (holders.get((step.type, name)) if isinstance(name, str) and step.op in (Op.CREATE, Op.REPLACE)
                  else None)
        if holder and step.goal:
            planner.problem(step.goal, f'can\'t be named {name!r}: "{name_of(holder.urn)}", which was retained, has '
                                       'that name',
                            f'take it back with alias="{name_of(holder.urn)}", or give another name' if holder.retained
                            else "give another name")


def _deletes(planner: _Planner, steps: Sequence[Step], choice: Choice, keep: frozenset[URN]) -> Iterator[Step]:
    """Deletes of what left the program and of what replacements leave behind; users before what they use."""
    snapshot, goals = planner.snapshot, planner.graph.goals
    gone = {u: s for u, s in snapshot.resources.items() if u not in goals and not s.retained}
    left = [s for s in snapshot.deposed.values() if not s.retain]
    used: set[URN] = set()
    if choice:
        chosen = {k: s for k, s in gone.items() if choice.takes(s.urn, s.stack)}
        later = [s for s in left if s.urn in keep or (s.urn not in goals and not choice.takes(s.urn, s.stack))]
        used = held(snapshot, [*(snapshot.resources[u] for u in keep if u in snapshot.resources), *later,
                               *(s for u, s in gone.items() if u not in chosen)])
        gone = {u: s for u, s in chosen.items() if u not in used}
        wait = {deposed_key(s) for s in later}
        left = [s for s in left if s.urn not in used and deposed_key(s) not in wait]
    for s in gone.values():
        if s.protect and not s.retain:
            planner.problems.append(UserError(f'{s.type} "{name_of(s.urn)}" is protected and no longer in the program',
                                              where=s.where,
                                              hint="put it back and deploy once with protect=False before you drop it"))
    for step in steps:
        if step.delete_first and step.goal and step.urn in used:
            planner.problem(step.goal, "must be deleted before its successor can be made, but is used by what is left "
                                       "out",
                            "deploy it together with all that uses it")
    replaced = [s.old for s in steps if s.op is Op.REPLACE and s.old and s.goal and s.urn not in used
                and not s.delete_first and not (s.old.retain or s.goal.retain)]
    for s in _users_first([*left, *replaced, *gone.values()]):
        forget = s.retain and s.urn in gone and gone[s.urn] is s
        yield Step(Op.FORGET if forget else Op.DELETE, s.urn, s.type, None, s, s.base)


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
