"""A schedule that a program declares, in whichever cloud."""
from __future__ import annotations

from datetime import datetime

from ..records import dataclass

__all__ = ["Schedule"]


@dataclass(frozen=True)
class Schedule:
    """A schedule of the program, ``Tidy`` or ``Web/Nightly``. ``expression`` is ``rate(...)``, ``cron(...)`` or
    ``at(...)``."""

    name: str
    urn: str
    expression: str
    timezone: str
    start: datetime | None
    end: datetime | None
    enabled: bool
