"""The plan: what must happen so that the cloud becomes what the program declares.

Data. Nothing is changed, and no call is made but look-ups of existing resources and what a provider's own plan asks.
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from graphlib import TopologicalSorter
from typing import Any

from ..core.graph import Graph
from ..core.model import URN, Entry, Goal, Op, Snapshot, State, fold, name_of
from ..core.names import mint
from ..core.output import Unknown, plain
from ..core.provider import STAND_IN, UNCHANGED, Change, Provider, Providers, Result
from ..core.resource import cloud_of
from ..core.schema import Schema
from ..errors import Problems, ProviderError, UserError
from .choice import Choice, untouched
from .deletes import Deletes, lingering
from .grow import grown
from .inputs import identity_of, inputs_of, missing, resent
from .record import secrets_of
from .steps import Plan, Step, step_of

__all__ = ["Choice", "Plan", "Step", "plan"]


class _Planner:
    def __init__(self, graph: Graph, snapshot: Snapshot, providers: Providers) -> None:
        self.graph, self.snapshot, self.providers = graph, snapshot, providers
        self.known: dict[URN, Mapping[str, Any]] = {}
        self.unmade: set[URN] = set()
        self.volatile: dict[URN, frozenset[str]] = {}
        self.moved: dict[URN, URN] = {}
        self.first: list[Entry] = []
        self.deposed: dict[URN, list[State]] = {}
        self.problems: list[UserError] = []

    def schema(self, item: Goal | State) -> Schema:
        return self.providers(item).schema(item.type)

    def look(self, urn: URN, attr: str) -> Any:
        """A value as far as the plan knows it."""
        values = self.known[urn]
        if attr in values:
            found = values[attr]
            if plain(found):
                return found
            raise Unknown
        if urn in self.unmade or attr in self.volatile.get(urn, ()):
            if attr in self.schema(self.graph.goals[urn]).arguments:
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
                if not found or old in goals or old in taken:
                    continue
                turned = found if found.type == goal.type else self.turned(goal, found)
                if turned is not None:
                    taken.add(old)
                    self.moved[goal.urn] = old
                    moves.append(Entry("moved", goal.urn, old=old))
                    moves += [Entry("made", goal.urn, replace(turned, urn=goal.urn))] if turned is not found else []
                    break
        self.record(*moves)
        self.deposed = {}
        for s in self.snapshot.deposed.values():
            self.deposed.setdefault(s.urn, []).append(s)

    def turned(self, goal: Goal, found: State) -> State | None:
        """What the state holds as another type, as one of the goal's."""
        provider = self.providers(goal)
        try:
            made = provider.move(goal.type, found)
        except UserError as e:
            raise UserError(f'{goal.type} "{name_of(goal.urn)}" can\'t continue "{name_of(found.urn)}": {e.message}',
                            hint=e.hint, where=goal.where) from e
        # an instance of the same provider stays the one that has it: to change that is another thing
        at = goal.provider if cloud_of(goal.type) != cloud_of(found.type) else found.provider
        return made and replace(made, provider=at, secret=secrets_of(provider.schema(goal.type), goal.secret))

    def record(self, *entries: Entry) -> None:
        if entries:
            self.first += entries
            self.snapshot = fold(self.snapshot, entries)

    def take_back(self, goal: Goal, schema: Schema, was: State | None, name: object) -> State | None:
        """What the goal continues. A deposed thing that has the very name which is asked for comes back: nothing else
        could have it."""
        field = schema.name_argument
        former = next((s for s in self.deposed.get(goal.urn, ()) if s.inputs.get(field) == name), None)
        if former is None or (was and (was.protect or was.inputs.get(field) == name)):
            return was
        if was and goal.retain and not was.retain:
            self.record(Entry("made", goal.urn, replace(was, retain=True)))
        deps = tuple(d for d in former.deps if d in self.snapshot.resources)
        back = replace(former, unsure=True, unseen=False, deps=deps)
        self.record(Entry("replaced" if was else "made", goal.urn, back))
        return back

    def step(self, goal: Goal) -> Step:
        provider = self.providers(goal)
        schema = provider.schema(goal.type)
        if goal.read:
            return self.reading(goal, provider, schema)
        was, moved = self.snapshot.resources.get(goal.urn), self.moved.get(goal.urn, "")
        was = None if was and was.read else was
        if was and was.version != schema.version:
            was = provider.upgrade(was)
        base = was.base if was else self.mint(schema, goal)
        inputs = inputs_of(goal, schema, base, self.look, was, unknown=True)
        if goal.urn in self.deposed and (back := self.take_back(goal, schema, was,
                                                                inputs.get(schema.name_argument))) is not was:
            was = back
            inputs = inputs_of(goal, schema, base, self.look, was, unknown=True)
        if self.waits(goal):
            return step_of(Op.UNSURE, goal, schema, old=was, base=base, inputs=inputs, moved_from=moved)
        if was is None:
            change = provider.plan(goal.type, None, inputs)
            changed = change.changed if change.changed == inputs.keys() else frozenset(inputs)
            return step_of(Op.ADOPT if goal.adopt else Op.CREATE, goal, schema, base=base, inputs=inputs,
                           changed=changed, change=change)
        if was.provider != goal.provider:
            change = Change(frozenset(inputs), reason="the move to another provider instance")
        elif was.damaged:
            change = Change(frozenset(inputs), order="delete_first", reason="its failed creation")
        elif unchanged(provider, schema, was, inputs):
            change = UNCHANGED
        else:
            change = provider.plan(goal.type, was, inputs)
        if change.replace or change.reason:
            return self.replacement(goal, schema, was, change, moved)
        changed = change.changed | resent(schema, was, inputs)
        op = Op.UPDATE if changed or was.unsure else Op.SAME
        same = op is Op.SAME and inputs == was.inputs
        return step_of(op, goal, schema, old=was, base=base, inputs=was.inputs if same else inputs,
                       changed=changed, moved_from=moved, change=change)

    def waits(self, goal: Goal) -> bool:
        """Whether nobody can tell yet if an earlier creation of it happened."""
        pending = self.snapshot.pending.get(goal.urn)
        return pending is not None and pending.op is not Op.UPDATE and not goal.adopt

    def reading(self, goal: Goal, provider: Provider, schema: Schema) -> Step:
        """The look-up of an existing resource, made now if what identifies it is known. Where the cloud can't be
        reached, what the state kept of the last look-up counts."""
        inputs = inputs_of(goal, schema, "", self.look, None, unknown=True)
        was = self.snapshot.resources.get(goal.urn)
        if was and not was.read:
            raise UserError(f'{goal.type} "{name_of(goal.urn)}" was created by this app, and the program only reads it '
                            'now',
                            where=goal.where, hint="give the one that is read another name; to keep the one that was "
                                                   "created, deploy once with retain=True before you drop it")
        found: Result | None = None
        if plain(inputs):
            kept = was is not None and all(was.inputs.get(k) == v for k, v in inputs.items())
            try:
                found = provider.look_up(goal.type, inputs)
            except ProviderError as e:
                if e.sent and e.status:
                    raise UserError(f'{goal.type} "{name_of(goal.urn)}" can\'t be looked up: {e}', where=goal.where,
                                    hint=e.hint) from e
                found = Result(was.id, was.outputs, was.inputs) if was and kept else None
            else:
                if found is None and not (provider.traits.stand_ins and schema.stand_in):
                    raise missing(goal, inputs, provider)
        same = was and found and (was.id, was.outputs, was.inputs, was.deps) == (
            found.id, found.outputs, {**(found.inputs or {}), **inputs}, tuple(sorted(goal.deps)))
        stands = provider.traits.stand_ins and schema.stand_in and (found is None or found.private == STAND_IN)
        return step_of(Op.SAME if same else Op.READ, goal, schema, old=was, inputs=inputs, found=found,
                       reason=f"stand-in for {identity_of(inputs)}" if stands else "")

    def replacement(self, goal: Goal, schema: Schema, was: State, change: Change, moved: URN) -> Step:
        base = self.mint(schema, goal)
        inputs = inputs_of(goal, schema, base, self.look, was, unknown=True)
        fixed = bool(schema.name) and inputs.get(schema.name_argument) == was.inputs.get(schema.name_argument)
        elsewhere = was.provider != goal.provider
        first = (goal.order or change.order or schema.order) == "delete_first" or (fixed and not elsewhere)
        why = change.reason or f"a change of {', '.join(sorted(change.replace))}"
        if was.protect or goal.protect:
            self.problem(goal, f"is protected, and {why} would replace it",
                         "undo that change, or deploy once with protect=False")
        elif first and schema.holds_data and not was.damaged:
            self.problem(goal, f"holds data and can't be replaced in place by {why}",
                         "give it a new name, move the data, then remove the old one")
        elif first and (was.retain or goal.retain) and not was.damaged:
            self.problem(goal, f"is retained, and {why} would delete it before its successor can be made",
                         "undo that change, give it another name, or deploy once with retain=False")
        return step_of(Op.REPLACE, goal, schema, old=was, base=base, inputs=inputs, changed=change.changed,
                       replace=change.replace, delete_first=first, moved_from=moved, change=change,
                       reason=change.reason)

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

    def mint(self, schema: Schema, goal: Goal) -> str:
        limit, lower = (schema.name.limit, schema.name.lower) if schema.name else (0, False)
        return mint(self.graph.app, self.graph.stage, name_of(goal.urn),
                    limit=(limit or 64) - len(schema.ending(goal.inputs)), lower=lower)

    def learn(self, step: Step) -> Step:
        """Remember what the steps after this one may know of it; gives it with the outputs that these rely on."""
        old, change = step.old, step.change or UNCHANGED
        if change.unknown:
            self.volatile[step.urn] = change.unknown
        if change.planned is not None and step.op is not Op.SAME:
            self.known[step.urn] = {**change.planned, "base": step.base}
            return replace(step, expected=change.planned) if step.op is Op.UPDATE else step
        if step.found:
            self.known[step.urn] = {**step.found.outputs, **(step.found.inputs or {}), **step.inputs}
            return step
        if old and step.op is Op.SAME:
            self.known[step.urn] = {**(step.schema or self.schema(old)).values(old), **step.inputs, "base": step.base}
            return step
        outputs: Mapping[str, Any] = {}
        if old and step.op is Op.UPDATE:
            outputs = {k: v for k, v in old.outputs.items() if k not in change.unknown}
        else:
            self.unmade.add(step.urn)
        self.known[step.urn] = {**outputs, **step.inputs, "base": step.base}
        return replace(step, expected=outputs) if step.op is Op.UPDATE else step

    def deletes(self, steps: Sequence[Step], choice: Choice, keep: frozenset[URN]) -> list[Step]:
        found = list(Deletes(self.graph.goals, self.snapshot, steps, choice, keep, self.schema, self.problems.append))
        return [*found, *(Step(Op.UNSURE, p.urn, p.type) for p in lingering(self.snapshot, self.graph.goals)
                          if choice.takes(p.urn, p.stack))]

    def check_names(self, steps: Sequence[Step]) -> None:
        """A name that something retained still has can't be given again."""
        left = (*self.snapshot.deposed.values(), *(s for s in self.snapshot.resources.values() if s.retained))
        holders = {(s.type, s.provider, s.inputs.get(self.schema(s).name_argument)): s for s in left if s.retain}
        for step in steps if holders else ():
            if step.goal is None or step.op not in (Op.CREATE, Op.REPLACE):
                continue
            name = step.inputs.get(self.schema(step.goal).name_argument)
            holder = holders.get((step.type, step.goal.provider, name)) if isinstance(name, str) else None
            if holder:
                self.problem(step.goal, f'can\'t be named {name!r}: "{name_of(holder.urn)}", which was retained, has '
                             "that name",
                             f'reuse it with alias="{name_of(holder.urn)}", or give another name'
                             if holder.retained else "give another name")


