"""Node functions of a session: bundled by one esbuild process, which rebuilds only what has changed."""
from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ...build.esbuild import esbuild
from ...build.node import Place, check, failure, flags, installed_folder, with_export
from ...build.source import Source
from ...errors import UserError
from ...executor import Stamp, stamp
from .outcome import complaint, made_from, write
from .service import Job, Service

__all__ = ["NodeBundle", "NodeBundler"]


@dataclass(frozen=True, slots=True)
class NodeBundle:
    folder: Path
    """With the bundle, its source map, and a link to the packages that are not in it."""
    handler: str
    files: Mapping[Path, Stamp]
    """Everything that it was made from, as it was before."""
    changed: bool
    """False if its folder held the same already, byte for byte."""
    digest: str
    """Of bundle and source map."""
    milliseconds: float

    def current(self) -> bool:
        """Whether its files are still the same."""
        return all(stamp(path) == was for path, was in self.files.items())


class NodeBundler:
    """``cache`` is the project's; ``folder`` is ours alone, inside of the project, and emptied at first.

        bundle = await bundler.bundle(source)      # UserError with file, line and column if it can't be made

    ``note`` hears of what takes long: fetching esbuild, installing packages.
    """

    def __init__(self, *, cache: Path, folder: Path, note: Callable[[str], None] = lambda text: None) -> None:
        self._cache, self._folder, self._note = cache, folder, note
        self._service: Service | None = None
        self._first = asyncio.Lock()
        self._running: dict[str, asyncio.Task[NodeBundle]] = {}
        self._jobs: dict[str, Job] = {}
        self._known: dict[str, NodeBundle] = {}

    async def bundle(self, source: Source) -> NodeBundle:
        """As the files are now. Calls for one function share a build, unless something was saved since it began.

        Raises `UserError` if it can't be made.
        """
        key = _key(source)
        if running := self._running.get(key):
            with contextlib.suppress(UserError):  # of files as they were then
                shared = await asyncio.shield(running)
                if await asyncio.to_thread(shared.current):
                    return shared
        if key not in self._running:
            task = self._running[key] = asyncio.create_task(self._bundle(source, key))
            task.add_done_callback(lambda done: self._ended(key, done))
        return await asyncio.shield(self._running[key])

    async def forget(self, source: Source) -> None:
        """Free the memory of a function that is no more. Its bundle stays in its folder, for calls that still run."""
        key = _key(source)
        if running := self._running.get(key):
            await asyncio.wait((running,))
        self._known.pop(key, None)
        if (job := self._jobs.pop(key, None)) and self._service:
            await self._service.forget(job)

    async def close(self) -> None:
        """End esbuild, and builds that run."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        if self._service:
            await self._service.close()

    def _ended(self, key: str, task: asyncio.Task[NodeBundle]) -> None:
        self._running.pop(key, None)
        if not task.cancelled():
            task.exception()  # whoever asked may be gone

    async def _bundle(self, source: Source, key: str) -> NodeBundle:
        service, start = await self._ready(), time.perf_counter()
        folder, known = self._folder / key, self._known.get(key)
        at, was = await asyncio.to_thread(self._before, source, folder, known)
        job = Job(str(at.file), (*flags(source, at, folder)[1:], "--log-level=silent", "--metafile"), str(at.base))
        before = self._jobs.get(key, job)
        self._jobs[key] = job
        if before != job:  # the handler's file has another suffix, say
            await service.forget(before)
        began = time.time_ns()
        try:
            made = await service.build(job)
        except OSError as error:  # an option that esbuild doesn't know; its end, twice
            raise failure(source, f"  {error}") from error
        if errors := made.get("errors"):
            raise failure(source, complaint(errors))
        metafile = await asyncio.to_thread(json.loads, made["metafile"])
        outputs = [{**o, "contents": with_export(o["contents"], metafile, at.attribute)}
                   if o["path"].endswith("bundle.mjs") else o for o in made["outputFiles"]]
        changed = await asyncio.to_thread(write, outputs)
        files = await asyncio.to_thread(made_from, made["metafile"], at.base, was, began)
        digest = hashlib.sha256("".join(sorted(o["hash"] for o in outputs)).encode()).hexdigest()
        took = (time.perf_counter() - start) * 1000
        bundle = self._known[key] = NodeBundle(folder, f"bundle.{at.attribute}", files, changed, digest, took)
        return bundle

    async def _ready(self) -> Service:
        async with self._first:
            if self._service is None:
                program = await asyncio.to_thread(esbuild, self._note)
                await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
                self._service = Service(program, at_once=max(2, os.cpu_count() or 1))
            return self._service

    def _before(self, source: Source, folder: Path, known: NodeBundle | None) -> tuple[Place, dict[Path, Stamp]]:
        """Where the handler is, and how the files are that were read last time. Packages that stay outside of the
        bundle are put beside it: as they are deployed, or as the project has them."""
        at = check(source)
        folder.mkdir(parents=True, exist_ok=True)
        link = folder / "node_modules"
        near = (f / "node_modules" for f in (at.file.parent, *at.file.parent.parents) if f.is_relative_to(at.base))
        wanted = installed_folder(source, at, cache=self._cache,
                                  note=self._note) or next((n for n in near if n.is_dir()), None)
        if wanted is None or not link.is_symlink() or link.readlink() != wanted:
            link.unlink(missing_ok=True)
            if wanted:
                link.symlink_to(wanted)
        return at, {path: stamp(path) for path in known.files} if known else {}


def _key(source: Source) -> str:
    return hashlib.sha256(json.dumps(source.to_dict(), sort_keys=True, default=str).encode()).hexdigest()[:16]
