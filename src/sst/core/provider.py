"""The seam between the engine and what manages resources: a cloud, a REST API, a plugin, builds on this machine."""
from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ..errors import ProviderError, UserError
from ..records import dataclass
from .model import Goal, Operation, Snapshot, State
from .schema import Order, Schema

if TYPE_CHECKING:
    from .browse import Browser
    from .monitor import Monitor
from .picture import Picture

__all__ = ["STAND_IN", "Absent", "Change", "Existing", "Found", "Note", "PartlyMade", "Provider", "Providers",
           "Recorded", "Result", "Traits", "Unsure"]

Note: TypeAlias = Callable[[str], None]
"""Shows the user what a slow step is doing: ``note("waiting for the certificate")``."""


@dataclass(frozen=True, slots=True)
class Change:
    """A provider's plan for one resource. The empty one says that nothing is to be done."""

    changed: frozenset[str] = frozenset()
    """Arguments to send; those of a resource that is to be created, all of them."""
    replace: frozenset[str] = frozenset()
    """Those of ``changed`` that can't be changed in place."""
    order: Order | Literal[""] = ""
    """Of the replacement; empty leaves it to the schema."""
    unknown: frozenset[str] = frozenset()
    """Outputs whose values an update may change, so that they are not known before it is applied."""
    planned: Mapping[str, Any] | None = None
    """All values as they will be, with ``UNKNOWN`` in them. None: the new arguments over the old outputs."""
    reason: str = ""
    """Why it is replaced, where no argument is the reason, as a noun: ``its failed creation``. Of a new resource: what
    is special about it, ``simulated``."""
    notes: tuple[str, ...] = ()
    """Warnings that the plan shows."""
    handle: Any = None
    """What the provider needs to carry out exactly this plan; kept in memory only."""


UNCHANGED = Change()
"""Nothing is to be done."""


@dataclass(frozen=True, slots=True)
class Result:
    """A resource that exists. ``inputs`` only where they are others than asked for: as a read saw them, or as they were
    by the time they were used."""

    id: str
    outputs: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Any] | None = None
    private: str = ""
    """The provider's own notes on it: kept sealed in the state and handed back, never shown."""
    version: int = 0
    """Of the schema that ``outputs`` and ``private`` follow."""
    damaged: bool = False
    """It was created only in part: the next deploy replaces it."""


class PartlyMade(ProviderError):
    """A call failed and left something behind: a damaged resource after a create, a changed one after an update."""

    def __init__(self, error: ProviderError, result: Result) -> None:
        super().__init__(error.message, code=error.code, hint=error.hint, operation=error.operation,
                         request_id=error.request_id, status=error.status, sent=True)
        self.result = result


@dataclass(frozen=True, slots=True)
class Recorded:
    """An existing resource as the state of another tool has it."""

    id: str
    values: Mapping[str, Any] = field(repr=False)
    """By the provider's own names."""
    version: int = 0
    """Of the schema that they follow."""
    private: bytes = field(default=b"", repr=False)
    """The provider's own notes on it."""


Existing: TypeAlias = str | Mapping[str, Any] | Recorded
"""What an existing resource is taken over by: its id, the attributes of its identity, or another tool's record."""


@dataclass(frozen=True, slots=True)
class Found:
    made: Result


@dataclass(frozen=True, slots=True)
class Absent:
    pass


@dataclass(frozen=True, slots=True)
class Unsure:
    """The look-up gave no certain answer. The engine never creates on this answer."""

    why: str


@dataclass(frozen=True, slots=True)
class Traits:
    """What the engine may count on."""

    fingerprint: str = ""
    """Identifies the provider's version and settings. A resource that was recorded with the same one, and whose
    arguments are the same, is unchanged without asking the provider. Empty: ``plan`` is asked each time."""
    stand_ins: bool = False
    """What a program reads need not exist: `Provider.stand_in` creates an empty one of its kind."""
    unique: bool = True
    """Whether an id names one resource of its type; values that are nowhere but in the state may share one."""
    always: frozenset[str] = frozenset()
    """Types that are planned each time all the same: their plan depends on files or on the time."""


STAND_IN = "stand-in"
"""The private note of a resource that stands in for one which the program reads."""


