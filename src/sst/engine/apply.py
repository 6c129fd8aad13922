"""Carry out a plan: parallel, journaled, and whole at any moment.

For each step: ``begin`` is durable before the call, what came of it is recorded right after, and nothing that depends
on it starts before that. A failure keeps its dependents from starting; the rest goes on.
"""
from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from threading import Event
from typing import Any

from ..core.model import URN, Entry, EntryKind, Op, Operation, State, deposed_key, name_of
from ..core.output import plain
from ..core.provider import Change, Note, PartlyMade, Provider, Providers, Result
from ..core.schema import Schema
from ..errors import DeployError, Failure, ProviderError, SstError, StateError, Throttled, UserError
from ..events import Sink, StepDone, StepFailed, StepNote, StepSkipped, StepStarted
from ..records import dataclass
from .existing import Existing
from .inputs import identified, inputs_of, resent
from .order import after
from .record import Journal, half_deleted, ids_by_type, made_state, new_token, pending, settled_create, unsure_state
from .steps import Plan, Step
from .walk import Outcome, walk

__all__ = ["DeployResult", "Journal", "apply"]


@dataclass
class DeployResult:
    done: dict[Op, int] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    skipped: int = 0
    interrupted: bool = False
    surprises: tuple[str, ...] = ()
    """Outputs that an update changed although the plan said it would not, and that steps planned as unchanged use:
    ``Api.ip``. Another round brings the users up to date."""

    def add(self, other: DeployResult) -> None:
        for op, n in other.done.items():
            self.done[op] = self.done.get(op, 0) + n
        self.failures += other.failures
        self.skipped += other.skipped
        self.interrupted = self.interrupted or other.interrupted
        self.surprises = other.surprises

    def check(self) -> None:
        if self.failures:
            raise DeployError(self.failures, skipped=self.skipped)


def apply(plan: Plan, journal: Journal, providers: Providers, sink: Sink, *, parallel: int = 32,
          stop: Event | None = None, clock: Callable[[], float] = time.monotonic,
          unsure: Mapping[URN, str] | None = None) -> DeployResult:
    """Run the plan's steps. A failed step does not raise: the result holds every failure. ``StateError`` does: what
    can't be recorded may not be begun. ``unsure`` says why the end of some creates can't be told, see ``settle``."""
    run = _Run(plan, journal, providers, sink, clock, unsure or {})
    run.move()
    outcome = walk(after(plan, run.steps, providers), run.visit, parallel=parallel, stop=stop, stopped=run.stop,
                   fatal=(StateError,))
    return run.result(outcome)


