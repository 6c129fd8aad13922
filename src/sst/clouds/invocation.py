"""What a call of a deployed function gave, and what functions log."""
from __future__ import annotations

from typing import Any

from ..records import dataclass

__all__ = ["Answer", "Line"]


@dataclass(frozen=True)
class Answer:
    """``payload`` is what the function returned (or the error it raised, then ``error`` says of which kind)."""

    payload: Any
    error: str
    tail: str
    """The end of its log, at most 4 KB."""


@dataclass(frozen=True)
class Line:
    time: float
    """Seconds since 1970."""
    text: str
    stream: str
