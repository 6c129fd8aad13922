"""Files that a deploy depends on although the program does not import them: a save of one deploys again."""
from __future__ import annotations

from collections.abc import Callable, Collection
from fnmatch import fnmatchcase
from pathlib import Path

from ...clouds.local.folders import fingerprint
from ...core.dev_parts import WatchedFiles
from . import Deployed, Part, declared_parts

__all__ = ["FilesPart"]


class FilesPart(Part):
    """``deploy`` asks for a deploy. Files are compared by their contents, so a save that changes nothing asks for
    none."""

    def __init__(self, root: Path, deploy: Callable[[], None]) -> None:
        self._root, self._deploy = root, deploy
        self._patterns: tuple[str, ...] = ()
        self._seen = ""

    async def resume(self, deployed: Deployed) -> None:
        self._note(deployed)

    async def use(self, deployed: Deployed) -> None:
        if self._declared(deployed) != self._patterns:
            self._note(deployed)

    async def changed(self, paths: Collection[str]) -> None:
        names = {path.rpartition("/")[2] for path in paths}
        last = {pattern.rpartition("/")[2] for pattern in self._patterns}
        if any(fnmatchcase(name, pattern) for name in names for pattern in last) and self._now() != self._seen:
            self._seen = self._now()
            self._deploy()

    def _note(self, deployed: Deployed) -> None:
        self._patterns = self._declared(deployed)
        self._seen = self._now()

    def _declared(self, deployed: Deployed) -> tuple[str, ...]:
        found = {p for part in declared_parts(deployed.graph, WatchedFiles) for p in part.patterns}
        return tuple(sorted(found))

    def _now(self) -> str:
        return fingerprint(self._root, self._patterns, None) if self._patterns else ""
