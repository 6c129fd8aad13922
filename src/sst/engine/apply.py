"""Carry out a plan: parallel, journaled, and whole at any moment.

For each step: ``begin`` is durable before the call, what came of it is recorded right after, and nothing that depends on
it starts before that. A failure keeps its dependents from starting; the rest goes on.
"""
from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Any, Protocol

from ..core.model import URN, Entry, Goal, Op, Pending, Snapshot, State, deposed_key
from ..core.provider import Absent, Found, Made, Note
from ..core.resource import Resource
from ..errors import DeployError, Failure, ProviderError, SstError
from .events import Sink, StepDone, StepFailed, StepNote, StepSkipped, StepStarted
from .plan import Plan, Providers, Step, inputs_of, name_of
from .walk import Outcome, walk

__all__ = ["Journal", "Result", "apply"]


class Journal(Protocol):
    """Where the engine records what it does; ``state.session.Session`` is the real one."""

    @property
    def snapshot(self) -> Snapshot: ...

    def find(self, key: str) -> State | None:
        """The live resource of this urn, or the deposed one of this ``urn#id``."""

    def write(self, *entries: Entry, wait: bool = True) -> None:
        """Record entries in order; on return they are durable, unless ``wait=False``: then they are durable before any
        later entry is."""

    def check(self) -> None:
        """Raise ``Fenced`` if the lock is no longer ours; called before each cloud call."""


@dataclass
class Result:
    done: dict[Op, int] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    skipped: int = 0
    interrupted: bool = False

    def add(self, other: Result) -> None:
        for op, n in other.done.items():
            self.done[op] = self.done.get(op, 0) + n
        self.failures += other.failures
        self.skipped += other.skipped
        self.interrupted = self.interrupted or other.interrupted

    def check(self) -> None:
        if self.failures:
            raise DeployError(self.failures, skipped=self.skipped)


def apply(plan: Plan, journal: Journal, providers: Providers, sink: Sink, *, parallel: int = 32, stop: Event | None = None,
          clock: Callable[[], float] = time.monotonic) -> Result:
    """Run the plan's steps. Never raises for a failed step: the result holds every failure."""
    run = _Run(plan, journal, providers, sink, clock)
    run.move()
    outcome = walk(run.after(), run.visit, parallel=parallel, stop=stop)
    return run.result(outcome)


