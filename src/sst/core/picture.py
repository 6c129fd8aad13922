"""What an app consists of, as people see it: parts, and who calls or may use whom. A provider draws its own."""
from __future__ import annotations

from dataclasses import field
from typing import Literal

from ..records import dataclass

__all__ = ["Edge", "EdgeKind", "Part", "Picture"]

EdgeKind = Literal["event", "grant", "address"]
"""``event``: it calls. ``grant``: it may use. ``address``: it knows where it is."""


@dataclass(frozen=True, slots=True)
class Part:
    """One box: a function, a bucket, an API."""

    name: str
    """The path of names in the program: ``Pictures/Subscriber``."""
    kind: str
    """``function``, ``bucket``, ``table``, ``queue``, ``api``, ``cron``, ...; the type for what has no word."""
    title: str
    """What it is shown as: a route's function has the route, ``GET /photos/{name}``."""
    detail: str = ""
    """The handler, the schedule, the address."""
    stack: str = ""
    where: str = ""
    ids: tuple[str, ...] = ()
    """What calls name it by: the physical name."""
    function: str = ""
    """The physical name, of a function."""
    urns: tuple[str, ...] = ()
    """The resources it is made of, the one that gives it its kind first."""


@dataclass(frozen=True, slots=True)
class Edge:
    source: str
    target: str
    kind: EdgeKind
    label: str = ""
    """``batch 5``, ``GET /photos``, ``read/write``."""
    actions: tuple[str, ...] = ()
    """Of a grant."""


@dataclass(frozen=True, slots=True)
class Picture:
    parts: tuple[Part, ...] = ()
    edges: tuple[Edge, ...] = field(default=())

    def __add__(self, other: Picture) -> Picture:
        return Picture((*self.parts, *other.parts), (*self.edges, *other.edges))
