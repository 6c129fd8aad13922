"""Where a program is deployed, and whether `sst dev` runs it."""
from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import field
from typing import TYPE_CHECKING, Literal, TypeAlias

from ..records import dataclass

if TYPE_CHECKING:
    from .component import Component

__all__ = ["LEASE_SECONDS", "Lease", "Target", "TargetName"]

TargetName: TypeAlias = Literal["aws", "local"]
"""``local`` is stage ``local``, in the embedded cloud of this machine; ``aws`` is every other stage."""

LEASE_SECONDS = 8 * 3600
"""How long deployed functions hand their calls to a session of `sst dev` after a deploy."""


@dataclass(frozen=True, slots=True)
class Lease:
    """For how long, and how patiently, deployed functions ask for a session of `sst dev` that takes their calls.

    ``until`` is in seconds since 1970. ``wait`` is how many milliseconds a session has to answer; 0 is the default of
    150. A longer wait is needed where a round trip to the region takes longer; it is also the delay added to a call,
    once a minute, while no session is connected.
    """

    until: int
    wait: int = 0

    @classmethod
    def starting(cls, now: float, *, wait: int = 0) -> Lease:
        """A lease that ends between half of `LEASE_SECONDS` and all of it from ``now``. It ends at the same moment
        until half of it is over, so a deploy changes functions only where less than half is left."""
        half = LEASE_SECONDS / 2
        return cls(int((math.floor(now / half) + 2) * half), wait)


@dataclass(frozen=True, slots=True)
class Target:
    """What a component may ask about the place it is deployed to: ``current().target``.

        if graph.target.is_local: ...
        if graph.target.dev: ...
    """

    name: TargetName = "aws"
    dev: bool = False
    """Whether `sst dev` runs the program."""
    lease: Lease | None = None
    """In `sst dev` on an AWS stage: how deployed functions find the session."""
    dev_port: Callable[..., int] = field(default=lambda name, wanted=0: wanted, compare=False)
    """In `sst dev`: a free port of 127.0.0.1 for the server of that name, the same in each session; with a second
    argument that one, unless another program has it."""

    @property
    def is_local(self) -> bool:
        return self.name == "local"

    def supports(self, type: type[Component]) -> bool:
        """Whether components of this type can be deployed here; see `Component.targets`."""
        return self.name in type.targets