class _Run:
    def __init__(self, plan: Plan, journal: Journal, providers: Providers, sink: Sink, clock: Callable[[], float]) -> None:
        self.journal, self.providers, self.sink, self.clock = journal, providers, sink, clock
        self.values: dict[URN, dict[str, Any]] = {}
        self.done: dict[Op, int] = {}
        self.steps: dict[str, Step] = {}
        self.plan = plan
        for s in plan.steps:
            if s.op is Op.SAME and not _restated(s):
                if s.old:
                    self.values[s.urn] = {**s.old.values, "base": s.old.base}
            else:
                self.steps[s.key] = s

    def move(self) -> None:
        """Record renames first: they are edits of the state alone."""
        moved = [Entry("moved", s.urn, old=s.moved_from) for s in self.plan.steps if s.moved_from]
        if moved:
            self.journal.write(*moved)

    def after(self) -> dict[str, set[str]]:
        """What each step waits for: what it uses; a delete, all that used to use the thing."""
        after = {k: set(s.goal.deps) if s.goal else set() for k, s in self.steps.items()}
        users: dict[URN, list[str]] = {}
        for k, s in self.steps.items():
            for d in s.old.deps if s.old else ():
                users.setdefault(d, []).append(k)
        for k, s in self.steps.items():
            if s.op in (Op.DELETE, Op.FORGET):
                after[k].update(u for u in users.get(s.urn, ()) if u != k)
                if s.urn in self.steps and s.urn != k:
                    after[k].add(s.urn)
            elif s.op is Op.REPLACE and s.delete_first:
                after[k].update(u for u in users.get(s.urn, ()) if self.steps[u].op is Op.DELETE and not users.get(self.steps[u].urn))
        return after

    def visit(self, key: str) -> None:
        step = self.steps[key]
        start = self.clock()
        quiet = step.op is Op.SAME
        if not quiet:
            self.sink(StepStarted(key, step.urn, step.op, step.name, step.type, _parent(step), step.where))
        try:
            op, id = self._act(step, lambda text: self.sink(StepNote(key, text)))
        except Exception as e:
            self.sink(StepFailed(key, e, self.clock() - start))
            raise
        self.done[op] = self.done.get(op, 0) + 1
        if not quiet:
            self.sink(StepDone(key, op, self.clock() - start, id))

    def _act(self, step: Step, note: Note) -> tuple[Op, str]:
        match step.op:
            case Op.DELETE:
                return self._delete(step, note)
            case Op.FORGET:
                self.journal.write(Entry("retained", step.urn))
                return Op.FORGET, step.old.id if step.old else ""
            case Op.CREATE | Op.ADOPT:
                return self._create(step, self._inputs(step, step.base), step.op, note)
            case Op.REPLACE:
                return self._replace(step, note)
            case _:
                return self._update(step, note)

    def _inputs(self, step: Step, base: str) -> dict[str, Any]:
        assert step.goal
        return inputs_of(step.goal, Resource.kinds[step.type], base, self._look, step.old, unknown=False)

    def _look(self, urn: URN, attr: str) -> Any:
        return self.values[urn].get(attr)

    def _create(self, step: Step, inputs: dict[str, Any], op: Op, note: Note) -> tuple[Op, str]:
        assert step.goal
        provider = self.providers(step.type)
        todo = pending(step.goal, op, step.base, inputs, step.old)
        self.journal.write(Entry("begin", step.urn, pending=todo))
        self.journal.check()
        try:
            made = provider.create(todo, note)
        except ProviderError as e:
            made = self._look_again(todo, e, note)
        state = made_state(todo, made)
        self.values[step.urn] = {**state.values, "base": state.base}
        self.journal.write(Entry("replaced" if op is Op.REPLACE and not step.delete_first else "made", step.urn, state), wait=False)
        return op, state.id

    def _look_again(self, todo: Pending, error: ProviderError, note: Note) -> Made:
        """A create failed: it may have been done all the same. Look, and never leave a thing behind unknown."""
        if error.sent:
            note("looking whether it was created all the same")
            try:
                found = self.providers(todo.type).find(todo)
            except ProviderError:
                raise error from None
            if isinstance(found, Found) and (error.status == 0 or error.status >= 500):
                return found.made
            if isinstance(found, Found):
                self.journal.write(found_entry(self.journal, todo, found.made))
                raise error
            if not isinstance(found, Absent):
                raise error
        self.journal.write(Entry("undone", todo.urn))
        raise error

    def _replace(self, step: Step, note: Note) -> tuple[Op, str]:
        old = step.old
        assert old and step.goal
        before = self._inputs(step, old.base)
        if not self.providers(step.type).diff(step.type, old.inputs, before).replace:
            return self._update(replace_base(step, old.base), note)
        inputs = self._inputs(step, step.base)
        if step.delete_first:
            self._delete(step, note)
        return self._create(step, inputs, Op.REPLACE, note)

    def _update(self, step: Step, note: Note) -> tuple[Op, str]:
        goal, old = step.goal, step.old
        assert goal and old
        provider = self.providers(step.type)
        inputs = self._inputs(step, old.base)
        changed = provider.diff(step.type, old.inputs, inputs).changed | (frozenset(inputs) if old.unsure else frozenset())
        todo = pending(goal, Op.UPDATE, old.base, inputs, old)
        if not changed:
            state = made_state(todo, Made(old.id, old.outputs))
            self.values[step.urn] = {**state.values, "base": state.base}
            if _restated(step):
                self.journal.write(Entry("made", step.urn, state), wait=False)
            return Op.SAME, old.id
        self.journal.write(Entry("begin", step.urn, pending=todo))
        self.journal.check()
        try:
            made = provider.update(old, inputs, changed, note)
        except ProviderError as e:
            self.journal.write(Entry("unsure", step.urn, replace(old, unsure=True)) if e.sent else Entry("undone", step.urn))
            raise
        state = made_state(todo, made)
        self.values[step.urn] = {**state.values, "base": state.base}
        self.journal.write(Entry("made", step.urn, state), wait=False)
        return Op.UPDATE, old.id

    def _delete(self, step: Step, note: Note) -> tuple[Op, str]:
        old = step.old
        assert old
        key = deposed_key(old)
        if not self.journal.find(key):
            live = self.journal.find(old.urn)
            if not live or live.id != old.id or (old.urn in self.steps and not step.delete_first):
                return Op.SAME, old.id
        todo = Pending(old.urn, Op.DELETE, old.type, old.base, old_id=old.id, where=old.where)
        self.journal.write(Entry("begin", old.urn, pending=todo))
        self.journal.check()
        try:
            self.providers(old.type).delete(old, note)
        except ProviderError:
            self.journal.write(Entry("undone", key))
            raise
        self.journal.write(Entry("gone", old.urn, old), wait=False)
        return Op.DELETE, old.id

    def result(self, outcome: Outcome) -> Result:
        result = Result(dict(self.done), skipped=len(outcome.skipped), interrupted="" in outcome.skipped.values())
        for key, error in outcome.failed.items():
            step = self.steps[key]
            if not isinstance(error, SstError):
                error.add_note(f'while working on {step.type} "{step.name}"')
            result.failures.append(Failure(step.urn, step.name, step.type, step.op.value, step.where, error))
        for key, because in outcome.skipped.items():
            step = self.steps[key]
            self.sink(StepSkipped(key, step.urn, step.name, name_of(because.partition("#")[0]) if because else "interrupted"))
        return result


