"""Tells which files changed. One native watcher, on the folders that matter and no others: dependencies and caches are
not watched."""
from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path

from watchfiles import Change, awatch
from watchfiles._rust_notify import WatchfilesRustInternalError

__all__ = ["Watch", "folders"]

_SKIPPED = frozenset({"node_modules", "__pycache__", "site-packages", "cdk.out", "bower_components"})
_STEP, _DEBOUNCE = 10, 100
"""Milliseconds: of quiet before a change is told, and at most so long in a burst of changes."""
_POLL = 500
_NOISE = ("~", ".swp", ".swx", ".pyc", ".pyo", "4913")
"""How names end that editors and Python make for a moment."""


def folders(roots: Iterable[Path]) -> Iterator[Path]:
    """The roots and all folders in them, without hidden ones, virtual environments, dependencies."""
    seen = set[Path]()
    todo = [r.resolve() for r in roots]
    while todo:
        folder = todo.pop()
        if folder in seen:
            continue
        seen.add(folder)
        try:
            with os.scandir(folder) as found:
                entries = list(found)
        except OSError:  # gone meanwhile, or not ours
            continue
        if any(e.name == "pyvenv.cfg" for e in entries):
            continue
        yield folder
        todo += [Path(e.path) for e in entries if not _skipped(e.name) and e.is_dir(follow_symlinks=False)]


class Watch:
    """Iterate over sets of paths that changed, were made or deleted. ``look_at`` changes the roots while it runs.

    An empty set says that it began anew: a change may have been missed meanwhile.
    """

    def __init__(self, roots: Iterable[Path], *, say: Callable[[str], None] = lambda text: None) -> None:
        self._roots, self._say, self._polls = frozenset(roots), say, False
        self._anew = asyncio.Event()
        self._ended = False

    def look_at(self, roots: Iterable[Path]) -> None:
        if self._roots != (now := frozenset(roots)):
            self._roots = now
            self._anew.set()

    def stop(self) -> None:
        self._ended = True
        self._anew.set()

    async def __aiter__(self) -> AsyncIterator[set[str]]:
        while not self._ended:
            self._anew = asyncio.Event()
            watched = [str(f) for f in folders(self._roots)]
            if not watched:
                await self._anew.wait()
                continue
            yield set()
            try:
                async for changes in awatch(*watched, watch_filter=_counts, step=_STEP, debounce=_DEBOUNCE,
                                            recursive=False,
                                            poll_delay_ms=_POLL, stop_event=self._anew, force_polling=self._polls):
                    paths = {path for _, path in changes}
                    new = {path for change, path in changes if change is Change.added and Path(path).is_dir()}
                    # what was in it before we watched it
                    paths |= {str(f) for folder in new for f in _files(Path(folder))}
                    yield paths
                    if new:
                        break  # begin again, with the new folders
            except FileNotFoundError:  # a folder went away before it was watched
                continue
            except (OSError, WatchfilesRustInternalError) as error:
                if self._polls:
                    raise
                self._say(f"this machine can't watch {len(watched)} folders ({error}): looking at them every "
                          f"{_POLL / 1000:g} s instead")
                self._polls = True


def _files(folder: Path) -> Iterator[Path]:
    for inner in folders([folder]):
        try:
            yield from (Path(e.path) for e in os.scandir(inner) if e.is_file())
        except OSError:
            continue


def _counts(change: Change, path: str) -> bool:
    name = path.rpartition("/")[2]
    return not name.endswith(_NOISE) and (not _skipped(name) or name.startswith(".env"))


def _skipped(name: str) -> bool:
    return name in _SKIPPED or name.startswith(".")
