"""The plan: what must happen so that the cloud becomes what the program declares. Data, made without any call."""
from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter
from typing import Any, TypeAlias

from ..core.graph import Graph
from ..core.model import URN, Goal, Op, Snapshot, State, deposed_key
from ..core.names import did_you_mean, mint, shorten
from ..core.output import Lookup, Unknown, plain, resolve
from ..core.provider import Change, Provider
from ..core.resource import Resource
from ..errors import Problems, UserError

__all__ = ["Choice", "Plan", "Providers", "Step", "name_of", "plan"]

Providers: TypeAlias = Callable[[str], Provider]
"""The provider of a resource type."""


def name_of(urn: URN) -> str:
    """``aws.Function/aws.iam.Role::Api/Role`` → ``Api/Role``."""
    return urn.rpartition("::")[2]


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
        gone = self.op is Op.DELETE or (self.op is Op.REPLACE and not (self.old and self.old.retain))
        return bool(gone and kind and kind.holds_data)


@dataclass(frozen=True)
class Plan:
    """Steps in an order in which they could run one by one."""

    steps: tuple[Step, ...]
    undecided: bool = False
    """``later`` waits for values of this round: more is decided during the deploy."""

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


@dataclass(frozen=True)
class Choice:
    """``--target`` and ``--exclude``: names of components, resources or stacks."""

    target: Sequence[str] = ()
    exclude: Sequence[str] = ()


class _Planner:
    def __init__(self, graph: Graph, snapshot: Snapshot, providers: Providers) -> None:
        self.graph, self.snapshot, self.providers = graph, snapshot, providers
        self.known: dict[URN, dict[str, Any]] = {}
        self.unmade: set[URN] = set()
        self.volatile: dict[URN, frozenset[str]] = {}
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

    def former(self, goal: Goal) -> tuple[State | None, URN]:
        """The state this goal continues, and its urn there if it had another one."""
        if was := self.snapshot.resources.get(goal.urn):
            return was, ""
        for old in goal.aliases:
            found = self.snapshot.resources.get(old)
            if found and found.type == goal.type and old not in self.graph.goals:
                return replace(found, urn=goal.urn), old
        return None, ""

    def step(self, goal: Goal) -> Step:
        was, moved = self.former(goal)
        kind = Resource.kinds[goal.type]
        base = was.base if was else self.mint(kind, goal)
        inputs = inputs_of(goal, kind, base, self.look, was, unknown=True)
        if was is None:
            return Step(Op.ADOPT if goal.adopt else Op.CREATE, goal.urn, goal.type, goal, None, base, inputs, frozenset(inputs))
        change = self.providers(goal.type).diff(goal.type, was.inputs, inputs)
        if was.unsure and not change.replace:
            change = Change(change.changed | frozenset(inputs), frozenset())
        if not change.changed:
            return Step(Op.SAME, goal.urn, goal.type, goal, was, base, inputs, moved_from=moved)
        if not change.replace:
            return Step(Op.UPDATE, goal.urn, goal.type, goal, was, base, inputs, change.changed, moved_from=moved)
        return self.replacement(goal, kind, was, change, moved)

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
        return Step(Op.REPLACE, goal.urn, goal.type, goal, was, base, inputs, change.changed, change.replace, first, moved)

    def problem(self, goal: Goal, text: str, hint: str) -> None:
        self.problems.append(UserError(f'{goal.type} "{name_of(goal.urn)}" {text}', hint=hint, where=goal.where))

    def mint(self, kind: type[Resource], goal: Goal) -> str:
        p = kind.props.get(kind.name_field)
        suffix = len(suffix_of(kind, goal.inputs))
        return mint(self.graph.app, self.graph.stage, name_of(goal.urn), limit=(p.limit if p and p.limit else 64) - suffix,
                    lower=bool(p and p.lower))

    def learn(self, step: Step) -> None:
        """Remember what the steps after this one may know of it."""
        old = step.old
        outputs = dict(old.outputs) if old and step.op in (Op.SAME, Op.UPDATE) else {}
        if step.op is Op.UPDATE:
            kind = Resource.kinds[step.type]
            self.volatile[step.urn] = frozenset(k for k, o in kind.outs.items() if o.volatile)
            outputs = {k: v for k, v in outputs.items() if k not in self.volatile[step.urn]}
        elif step.op is not Op.SAME:
            self.unmade.add(step.urn)
        self.known[step.urn] = {**outputs, **step.inputs, "base": step.base}


def suffix_of(kind: type[Resource], inputs: Mapping[str, Any]) -> str:
    p = kind.props.get(kind.name_field)
    if p is None or not p.suffix:
        return ""
    return p.suffix if isinstance(p.suffix, str) else p.suffix(inputs)


def inputs_of(goal: Goal, kind: type[Resource], base: str, look: Lookup, was: State | None, *, unknown: bool) -> dict[str, Any]:
    """The goal's inputs with outputs resolved and the physical name filled in."""
    def own(urn: URN, attr: str, base: str = base) -> Any:
        return base if urn == goal.urn and attr == "base" else look(urn, attr)

    inputs = {k: resolve(v, own, unknown=unknown) for k, v in goal.inputs.items()}
    if field_name := kind.name_field:
        p = kind.props[field_name]
        if field_name not in inputs:
            inputs[field_name] = base + suffix_of(kind, inputs)
        name = inputs[field_name]
        if isinstance(name, str) and p.limit and len(name) > p.limit and base in name:
            short = shorten(base, len(name) - p.limit)
            inputs[field_name] = resolve(goal.inputs[field_name], lambda u, a: own(u, a, short), unknown=unknown)
    for k in goal.ignore_changes:
        if was and k in was.inputs:
            inputs[k] = was.inputs[k]
    return inputs


