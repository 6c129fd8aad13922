"""What a cloud keeps of an app's functions by itself, as people look at it: lines and counts. A provider brings its
own."""
from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .model import State

__all__ = ["Lines", "LoggedLine", "Monitor", "Series"]


@dataclass(frozen=True, slots=True)
class LoggedLine:
    function: str
    """Its physical name."""
    at: float
    """Seconds since 1970."""
    text: str
    request: str = ""


@dataclass(frozen=True, slots=True)
class Lines:
    """A part of a search. ``searched`` of ``total`` logs are searched; ``next`` goes on, and is empty at the end."""

    lines: tuple[LoggedLine, ...] = ()
    searched: int = 0
    total: int = 0
    next: str = ""
    slow: bool = False
    """The cloud asked to slow down: ``next`` is to be asked for later."""


@dataclass(frozen=True, slots=True)
class Series:
    """Of one function. ``points``: a value for each step, by name: ``calls``, ``errors``, ``throttles``, and ``p50``
    and ``p95`` in milliseconds, None where nothing was called."""

    function: str
    points: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)


class Monitor(ABC):
    """Each method makes calls of the cloud, which may cost money. Raises ``ProviderError``."""

    calls: int = 0
    """Made so far."""

    @abstractmethod
    def lines(self, functions: Sequence[State], *, text: str, since: float, until: float, after: str = "") -> Lines:
        """Lines with ``text`` in them, of some of the functions; ``after`` is the ``next`` of the part before."""

    @abstractmethod
    def series(self, functions: Sequence[State], *, since: float, until: float, step: float) -> list[Series]:
        """``step`` is in seconds. Raises ``Throttled`` where the cloud asks to slow down."""
