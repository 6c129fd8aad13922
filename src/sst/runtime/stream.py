"""A response that is sent while it is made."""
from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

__all__ = ["Chunks", "Streamed"]


class Chunks(Protocol):
    """The parts of a body, each made when it is asked for."""

    def __iter__(self) -> Iterator[bytes]: ...
    def __next__(self) -> bytes: ...
    def close(self) -> None:
        """Nobody wants the rest: stop making it. Called once, at the end too."""


class Streamed:
    """What a handler returns to have its response sent in parts, as they are made.

        for chunk in streamed: send(chunk)      # then streamed.close(), whatever happened

    ``prelude`` is status, headers and cookies, as the front end wants them before the body:
    ``{"statusCode": 200, "headers": {...}, "cookies": [...]}``. An exception while iterating means that the rest is
    lost.
    """

    def __init__(self, prelude: dict[str, Any], chunks: Chunks) -> None:
        self.prelude = prelude
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._chunks)

    def close(self) -> None:
        self._chunks.close()
