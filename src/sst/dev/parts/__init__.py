"""What runs in a session beside the deploys. One file for each kind of `core.dev_parts.DevPart`:

    function.py   functions run from their source        process.py   commands of the developer's machine
    files.py      files whose change needs a deploy      tunnel.py    the way into networks, on AWS stages
"""
from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ...core.graph import Graph
from ...core.model import Snapshot

__all__ = ["Deployed", "Part", "declared_parts"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Deployed:
    """What there is after a deploy; ``graph`` is the program as it was declared. ``good``: every step succeeded."""

    graph: Graph
    snapshot: Snapshot
    good: bool


class Part:
    """Keeps what runs as the program wants it. Everything happens in the session's event loop."""

    @property
    def folders(self) -> Collection[Path]:
        """Folders to watch, besides the project's."""
        return ()

    @property
    def program_files(self) -> Collection[Path]:
        """Files whose change needs a deploy."""
        return ()

    async def start(self) -> None:
        """Called once, before anything else."""

    async def resume(self, deployed: Deployed) -> None:
        """The program is declared and its first deploy begins; ``deployed`` is what an earlier session left."""

    async def use(self, deployed: Deployed) -> None:
        """Start what is new, restart what has changed, end what is gone. Called after each deploy."""

    async def changed(self, paths: Collection[str]) -> None:
        """Files were saved, created or deleted."""

    async def close(self) -> None:
        """End everything."""


def declared_parts(graph: Graph, kind: type[T]) -> Iterator[T]:
    """What the components of a program add, of one kind."""
    with graph.active():
        for component in graph.components.values():
            yield from (part for part in component.dev_parts() if isinstance(part, kind))
