"""The files of a project as one command sees them: each folder is walked once, each content is hashed once.

    files = ProjectFiles(cache=Path(".sst/cache"))
    files.digest("/app/src/api.py")      # SHA-256 of its content; read only if it changed since the last command
    files.save()
"""
from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Callable, Hashable, Iterable
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from ..core.graph import Graph
from ..machine.files import cached, open_regular, replace_cached
from .files import File

__all__ = ["ProjectFiles", "Stamp"]

T = TypeVar("T")
Stamp: TypeAlias = tuple[int, int, int, int]
"""Times of content and of attributes (nanoseconds), size, inode."""
_SETTLED = 2.0
"""Seconds after which a file's times can be trusted: a second write within one tick of its clock would not show."""
_MOST = 200_000
"""Files that are remembered."""


class ProjectFiles:
    """What is asked for twice is answered as it was the first time. One command uses one; it is not for several
    threads at once.

    With ``cache``, what is known of files whose stamp is unchanged comes from the last command.
    """

    def __init__(self, cache: Path | None = None) -> None:
        self._cache = cache
        self._kept: dict[str, dict[str, Any]] = {}
        self._new: dict[str, dict[str, Any]] = {}
        self._stats: dict[str, os.stat_result | None] = {}
        self._digests: dict[str, str] = {}
        self._folders: dict[str, str] = {}
        self._memo: dict[Hashable, Any] = {}

    @classmethod
    def of(cls, graph: Graph) -> ProjectFiles:
        """Those of the command that runs the program of this graph."""
        return graph.context.once(cls, lambda: cls(Path(graph.root or ".") / ".sst" / "cache"))

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What ``make`` returned when it was first called for this key."""
        if key not in self._memo:
            self._memo[key] = make()
        found: T = self._memo[key]
        return found

    def stat(self, path: str) -> os.stat_result | None:
        """Of what a link leads to. None if there is nothing."""
        if path not in self._stats:
            try:
                self._stats[path] = os.stat(path)  # noqa: PTH116  # a bundle may have 20,000 files
            except (OSError, ValueError):
                self._stats[path] = None
        return self._stats[path]

    def stamp(self, path: str) -> Stamp | None:
        found = self.stat(path)
        return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino) if found else None

    def digest(self, path: str) -> str:
        """SHA-256 of a file's content, hex; "" if it is no readable file."""
        if path in self._digests:
            return self._digests[path]
        found, at = self.stat(path), self.stamp(path)
        digest = ""
        if found and at and stat.S_ISREG(found.st_mode):
            known = self._remembered("digests").get(path)
            if known and tuple(known[:4]) == at:
                digest = known[4]
            else:
                digest = _digest(path)
                if digest and time.time() - max(at[0], at[1]) / 1e9 > _SETTLED:
                    self._note("digests", path, [*at, digest])
        self._digests[path] = digest
        return digest

    def marks(self, found: Iterable[File]) -> list[str]:
        """Name, digest and executable bit of each file that a walk found; of what is gone, no digest."""
        known, marks = self._remembered("digests"), []
        for f in found:
            was = known.get(f.place)
            if was and tuple(was[:4]) == f.stamp:
                digest = self._digests[f.place] = was[4]
            else:
                digest = self.digest(f.place)
            marks.append(f"{f.name}\0{digest}{f.executable}")
        return marks

    def folder(self, path: str, counts: Callable[[str], bool]) -> str:
        """A hash of where a folder really is and of the names in it that count, with the targets of links; "" if there
        is no such folder."""
        if path not in self._folders:
            self._folders[path] = _listing(path, counts)
        return self._folders[path]

    def derived(self, kind: str, path: str, make: Callable[[bytes], Any]) -> Any:
        """What ``make`` finds in a file's content: JSON, kept by the content's digest. None if the file can't be
        read."""
        digest = self.digest(path)
        if not digest:
            return None
        known = self._remembered(kind)
        if digest not in known:
            try:
                known[digest] = make(Path(path).read_bytes())
            except OSError:
                return None
            self._note(kind, digest, known[digest])
        return known[digest]

    def save(self) -> None:
        """Remember it for the next command."""
        for kind, new in self._new.items():
            if self._cache:
                kept = {**self._remembered(kind), **new}
                self._kept[kind] = kept if len(kept) <= _MOST else new
                replace_cached(self._cache / f"{kind}.json", self._kept[kind])
        self._new = {}

    def _note(self, kind: str, key: str, value: Any) -> None:
        self._new.setdefault(kind, {})[key] = value

    def _remembered(self, kind: str) -> dict[str, Any]:
        if kind not in self._kept:
            self._kept[kind] = {}
            if self._cache:
                self._kept[kind] = cached(self._cache / f"{kind}.json", dict) or {}
        return self._kept[kind]


def _digest(path: str) -> str:
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _listing(path: str, counts: Callable[[str], bool]) -> str:
    try:
        with os.scandir(path) as entries:
            names = sorted(f"{e.name}>{os.readlink(e.path)}" if e.is_symlink() else e.name  # noqa: PTH115
                           for e in entries if counts(e.name))
    except OSError:
        return ""
    return hashlib.sha256("\0".join([os.path.realpath(path), *names]).encode("utf-8", "surrogateescape")).hexdigest()