def unchanged(provider: Provider, schema: Schema, was: State, inputs: Mapping[str, Any]) -> bool:
    """Whether it can be told without the provider that nothing is to be done."""
    traits = provider.traits
    return bool(traits.fingerprint) and was.fingerprint == traits.fingerprint and was.version == schema.version and (
        not was.unsure and schema.type not in traits.always and plain(inputs) and was.inputs == inputs)


def plan(graph: Graph, snapshot: Snapshot, providers: Providers, *, choice: Choice | None = None) -> Plan:
    """Compare the program with the state. Raises ``UserError`` where a protected thing would be lost, and for what a
    provider refuses."""
    planner = _Planner(graph, snapshot, providers)
    choice = choice or Choice()
    keep: frozenset[URN] = frozenset()
    steps: list[Step] = []
    while True:
        planner.move()
        goals = planner.graph.goals
        if choice:
            keep = untouched(planner.graph, planner.snapshot, choice)
        for urn in TopologicalSorter({u: g.deps for u, g in goals.items()}).static_order():
            if urn not in planner.known and (step := planner.visit(goals[urn], urn in keep)):
                steps.append(step)
        if (more := grown(planner.graph, planner.look)) is planner.graph:
            break
        planner.graph = more
    planner.check_names(steps)
    if not planner.graph.laters:
        steps += planner.deletes(steps, choice, keep)
    if planner.problems:
        raise planner.problems[0] if len(planner.problems) == 1 else Problems(planner.problems)
    return Plan(tuple(steps), planner.graph, tuple(planner.first))
