"""What the engine tells whoever watches: a terminal, a CI log, a JSON stream, the console."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..core.model import URN, Op

__all__ = ["Event", "Finished", "Planned", "Sink", "StepDone", "StepFailed", "StepNote", "StepSkipped", "StepStarted",
           "Unsettled"]


@dataclass(frozen=True, slots=True)
class Planned:
    """A round was planned: how many steps of each kind will run."""

    counts: dict[Op, int]
    round: int = 1


@dataclass(frozen=True, slots=True)
class StepStarted:
    key: str
    """Identifies the step: the urn, or ``urn#id`` for a delete."""
    urn: URN
    op: Op
    name: str
    """Path of names as the user wrote them: ``Api/Role``."""
    type: str
    parent: URN | None
    where: str


@dataclass(frozen=True, slots=True)
class StepNote:
    """A sub-step of a running step: ``waiting for the certificate``, ``retrying: role not yet assumable``."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class StepDone:
    key: str
    op: Op
    """What was really done: a planned update may turn out to be ``same``."""
    seconds: float
    id: str = ""


@dataclass(frozen=True, slots=True)
class StepFailed:
    key: str
    error: Exception
    seconds: float


@dataclass(frozen=True, slots=True)
class StepSkipped:
    key: str
    urn: URN
    name: str
    because: str
    """Name of the failed thing it waited for, or ``interrupted``."""


@dataclass(frozen=True, slots=True)
class Unsettled:
    """Outputs that changed again in every round; what uses them may hold former values."""

    outputs: tuple[str, ...]
    rounds: int


@dataclass(frozen=True, slots=True)
class Finished:
    done: dict[Op, int]
    failed: int
    skipped: int
    seconds: float
    outputs: dict[str, Any]
    calls: dict[str, int] = field(default_factory=dict)
    """Requests to the cloud till now by ``sqs.create_queue``, without the polls of waiters; filled in by who knows the
    cloud."""


Event: TypeAlias = Planned | StepStarted | StepNote | StepDone | StepFailed | StepSkipped | Unsettled | Finished
Sink: TypeAlias = Callable[[Event], None]
"""Called from worker threads; must not block for long and must not raise."""
