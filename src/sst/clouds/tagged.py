"""A resource in a cloud that carries the marks of an app and stage, whether a state knows it or not."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from ..records import dataclass

__all__ = ["TaggedResource"]


@dataclass(frozen=True, slots=True)
class TaggedResource:
    """A resource with the tags of this app and stage."""

    type: str
    id: str
    urn: str
    """As in its tag: one of more than 256 characters ends in a hash."""
    lineage: str
    holds_data: bool = False
    account: str = ""
    region: str = ""
    """Where it was listed."""
    values: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def name(self) -> str:
        return self.urn.rpartition("::")[2] or self.id
