"""The latest calls of a session, and what they add up to: what the panes look up."""
from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from .events import AnyEvent, CallBegan, CallEnded, FunctionBroken, FunctionRecovered

__all__ = ["Call", "CallStore", "FunctionStats"]

KEPT = 200
"""So many of the latest calls can be looked at again."""


@dataclass(slots=True)
class Call:
    began: CallBegan
    ended: CallEnded | None = None

    @property
    def failed(self) -> bool:
        return self.ended is not None and bool(self.ended.error or self.ended.status >= 500)


@dataclass(slots=True)
class FunctionStats:
    """What the calls of one function add up to."""

    calls: int = 0
    failed: int = 0
    failing: bool = False
    """Its last call failed, or it can't start."""
    most_ms: float = 0.0
    total_ms: float = 0.0
    most_memory_mb: int = 0


@dataclass
class CallStore:
    """Filled by events (`see`), so a second session has the same one. ``changed`` is called after each that counts."""

    changed: Callable[[], object] = lambda: None
    recent: deque[Call] = field(default_factory=lambda: deque(maxlen=KEPT))
    functions: dict[str, FunctionStats] = field(default_factory=dict)
    failed: int = 0
    """Calls that failed, of all functions, since the session began."""
    _open: dict[int, Call] = field(default_factory=dict)

    def see(self, event: AnyEvent) -> None:
        match event:
            case CallBegan():
                call = self._open[event.number] = Call(event)
                self.recent.append(call)
                self._stats(event.function).calls += 1
            case CallEnded():
                self._end(event)
            case FunctionBroken():
                self._stats(event.function).failing = True
            case FunctionRecovered():
                self._stats(event.function).failing = False
            case _:
                return
        self.changed()

    def call(self, number: int) -> Call | None:
        """The call of that number, if it is one of the latest."""
        return next((c for c in self.recent if c.began.number == number), None)

    @property
    def failing(self) -> list[str]:
        """Functions whose last call failed, or that can't start."""
        return sorted(name for name, stats in self.functions.items() if stats.failing)

    def slowest(self, count: int = 5) -> list[Call]:
        """Of the latest calls."""
        ended = [c for c in self.recent if c.ended]
        return sorted(ended, key=lambda c: -(c.ended.ms if c.ended else 0))[:count]

    def errors(self) -> Counter[str]:
        """How many calls failed, by function."""
        return Counter({name: stats.failed for name, stats in self.functions.items() if stats.failed})

    def _end(self, event: CallEnded) -> None:
        stats = self._stats(event.function)
        if call := self._open.pop(event.number, None):
            call.ended = event
            stats.failing = call.failed
        stats.most_ms = max(stats.most_ms, event.ms)
        stats.total_ms += event.ms
        stats.most_memory_mb = max(stats.most_memory_mb, event.memory_mb)
        if stats.failing:
            stats.failed += 1
            self.failed += 1

    def _stats(self, function: str) -> FunctionStats:
        return self.functions.setdefault(function, FunctionStats())
