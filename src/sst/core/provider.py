"""The seam between the engine and what talks to a cloud."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from .model import Operation, State

__all__ = ["Absent", "Change", "Found", "Note", "Provider", "Result", "Unsure"]

Note: TypeAlias = Callable[[str], None]
"""Tells the user what a slow step is doing: ``note("waiting for the certificate")``."""


@dataclass(frozen=True, slots=True)
class Change:
    """How new inputs differ from those in state."""

    changed: frozenset[str] = frozenset()
    replace: frozenset[str] = frozenset()
    """Those of ``changed`` that can't be changed in place."""
    delete_first: bool = False
    """The old thing must go before the new one can be made (a fixed name, a singleton)."""


@dataclass(frozen=True, slots=True)
class Result:
    """A thing that exists: its id and its outputs. ``inputs`` only where they are others than asked for: as a read
    saw them, or as they were by the time they were used."""

    id: str
    outputs: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    made: Result


@dataclass(frozen=True, slots=True)
class Absent:
    pass


@dataclass(frozen=True, slots=True)
class Unsure:
    """The look-up could not tell. The engine never creates on this answer."""

    why: str


class Provider(Protocol):
    """Each method is called from many threads at once. Failures are raised as ``ProviderError``."""

    def diff(self, type: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Change:
        """Pure. ``new`` may hold ``core.output.UNKNOWN``, which differs from everything."""

    def create(self, operation: Operation, note: Note) -> Result:
        """Make the thing that ``operation`` describes; ``operation.inputs`` are plain values, with the physical name
        filled in."""

    def read(self, state: State) -> Result | None:
        """What is there now, or None if it is gone. ``Result.inputs`` holds the inputs as the cloud has them, as far as
        it tells.

        To take over an existing thing the engine asks for a state that holds no more than its ``urn``, ``type`` and
        ``id``."""

    def update(self, state: State, inputs: Mapping[str, Any], changed: frozenset[str], note: Note) -> Result:
        """Change the thing in place; ``changed`` names the properties to send, never one whose change needs a new
        thing. After an update or create of unknown end it names all the others, and may be empty: then nothing is to be
        sent."""

    def delete(self, state: State, note: Note) -> None:
        """End the thing. That it is gone already is no error."""

    def find(self, operation: Operation) -> Found | Absent | Unsure:
        """After a crash or a lost reply: was the thing that ``operation`` began to create made?

        ``Absent`` only where the cloud's answer is certain by now: a look-up that may be stale is repeated or
        ``Unsure``. A thing of another owner or stage is not ours, whatever its name; neither is one of
        ``operation.known``, which were there before."""