class Provider(ABC):
    """Manages the resources of some types. Methods are called from many threads at once; failures are raised as
    ``ProviderError``, mistakes in the program as ``UserError``."""

    traits: Traits = Traits()

    @abstractmethod
    def schema(self, type: str) -> Schema:
        """Raises ``UserError`` for a type that it does not have."""

    @abstractmethod
    def plan(self, type: str, prior: State | None, inputs: Mapping[str, Any]) -> Change:
        """How the resource becomes what ``inputs`` ask for; ``prior`` is None for a new one. Changes nothing.

        ``inputs`` may hold ``core.output.UNKNOWN``, which differs from everything. It is asked for the plan, and again
        once all inputs are known; the last answer is in ``operation.change``.
        """

    @abstractmethod
    def create(self, operation: Operation, note: Note) -> Result:
        """Create what ``operation`` describes; its inputs are plain values, with the physical name filled in."""

    @abstractmethod
    def update(self, operation: Operation, state: State, note: Note) -> Result:
        """Change the resource in place. ``operation.changed`` names the arguments to send, never one whose change needs
        a new resource. After an update or create of unknown end it names all the others, and may be empty."""

    @abstractmethod
    def delete(self, state: State, note: Note) -> None:
        """Delete the resource. That it is gone already is no error."""

    @abstractmethod
    def read(self, state: State) -> Result | None:
        """What is there now, or None if it is gone. ``Result.inputs`` holds the arguments as the cloud has them, as far
        as it returns them."""

    def find(self, operation: Operation) -> Found | Absent | Unsure:
        """After a crash or a lost reply: was the resource that ``operation`` began to create made?

        ``Absent`` only where the answer is certain by now: a look-up that may be stale is repeated or ``Unsure``. A
        resource of another owner or stage is not ours, whatever its name; neither is one of ``operation.known``, which
        existed before.
        """
        return Unsure(f"{operation.type} can't be looked up")

    @property
    def finds(self) -> bool:
        """Whether ``find`` is implemented. If not, a rejected create counts as proof that nothing was created."""
        return type(self).find is not Provider.find

    def import_(self, type: str, id: str) -> Result | None:
        """The existing resource with this id, with all its arguments; None if there is none."""
        return self.read(State(f"{type}::{id}", type, id))

    def import_by_identity(self, type: str, identity: Mapping[str, Any]) -> Result | None:
        """The existing resource with these identifying attributes; None if there is none."""
        raise UserError(f"{type} is imported by its id, not by {', '.join(identity)}")

    def take_over(self, type: str, recorded: Recorded) -> Result | None:
        """The existing resource that another tool's state records; None if it is gone."""
        return self.import_(type, recorded.id)

    def existing(self, type: str, what: Existing) -> Result | None:
        """The existing resource that is to be taken over; None if there is none."""
        match what:
            case str():
                return self.import_(type, what)
            case Recorded():
                return self.take_over(type, what)
        return self.import_by_identity(type, what)

    def look_up(self, type: str, inputs: Mapping[str, Any]) -> Result | None:
        """An existing resource that the program only reads, by what identifies it; None if there is none."""
        raise ProviderError(f"{type} can't be looked up", sent=False)

    def stand_in(self, operation: Operation, note: Note) -> Result:
        """Create a stand-in of what the program reads and is not there; called only with ``traits.stand_ins``, and for
        types whose schema has one. ``private`` of the result is `STAND_IN`, and so is that of later look-ups."""
        raise ProviderError(f"there is no stand-in for {operation.type}", sent=False)

    def retire(self, state: State, note: Note) -> bool:
        """Have the resource no longer take a former value of a secret that it took beside the present one. False if
        there is nothing to be done for its type."""
        return False

    def upgrade(self, state: State) -> State:
        """A state that an older schema version recorded, in the form of the present one."""
        return state

    def move(self, type: str, state: State) -> State | None:
        """A resource of another type, which this one continues (``alias="fake:Old::Name"``), as one of this type; None
        if they have nothing to do with each other. Raises ``UserError`` where that can't be. Changes nothing."""
        return None

    def picture(self, snapshot: Snapshot) -> Picture:
        """The parts of an app that this provider manages, and their edges, for people. From the state alone."""
        from .picture import Picture

        return Picture()

    def browser(self, state: State) -> Browser | None:
        """What the resource holds, for the console; None if there is nothing to look at. Makes no call."""
        return None

    def monitor(self) -> Monitor | None:
        """What the cloud keeps of functions by itself, for the console. Makes no call."""
        return None

    def stop(self) -> None:  # noqa: B027  # optional
        """Ctrl-C: ask operations that are running to end soon. Each of them still returns or raises as it would."""

    def close(self) -> None:  # noqa: B027  # optional
        """The command is over."""


Providers: TypeAlias = Callable[[Goal | State | Operation], Provider]
"""The provider of a resource: the instance that its ``provider`` names."""
