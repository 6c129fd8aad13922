"""Existing resources that the program reads. On stage ``local`` an empty one may stand in for one that is not there;
several resources of the program may read the same one."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from threading import Lock
from typing import Any

from ..core.model import Entry, Op, State, deposed_key
from ..core.provider import STAND_IN, Note, Provider
from ..core.schema import Schema
from .inputs import missing
from .record import Journal, made_state, pending
from .steps import Plan, Step

__all__ = ["Existing", "is_read_elsewhere", "left_behind"]


def left_behind(steps: Sequence[Step]) -> list[State]:
    """The stand-ins of resources that read another one now."""
    return [s.old for s in steps if s.op is Op.READ and s.goal and s.old and s.old.private == STAND_IN and (
        s.found.id != s.old.id if s.found else any(s.old.inputs.get(k) != v for k, v in s.inputs.items()))]


def is_read_elsewhere(old: State, steps: Sequence[Step]) -> bool:
    """Whether a step of the program reads the same resource from now on."""
    return any(s.goal and s.goal.read and s.found and (s.goal.provider, s.type, s.found.id) == old.identity
               for s in steps)


class Existing:
    """Carries out the steps that read."""

    def __init__(self, plan: Plan, journal: Journal) -> None:
        self._plan, self._journal, self._lock = plan, journal, Lock()

    def read(self, step: Step, provider: Provider, schema: Schema, inputs: Callable[[], Mapping[str, Any]],
             note: Note) -> State:
        """Look it up, or create what stands in for it, and record it."""
        assert step.goal
        given, found = (step.inputs, step.found) if step.found else (inputs(), None)
        if found is None:
            with self._lock:    # another step may read the same one
                found = provider.look_up(step.type, given)
                if found is None and provider.traits.stand_ins and schema.stand_in:
                    found = provider.stand_in(pending(step.goal, Op.READ, "", given, None), note)
        if found is None:
            raise missing(step.goal, given, provider)
        operation = pending(step.goal, Op.READ, "", {**(found.inputs or {}), **given}, None)
        state = replace(made_state(operation, found, schema), read=True)
        was = self._journal.find(step.urn)
        left = was and was.private == STAND_IN and was.identity != state.identity
        self._journal.write(Entry("replaced" if left else "made", step.urn, state), wait=False)
        return state

    def forget(self, old: State) -> bool:
        """Forget a stand-in that others still read; False if it is to be deleted, since nothing else reads it."""
        if old.private != STAND_IN:
            return False
        with self._lock:
            snapshot = self._journal.snapshot
            others = [s for s in (*snapshot.resources.values(), *snapshot.deposed.values())
                      if s.read and s.identity == old.identity and deposed_key(s) != deposed_key(old)]
            if not others and not is_read_elsewhere(old, self._plan.steps):
                return False
            self._journal.write(Entry("gone", old.urn, old), wait=False)
            return True
