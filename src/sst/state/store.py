"""Where state is kept: objects by key, with conditional writes. Three of them: memory, local (SQLite), S3."""
from __future__ import annotations

from typing import Protocol

from ..errors import StateError
from ..records import dataclass

__all__ = ["Conflict", "Store", "Stored"]


class Conflict(StateError):
    """A conditional write was refused: the object is there already, or is not the one that was read."""

    code = "state-changed"


@dataclass(frozen=True, slots=True)
class Stored:
    """An object and the tag of this version of it. A tag is never used twice for one key."""

    data: bytes
    tag: str


class Store(Protocol):
    """Each method is called from many threads at once. What returned is durable.

        tag = store.put_new("app/prod/lock", b"one")
        tag = store.put_if("app/prod/lock", b"two", tag)

    A write that may have arrived although its reply was lost is looked up: data that is byte for byte ours counts as
    written, so writers that race put something unique into their data. Errors: ``Conflict``; ``StateError`` for a full
    or read-only disk; ``ProviderError`` of a cloud.
    """

    packed: bool
    """Whether objects should be compressed: yes over a network, no in a local file."""

    def get(self, key: str) -> Stored | None:
        """The newest version, or None."""

    def put_new(self, key: str, data: bytes) -> str:
        """Create; the tag. ``Conflict`` if the key exists."""

    def put_if(self, key: str, data: bytes, tag: str) -> str:
        """Replace the version that ``tag`` names; the new tag. ``Conflict`` if it is not the newest."""

    def delete(self, *keys: str) -> None:
        """Delete; that a key is absent is no error."""

    def list(self, prefix: str) -> list[str]:
        """The keys that start with ``prefix``, sorted."""

    def now(self) -> float:
        """The store's clock, in seconds since 1970: the same for all who use the store."""

    def close(self) -> None:
        """Give back files and connections. The store is not used afterwards."""