def plan(graph: Graph, snapshot: Snapshot, providers: Providers, *, choice: Choice | None = None) -> Plan:
    """Compare the program with the state. Makes no call; raises ``UserError`` where a protected thing would be lost."""
    planner = _Planner(graph, snapshot, providers)
    untouched = _untouched(graph, snapshot, choice) if choice and (choice.target or choice.exclude) else frozenset()
    steps: list[Step] = []
    while True:
        for urn in TopologicalSorter({u: g.deps for u, g in graph.goals.items()}).static_order():
            if urn in planner.known:
                continue
            step = _kept(planner, graph.goals[urn]) if urn in untouched else planner.step(graph.goals[urn])
            if step:
                steps.append(step)
                planner.learn(step)
        if not _grow(graph, planner.look):
            break
    undecided = bool(graph.laters)
    if not undecided:
        moved = {s.moved_from for s in steps if s.moved_from}
        steps += _deletes(planner, steps, moved, choice, untouched)
    if planner.problems:
        raise planner.problems[0] if len(planner.problems) == 1 else Problems(planner.problems)
    return Plan(tuple(steps), undecided)


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
        graph.frozen, graph.stack, grown = False, stack, True
        with graph.within(scope):
            declare(known)
        graph.stack = ""
    if grown:
        graph.seal()
    return grown


def _kept(planner: _Planner, goal: Goal) -> Step | None:
    """A thing outside of ``--target``: as it is in the state, or absent."""
    was, _ = planner.former(goal)
    if was:
        return Step(Op.SAME, goal.urn, goal.type, None, was, was.base, was.inputs)
    planner.known[goal.urn] = {}
    planner.unmade.add(goal.urn)
    return None


def _deletes(planner: _Planner, steps: Sequence[Step], moved: Collection[URN], choice: Choice | None,
             untouched: frozenset[URN]) -> Iterator[Step]:
    """Deletes of what left the program and of what replacements leave behind; users before what they use."""
    snapshot, goals = planner.snapshot, planner.graph.goals
    gone = [s for u, s in snapshot.resources.items() if u not in goals and u not in moved and not s.retained]
    if choice and choice.target:
        gone = [s for s in gone if _matches(s.urn, s.stack, choice.target)]
    if choice and choice.exclude:
        gone = [s for s in gone if not _matches(s.urn, s.stack, choice.exclude)]
    for s in gone:
        if s.protect:
            planner.problems.append(UserError(f'{s.type} "{name_of(s.urn)}" is protected and no longer in the program', where=s.where,
                                              hint="put it back and deploy once with protect=False before you drop it"))
    replaced = [s.old for s in steps if s.op is Op.REPLACE and s.old and not s.delete_first and not s.old.retain]
    left = [s for s in snapshot.deposed.values() if not s.retain and s.urn not in untouched]
    order = {s.urn: i for i, s in enumerate(gone)}
    by_use = TopologicalSorter({s.urn: {d for d in s.deps if d in order} for s in gone}).static_order()
    for urn in reversed(list(by_use)):
        s = gone[order[urn]]
        yield Step(Op.FORGET if s.retain else Op.DELETE, s.urn, s.type, None, s, s.base)
    for s in (*replaced, *left):
        yield Step(Op.DELETE, s.urn, s.type, None, s, s.base)


def _matches(urn: URN, stack: str, wanted: Sequence[str]) -> bool:
    name = name_of(urn)
    return any(name == w or name.startswith(f"{w}/") or stack == w for w in wanted)


def _untouched(graph: Graph, snapshot: Snapshot, choice: Choice) -> frozenset[URN]:
    """Goals that ``--target`` leaves out (all but the targets and what they use) and ``--exclude`` names (and their users)."""
    there = [*((u, g.stack) for u, g in graph.goals.items()), *((u, s.stack) for u, s in snapshot.resources.items())]
    for w in (*choice.target, *choice.exclude):
        if not any(_matches(u, stack, [w]) for u, stack in there):
            names = sorted({name_of(u).partition("/")[0] for u, _ in there} | {s for _, s in there if s})
            raise UserError(f'nothing here is named "{w}"', hint=did_you_mean(w, names))
    out: set[URN] = set()
    if choice.target:
        keep: set[URN] = set()
        todo = [u for u, g in graph.goals.items() if _matches(u, g.stack, choice.target)]
        while todo:
            urn = todo.pop()
            if urn not in keep:
                keep.add(urn)
                todo += graph.goals[urn].deps
        out |= graph.goals.keys() - keep
    if choice.exclude:
        users: dict[URN, list[URN]] = {}
        for u, g in graph.goals.items():
            for d in g.deps:
                users.setdefault(d, []).append(u)
        todo = [u for u, g in graph.goals.items() if _matches(u, g.stack, choice.exclude)]
        while todo:
            urn = todo.pop()
            if urn not in out:
                out.add(urn)
                todo += users.get(urn, [])
    return frozenset(out)
