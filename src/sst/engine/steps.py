"""A plan as data: what there is to do, each thing with its reasons."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from ..core.model import URN, Entry, Goal, Op, State, deposed_key, name_of
from ..core.provider import Change, Result
from ..core.schema import Schema
from ..records import dataclass
from .record import secrets_of

if TYPE_CHECKING:
    from ..core.graph import Graph

__all__ = ["Plan", "Step", "step_of"]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do. ``inputs`` are the planned ones; what is known only after the deploy is ``UNKNOWN`` in them."""

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
    change: Change | None = None
    """The provider's plan, where it was asked for one."""
    found: Result | None = None
    """What a look-up found, where the plan could make it."""
    schema: Schema | None = None
    """Of its type; None for a step of the state alone."""
    secret: tuple[str, ...] = ()
    """Properties and outputs that are encrypted in the state, and not shown."""
    reason: str = ""
    """Why it is replaced, where no property is the reason."""

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
        kept = (self.old and self.old.retain) or (self.goal and self.goal.retain)
        return bool(self.schema and self.schema.holds_data) and (self.op is Op.DELETE
                                                                 or (self.op is Op.REPLACE and not kept))

    @property
    def starts_empty(self) -> bool:
        """Whether an empty successor takes the place of something with the user's data, which is kept aside."""
        return bool(self.schema and self.schema.holds_data and self.op is Op.REPLACE and self.old
                    and not self.old.damaged and not self.loses_data)


def step_of(op: Op, goal: Goal, schema: Schema, **planned: Any) -> Step:
    """The step that makes a resource what a goal asks for."""
    return Step(op, goal.urn, goal.type, goal, schema=schema, secret=secrets_of(schema, goal.secret), **planned)


@dataclass(frozen=True)
class Plan:
    """Steps in an order in which they could run one by one."""

    steps: tuple[Step, ...]
    graph: Graph
    """The program, with what ``later`` added where its value is known."""
    first: tuple[Entry, ...] = ()
    """Edits of the state alone that come before all steps: renames, and former things that are taken back."""

    @property
    def undecided(self) -> bool:
        """``later`` waits for values of this round: more is decided during the deploy."""
        return bool(self.graph.laters)

    @property
    def changes(self) -> tuple[Step, ...]:
        return tuple(s for s in self.steps if s.op is not Op.SAME)

    @property
    def data_loss(self) -> tuple[Step, ...]:
        """One step for each thing whose data would be lost."""
        replaced = {s.urn for s in self.steps if s.op is Op.REPLACE}
        return tuple(s for s in self.steps if s.loses_data and not (s.op is Op.DELETE and s.urn in replaced))

    @property
    def starting_empty(self) -> tuple[Step, ...]:
        """What is replaced by something empty while its data is kept aside."""
        return tuple(s for s in self.steps if s.starts_empty)

    @property
    def needs_consent(self) -> tuple[Step, ...]:
        """The steps somebody has to agree to before they run."""
        return (*self.data_loss, *self.starting_empty)

    @property
    def counts(self) -> dict[Op, int]:
        counts: dict[Op, int] = {}
        for s in self.steps:
            counts[s.op] = counts.get(s.op, 0) + 1
        return counts
