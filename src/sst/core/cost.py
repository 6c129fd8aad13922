"""What a resource costs each month, whether it is used or not."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from ..records import dataclass

__all__ = ["Charge", "Pricing", "Uses"]


@dataclass(frozen=True, slots=True)
class Charge:
    """One fixed charge of a resource: ``Charge("NAT gateway", 32.85)``.

    ``usd`` is a month's price in US dollars; None: it is not known. ``source`` says where the price is from.
    """

    what: str
    usd: float | None
    source: str = ""


Uses: TypeAlias = Callable[[str], Mapping[str, Any]]
"""The arguments of the resource of a type that a resource depends on; empty if there is none."""

Pricing: TypeAlias = Callable[[Mapping[str, Any], Uses], Iterable[Charge]]
"""The fixed charges of a resource with these arguments. What is known only after a deploy is ``UNKNOWN`` in them."""