class _Run:
    def __init__(self, plan: Plan, journal: Journal, providers: Providers, sink: Sink,
                 clock: Callable[[], float], unsure: Mapping[URN, str]) -> None:
        self.journal, self.providers, self.sink, self.clock, self.unsure = journal, providers, sink, clock, unsure
        self.values: dict[URN, Mapping[str, Any]] = {}
        self.ended: dict[str, Op] = {}
        self.steps: dict[str, Step] = {}
        self.running: dict[str, Step] = {}
        self.plan, self.existing = plan, Existing(plan, journal)
        self.known = ids_by_type(journal.snapshot)
        self.surprises: dict[URN, list[str]] = {}
        for s in plan.steps:
            if s.op is Op.SAME and not _restated(s):
                if s.old:
                    self.learn(s.old)
            else:
                self.steps[s.key] = s

    def learn(self, state: State) -> None:
        """What later steps may read of it."""
        schema = self.providers(state).schema(state.type)
        self.values[state.urn] = {**schema.values(state), "base": state.base}

    def _provider(self, step: Step) -> tuple[Provider, Schema]:
        """The provider of a step's goal, and the schema of its type."""
        assert step.goal and step.schema
        return self.providers(step.goal), step.schema

    def move(self) -> None:
        """Record what changes in the state alone."""
        if self.plan.first:
            self.journal.write(*self.plan.first)

    def visit(self, key: str) -> None:
        step = self.steps[key]
        start = self.clock()
        quiet = step.op is Op.SAME
        if not quiet:
            self.sink(StepStarted(key, step.urn, step.op, step.name, step.type, _parent(step), step.where))
        self.running[key] = step
        try:
            op, id = self._act(step, lambda text: self.sink(StepNote(key, text)))
        except Exception as e:
            self.sink(StepFailed(key, e, self.clock() - start))
            raise
        finally:
            del self.running[key]
        self.ended[key] = op
        if not quiet:
            self.sink(StepDone(key, op, self.clock() - start, id))

    def stop(self) -> None:
        """Ask the steps that are running to end soon; what came of each is recorded as ever."""
        running = [item for s in list(self.running.values()) if (item := s.goal or s.old)]
        for provider in {id(p): p for p in map(self.providers, running)}.values():
            provider.stop()

    def _act(self, step: Step, note: Note) -> tuple[Op, str]:
        match step.op:
            case Op.DELETE:
                return self._delete(step, note)
            case Op.FORGET:
                self.journal.write(Entry("retained", step.urn))
                return Op.FORGET, step.old.id if step.old else ""
            case Op.READ:
                return self._read(step, note)
            case Op.UNSURE:
                raise self._may_exist(step)
            case Op.CREATE:
                return self._create(step, self._inputs(step, step.base), note)
            case Op.ADOPT:
                return self._adopt(step, note)
            case Op.REPLACE:
                return self._replace(step, note)
            case _:
                return self._update(step, note)

    def _inputs(self, step: Step, base: str) -> dict[str, Any]:
        assert step.goal and step.schema
        return inputs_of(step.goal, step.schema, base, self._look, step.old, unknown=False)

    def _change(self, step: Step, prior: State | None, inputs: Mapping[str, Any]) -> Change:
        """The provider's plan for exactly these inputs. What the first plan promised must still hold."""
        first = step.change
        if first is not None and inputs == step.inputs and prior is step.old:
            return first
        change = self._provider(step)[0].plan(step.type, prior, inputs)
        for k, v in (first.planned or {}).items() if first and change.planned is not None else ():
            if plain(v) and prior is step.old and v != (change.planned or {}).get(k):
                raise ProviderError(f"the provider planned another value for {k!r} once all values were known",
                                    operation="plan", sent=False, hint="deploy again; if it stays, report it to the "
                                    "authors of the provider")
        return change

    def _look(self, urn: URN, attr: str) -> Any:
        return self.values[urn].get(attr)

    def _read(self, step: Step, note: Note) -> tuple[Op, str]:
        """Look up an existing resource; forget one that the program no longer reads."""
        if step.goal is None:
            assert step.old
            self.journal.write(Entry("gone", step.urn, step.old), wait=False)
            return Op.READ, step.old.id
        provider, schema = self._provider(step)
        state = self.existing.read(step, provider, schema, lambda: self._inputs(step, ""), note)
        self.learn(state)
        return Op.READ, state.id

    def _may_exist(self, step: Step) -> UserError:
        why = self.unsure.get(step.urn, "")
        return UserError("its creation was cut off, and nobody can tell yet whether it "
                         f"exists{': ' if why else ''}{why}",
                         where=step.where, hint=f"it exists: sst adopt {step.name} ID; "
                                                f"it does not: sst state resolve {step.name} --absent")

    def _made(self, operation: Operation, made: Result, *, kind: EntryKind = "made") -> State:
        provider = self.providers(operation)
        state = made_state(operation, made, provider.schema(operation.type), fingerprint=provider.traits.fingerprint)
        self.learn(state)
        self._compare_with_plan(state)
        self.journal.write(Entry(kind, operation.urn, state), wait=False)
        return state

    def _compare_with_plan(self, state: State) -> None:
        """Note outputs that are not what the plan expected: steps were planned as unchanged because of them."""
        step = self.steps.get(state.urn)
        if step and step.op is Op.UPDATE:
            now = self.values[state.urn]
            if odd := [k for k, v in step.expected.items() if plain(v) and now.get(k) != v]:
                self.surprises[state.urn] = [f"{step.name}.{k}" for k in sorted(odd)]

    def _outdated(self) -> tuple[str, ...]:
        """The unexpected outputs that leave a step behind which was planned as unchanged and would not be now."""
        found: set[str] = set()
        for s in self.plan.steps if self.surprises else ():
            if s.op is Op.SAME and s.goal and (used := s.goal.deps & self.surprises.keys()):
                known = all(d in self.values for d in s.goal.deps)
                if known and self._inputs(s, s.base) != s.inputs:
                    found.update(k for u in used for k in self.surprises[u])
        return tuple(sorted(found))

    def _create(self, step: Step, inputs: dict[str, Any], note: Note) -> tuple[Op, str]:
        assert step.goal
        provider = self._provider(step)[0]
        operation = pending(step.goal, step.op, step.base, inputs, step.old, known=self.known.get(step.type, ()),
                            change=self._change(step, None, inputs))
        self.journal.write(Entry("begin", step.urn, pending=operation))
        self.journal.check()
        kind: EntryKind = "replaced" if step.op is Op.REPLACE and not step.delete_first else "made"
        try:
            made = provider.create(operation, note)
        except PartlyMade as e:
            self._made(operation, replace(e.result, damaged=True), kind=kind)
            raise
        except ProviderError as e:
            return step.op, self._look_again(operation, e, note).id
        return step.op, self._made(operation, made, kind=kind).id

    def _look_again(self, operation: Operation, error: ProviderError, note: Note) -> State:
        """A create failed: it may have been done all the same. Look, and never leave a thing behind unknown.

        What is found is recorded as unsure. If the error said no more than that the reply was lost, all is sent again.
        """
        answered = not lost(error) and not self.providers(operation).finds
        if not error.sent or answered:
            self.journal.write(Entry("undone", operation.urn))
            raise error
        note("looking whether it was created all the same")
        try:
            found = settled_create(self.journal, operation, self.providers(operation))
        except ProviderError:
            raise error from None
        if isinstance(found, str):
            raise error
        self.journal.write(found)
        if found.state is None or not lost(error):
            raise error
        schema = self.providers(operation).schema(operation.type)
        return self._send(replace(operation, op=Op.UPDATE, token=new_token(), old_id=found.state.id,
                                  changed=resent(schema, found.state, operation.inputs)), found.state, note)

    def _send(self, operation: Operation, old: State, note: Note) -> State:
        """Update a thing; if that fails it stays unsure what the thing is like."""
        provider = self.providers(operation)
        self.journal.write(Entry("begin", operation.urn, pending=operation))
        self.journal.check()
        try:
            made = provider.update(operation, old, note)
        except PartlyMade as e:
            kept = made_state(operation, e.result, provider.schema(operation.type))
            self.journal.write(Entry("unsure", operation.urn, replace(kept, unsure=True)))
            raise
        except ProviderError as e:
            now = self.journal.find(operation.urn) or old  # what it uses may have been deleted since the plan was made
            unsure = unsure_state(now, operation, provider.schema(operation.type))
            self.journal.write(Entry("unsure", operation.urn, unsure) if e.sent else Entry("undone", operation.urn))
            raise
        return self._made(operation, made)

    def _adopt(self, step: Step, note: Note) -> tuple[Op, str]:
        """Take over an existing thing: nothing is created. Properties that the program does not mention stay as they
        are."""
        goal = step.goal
        assert goal and goal.adopt
        provider, schema = self._provider(step)
        self.journal.check()
        there = provider.existing(goal.type, goal.adopt)
        if there is None:
            raise UserError(f"there is no {goal.type} with {identified(goal.adopt)} to import")
        base = str((there.inputs or {}).get(schema.name_argument, step.base)).removesuffix(schema.ending(goal.inputs))
        inputs = self._inputs(step, base)
        operation = pending(goal, Op.ADOPT, base, inputs, None)
        old = made_state(operation, there, schema)
        if there.inputs is None:
            old = replace(old, unsure=True)
        else:
            old = replace(old, inputs={k: v for k, v in there.inputs.items() if k in inputs})
        change = provider.plan(step.type, old, inputs)
        if change.replace:
            raise UserError(f"{goal.adopt!r} differs in {', '.join(sorted(change.replace))}, which can't be changed in "
                            "place",
                            hint="make the program say what is there, or create a new one without import_")
        self.learn(old)
        self.journal.write(Entry("made", goal.urn, old))
        if changed := change.changed | resent(schema, old, inputs):
            self._send(replace(operation, op=Op.UPDATE, old_id=there.id, changed=changed, change=change), old, note)
        return Op.ADOPT, there.id

    def _replace(self, step: Step, note: Note) -> tuple[Op, str]:
        old, goal = step.old, step.goal
        assert old and goal
        before = self._inputs(step, old.base)
        if not step.reason and not self._provider(step)[0].plan(step.type, old, before).replace:
            return self._update(replace(step, base=old.base, op=Op.UPDATE, change=None), note)
        inputs = self._inputs(step, step.base)
        if step.delete_first:
            self._delete(step, note)
        elif goal.retain and not old.retain:
            self.journal.write(Entry("made", step.urn, replace(self.journal.find(old.urn) or old, retain=True)),
                               wait=False)
        return self._create(step, inputs, note)

    def _update(self, step: Step, note: Note) -> tuple[Op, str]:
        goal, old = step.goal, step.old
        assert goal and old
        schema = self._provider(step)[1]
        inputs = self._inputs(step, old.base)
        change = self._change(step, old, inputs)
        if change.replace:
            raise UserError(f"it was planned as an update, but now that all values are known, a change of "
                            f"{', '.join(sorted(change.replace))} needs a new one",
                            hint="deploy again: the plan then shows the replacement")
        changed = change.changed | resent(schema, old, inputs)
        operation = pending(goal, Op.UPDATE, old.base, inputs, old, changed=changed, change=change)
        if changed or old.unsure:
            self._send(operation, old, note)
            return Op.UPDATE, old.id
        state = replace(old, **{f: getattr(made_state(operation, Result(old.id), schema), f) for f in _RESTATED})
        self.learn(state)
        if _restated(step):
            self.journal.write(Entry("made", step.urn, state), wait=False)
        return Op.SAME, old.id

    def _delete(self, step: Step, note: Note) -> tuple[Op, str]:
        old = step.old
        assert old
        key = deposed_key(old)
        if not self.journal.find(key):
            live = self.journal.find(old.urn)
            if not live or deposed_key(live) != key or (old.urn in self.steps and not step.delete_first):
                return Op.SAME, old.id
        if self.existing.forget(old):
            return Op.READ, old.id
        operation = Operation(old.urn, Op.DELETE, old.type, old.base, old_id=old.id, where=old.where,
                              provider=old.provider)
        self.journal.write(Entry("begin", old.urn, pending=operation))
        self.journal.check()
        try:
            self.providers(old).delete(old, note)
        except ProviderError as e:
            self._look_whether_gone(operation, old, e)
        self.journal.write(Entry("gone", old.urn, old), wait=False)
        return Op.DELETE, old.id

    def _look_whether_gone(self, operation: Operation, old: State, error: ProviderError) -> None:
        """A delete failed: return if the thing is gone all the same. If that can't be told, it stays pending."""
        if error.sent:
            try:
                there = self.providers(old).read(old)
            except ProviderError:
                raise error from None
            if there is None:
                return
        self.journal.write(*half_deleted(self.journal, operation) if error.sent
                           else [Entry("undone", deposed_key(operation))])
        raise error

    def result(self, outcome: Outcome) -> DeployResult:
        done: dict[Op, int] = {}
        for op in self.ended.values():
            done[op] = done.get(op, 0) + 1
        result = DeployResult(done, skipped=len(outcome.skipped), interrupted="" in outcome.skipped.values(),
                              surprises=self._outdated())
        for key, error in outcome.failed.items():
            step = self.steps[key]
            if not isinstance(error, SstError):
                error.add_note(f'while working on {step.type} "{step.name}"')
            result.failures.append(Failure(step.urn, step.name, step.type, step.op.value, step.where, error))
        for key, because in outcome.skipped.items():
            step = self.steps[key]
            self.sink(StepSkipped(key, step.urn, step.name,
                                  name_of(because.partition("#")[0]) if because else "interrupted"))
        return result


def lost(error: ProviderError) -> bool:
    """Whether it is unknown if the call was carried out: no reply came, or one that says nothing about it."""
    return error.sent and (error.status == 0 or error.status >= 500) and not isinstance(error, Throttled)


_RESTATED = ("deps", "parent", "stack", "where", "protect", "retain", "retained", "secret", "inputs")
"""What the program says of a thing, besides its arguments; a change of it is recorded without a call."""


def _restated(step: Step) -> bool:
    """Whether the program says something new of a thing that stays the same: its edges, place, protection, secrets."""
    goal, old = step.goal, step.old
    return bool(goal and old and not goal.read and (
        tuple(sorted(goal.deps)) != old.deps or goal.protect != old.protect or goal.retain != old.retain or old.retained
        or goal.parent != old.parent or goal.stack != old.stack or step.secret != old.secret))


def _parent(step: Step) -> URN | None:
    return step.goal.parent if step.goal else step.old.parent if step.old else None