def _restated(step: Step) -> bool:
    """Whether the program says something new of a thing that stays the same: its edges, place, protection."""
    goal, old = step.goal, step.old
    return bool(goal and old and (
        tuple(sorted(goal.deps)) != old.deps or goal.protect != old.protect or goal.retain != old.retain or old.retained
        or goal.parent != old.parent or goal.stack != old.stack or goal.where != old.where))


def _parent(step: Step) -> URN | None:
    return step.goal.parent if step.goal else step.old.parent if step.old else None


def replace_base(step: Step, base: str) -> Step:
    return replace(step, base=base, op=Op.UPDATE)


def pending(goal: Goal, op: Op, base: str, inputs: Mapping[str, Any], old: State | None) -> Pending:
    return Pending(goal.urn, op, goal.type, base, uuid.uuid4().hex, inputs, tuple(sorted(goal.deps)), goal.parent, goal.stack,
                   goal.where, goal.protect, goal.retain, tuple(sorted(goal.secret)),
                   goal.adopt or "" if op is Op.ADOPT else old.id if old else "")


def made_state(todo: Pending, made: Made) -> State:
    """What is known of a thing once an operation on it has ended well."""
    kind = Resource.kinds.get(todo.type)
    secret = set(todo.secret) | ({k for k, o in kind.outs.items() if o.secret} if kind else set())
    return State(todo.urn, todo.type, made.id, dict(todo.inputs), dict(made.outputs), todo.deps, todo.parent, todo.stack, todo.where,
                 todo.base, todo.protect, todo.retain, secret=tuple(sorted(secret)))


def found_entry(journal: Journal, todo: Pending, made: Made) -> Entry:
    """A thing whose creation was cut off or failed half-way: unsure, so that the next plan sends all of it again."""
    state = replace(made_state(todo, made), unsure=True)
    return Entry("replaced" if todo.op is Op.REPLACE and journal.find(todo.urn) else "unsure", todo.urn, state)
