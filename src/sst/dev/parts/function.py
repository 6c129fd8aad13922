"""Functions that run from their source: which ones there are, and how their calls get here."""
from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ...build.source import Source
from ...core.dev_parts import Bridge, LiveFunction
from ...core.graph import Graph
from ...core.model import Snapshot
from ...core.output import resolve
from ...core.target import Lease
from ...errors import SstError
from ...project.shell import NotThere, look_in
from ..runnable import RunnableFunction
from . import Deployed, Part, declared_parts

if TYPE_CHECKING:
    from ..functions import Functions

__all__ = ["CallSource", "FunctionPart", "runnable_functions"]

_ATTACH_SECONDS = 1.0


class CallSource(Protocol):
    """Where calls come from: the embedded cloud, or the bridge to an AWS stage."""

    def lease(self) -> Lease | None:
        """How functions deployed now find this session; None if they need not look for it."""

    async def prepare(self) -> None:
        """Before the first deploy."""

    async def attach(self, bridges: Collection[Bridge]) -> None:
        """Have calls come to us, again if the connection was lost. Raises `SstError`."""

    async def functions_changed(self) -> None: ...
    async def close(self) -> None: ...


class FunctionPart(Part):
    """``busy`` says whether a deploy runs: then nothing is attached again. ``tell`` reports an error."""

    def __init__(self, functions: Functions, source: CallSource, *, root: Path, busy: Callable[[], bool],
                 tell: Callable[[Exception], None]) -> None:
        self.functions, self._source, self._root = functions, source, root
        self._busy, self._tell = busy, tell
        self._bridges: tuple[Bridge, ...] | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()

    @property
    def folders(self) -> Collection[Path]:
        return self.functions.roots

    @property
    def program_files(self) -> Collection[Path]:
        return self.functions.declared

    async def start(self) -> None:
        await self.functions.start()
        await self._source.prepare()

    async def resume(self, deployed: Deployed) -> None:
        if deployed.snapshot.resources:
            await self.use(deployed)

    async def use(self, deployed: Deployed) -> None:
        async with self._lock:
            found = runnable_functions(deployed.graph, deployed.snapshot, self._root)
            await self.functions.use(found)
            self._bridges = tuple({f.bridge: None for f in found.values() if f.bridge})
            await self._source.attach(self._bridges)
            await self._source.functions_changed()
        self._keeping = self._keeping or asyncio.create_task(self._keep_attached())

    async def changed(self, paths: Collection[str]) -> None:
        await self.functions.changed(paths)

    async def close(self) -> None:
        if self._keeping:
            self._keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeping
        await self._source.close()
        await self.functions.close()

    async def _keep_attached(self) -> None:
        """The cloud may be restarted, the connection may be lost."""
        pause = _ATTACH_SECONDS
        while True:
            await asyncio.sleep(pause)
            if self._bridges is None or self._busy():
                continue
            try:
                async with self._lock:
                    await self._source.attach(self._bridges)
                pause = _ATTACH_SECONDS
            except SstError as error:  # reported less and less often
                pause = min(2 * pause, 60)
                self._tell(error)


def runnable_functions(graph: Graph, snapshot: Snapshot, root: Path) -> dict[str, RunnableFunction]:
    """The live functions of a program that are deployed, by their id."""
    found: dict[str, RunnableFunction] = {}
    for part in declared_parts(graph, LiveFunction):
        with contextlib.suppress(NotThere):
            function = _runnable(part, snapshot, root)
            found[function.id] = function
    return found


def _runnable(part: LiveFunction, snapshot: Snapshot, root: Path) -> RunnableFunction:
    look = look_in(snapshot)
    known = {f.name: resolve(getattr(part, f.name), look) for f in fields(part) if f.name != "bridge"}
    logging: Mapping[str, str] = known["logging"] or {}
    at = part.bridge
    return RunnableFunction(
        id=str(known["id"]), name=str(known["name"]), title=part.title,
        source=Source.from_dict({**known["source"], "root": str(root), "host": True}),
        timeout=float(known["timeout"]), memory=int(known["memory"]),
        log_group=logging.get("group", ""), log_format=logging.get("format", "Text"),
        bridge=at and Bridge(*(str(resolve(v, look)) for v in (at.http, at.realtime, at.channel))))
