"""What a user may do in a session, from the terminal that runs it or from another one."""
from __future__ import annotations

from typing import Protocol

__all__ = ["Actions"]


class Actions(Protocol):
    """All return at once; what comes of it is an event."""

    def deploy(self) -> None:
        """Deploy again, though nothing has changed."""

    def confirm(self) -> None:
        """Yes to what the last deploy asked."""

    def restart(self, function: str) -> None:
        """End the workers of a function, by its title."""

    def replay(self, number: int, event: str | None = None) -> None:
        """Call a function again with the event of that call, or with another one."""
