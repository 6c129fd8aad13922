"""What the engine knows of a resource type. A row's class gives it, and so can a schema that is read at run time."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, Literal, TypeAlias

from ..records import dataclass
from .cost import Pricing
from .model import State

__all__ = ["Argument", "Name", "Order", "Schema"]

Order: TypeAlias = Literal["create_first", "delete_first"]


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a type. ``replace``: a change needs a new resource."""

    replace: bool = False
    required: bool = False
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Name:
    """The argument that is the physical name: minted if the program does not give it."""

    argument: str
    limit: int = 0
    """At most so many characters; 0 sets no limit."""
    lower: bool = False
    suffix: str | Callable[[Mapping[str, Any]], str] = ""
    """The end of the name, or a function of the arguments that gives it."""

    def ending(self, inputs: Mapping[str, Any]) -> str:
        return self.suffix if isinstance(self.suffix, str) else self.suffix(inputs)


def _values(state: State) -> Mapping[str, Any]:
    return state.values


def _kept(state: State, argument: str) -> Any:
    return state.inputs[argument]


@dataclass(frozen=True)
class Schema:
    """A resource type as the engine sees it.

    ``version`` is that of the recorded state: a provider with a newer one upgrades what an older one recorded.
    ``values`` gives what programs read of a resource: its arguments and outputs by name. ``kept`` gives the value of an
    argument whose changes are ignored.
    """

    type: str
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    secret_outputs: frozenset[str] = frozenset()
    name: Name | None = None
    holds_data: bool = False
    """Deleting it loses the user's data."""
    runs_once: bool = False
    """To create one is to do something once: a rollback neither repeats nor undoes it."""
    lasts: str = ""
    """Of what runs once: the argument with the files that a run stands for. A rollback names those that stay."""
    order: Order = "create_first"
    """Of a replacement, where nothing else decides."""
    version: int = 0
    stand_in: bool = False
    """Whether the provider can create an empty one that stands in for an existing one."""
    id_format: str = ""
    """What an id looks like, for messages: ``$role/$name``."""
    values: Callable[[State], Mapping[str, Any]] = _values
    kept: Callable[[State, str], Any] = _kept
    digest: str = ""
    """The argument that is a fingerprint of files: a plan says that the code changed, not its value."""
    from_bundle: frozenset[str] = frozenset()
    """Arguments that a new bundle sets: while they are unknown, a plan says only that the code changed."""

    monthly: Pricing | None = None
    """What it costs each month, whether it is used or not; None: nothing."""

    @property
    def name_argument(self) -> str:
        return self.name.argument if self.name else ""

    def ending(self, inputs: Mapping[str, Any]) -> str:
        """The end that a minted name gets with these arguments."""
        return self.name.ending(inputs) if self.name else ""

    @property
    def updatable(self) -> frozenset[str]:
        return frozenset(k for k, a in self.arguments.items() if not a.replace)
