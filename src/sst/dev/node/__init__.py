"""Node functions of a session: bundled by one esbuild process, which rebuilds only what has changed."""
from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...build.esbuild import esbuild
from ...build.node import Place, check, flags, installed_folder
from ...build.source import Source
from ...embedded.executor import Stamp, stamp
from ...errors import UserError
from .service import Service

__all__ = ["NodeBundle", "NodeBundler"]


@dataclass(frozen=True, slots=True)
class NodeBundle:
    folder: Path
    """With the bundle, its source map, and a link to the packages that are not in it."""
    handler: str
    files: Mapping[Path, Stamp]
    """Everything that it was made from, as it was before."""
    changed: bool
    """False if it is the same as the one before, byte for byte."""


class NodeBundler:
    """``cache`` is the project's, ``folder`` ours alone and inside of the project.

        bundle = await bundler.bundle(source)      # UserError with file, line and column if it can't be made
    """

    def __init__(self, *, cache: Path, folder: Path, note: Callable[[str], None] = lambda text: None) -> None:
        self._cache, self._folder, self._note = cache, folder, note
        self._service: Service | None = None
        self._first = asyncio.Lock()
        self._numbers = itertools.count(1)
        self._contexts: dict[str, int] = {}
        self._running: dict[str, asyncio.Task[NodeBundle]] = {}
        self._known: dict[str, NodeBundle] = {}

    async def bundle(self, source: Source) -> NodeBundle:
        """As the files are now. Two calls at once for one function share a build."""
        key = _key(source)
        if key not in self._running:
            self._running[key] = asyncio.create_task(self._bundle(source, key))
            self._running[key].add_done_callback(lambda task: self._running.pop(key, None))
        return await asyncio.shield(self._running[key])

    async def close(self) -> None:
        for task in list(self._running.values()):
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)
        if self._service:
            await self._service.close()

    async def _bundle(self, source: Source, key: str) -> NodeBundle:
        at = await asyncio.to_thread(check, source)
        async with self._first:
            self._service = self._service or Service(await asyncio.to_thread(esbuild, self._cache, self._note))
        folder = self._folder / key
        await asyncio.to_thread(self._furnish, source, at, folder)
        before = _outputs(folder)
        was = {path: stamp(path) for path in self._known[key].files} if key in self._known else {}
        began = time.time_ns()
        wanted = [f for f in flags(source, at, folder)[1:] if not f.startswith("--log-level")]
        context = self._contexts.setdefault(key, next(self._numbers))
        made = await self._service.build(context, str(at.file), [*wanted, "--log-level=silent", "--metafile"], at.base)
        if errors := made.get("errors"):
            raise UserError(f"Could not bundle {source.handler}\n" + "\n".join(_lines(errors[:5])))
        read = {*(at.base / name for name in json.loads(made["metafile"])["inputs"]), *_about(at)}
        files = {path: was.get(path) or _unless_new(path, began) for path in read}
        bundle = NodeBundle(folder, f"bundle.{at.attribute}", files, _outputs(folder) != before)
        self._known[key] = bundle
        return bundle

    def _furnish(self, source: Source, at: Place, folder: Path) -> None:
        """Packages that stay outside of the bundle are found as they are deployed, or as the project has them."""
        folder.mkdir(parents=True, exist_ok=True)
        link = folder / "node_modules"
        near = (f / "node_modules" for f in (at.file.parent, *at.file.parent.parents) if f.is_relative_to(at.base))
        wanted = installed_folder(source, at, cache=self._cache, note=self._note) or next((n for n in near if n.is_dir()), None)
        if wanted is None:
            link.unlink(missing_ok=True)
        elif not link.is_symlink() or link.readlink() != wanted:
            link.unlink(missing_ok=True)
            link.symlink_to(wanted)


def _key(source: Source) -> str:
    return hashlib.sha256(json.dumps(source.to_dict(), sort_keys=True, default=str).encode()).hexdigest()[:16]


def _outputs(folder: Path) -> dict[str, bytes]:
    return {f.name: hashlib.sha256(f.read_bytes()).digest() for f in folder.iterdir() if f.suffix != ".map" and f.is_file()} \
        if folder.is_dir() else {}


def _unless_new(path: Path, began: int) -> Stamp:
    """Of a file that was saved after the build began nobody knows which content was read."""
    found = stamp(path)
    return found if found[0] < began else (0, 0)


def _about(at: Place) -> Iterator[Path]:
    """Files that decide how others are read."""
    if at.package:
        yield at.package
    for folder in (at.file.parent, *at.file.parent.parents):
        if folder.is_relative_to(at.base) and (folder / "tsconfig.json").is_file():
            yield folder / "tsconfig.json"


def _lines(errors: list[dict[str, Any]]) -> Iterator[str]:
    for error in errors:
        where = error.get("location")
        place = f"{where['file']}:{where['line']}:{where['column'] + 1}: " if where else ""
        yield f"  {place}{error['text']}"
        if where and where.get("lineText"):
            yield f"    {where['lineText'].strip()}"
