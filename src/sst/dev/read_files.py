"""Which files each function was made from, and whether they are still the same."""
from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..executor import Stamp, stamp

__all__ = ["ReadFiles"]


class ReadFiles:
    """Exact, for workers tell themselves what they read. A function with no entry has read nothing yet."""

    def __init__(self) -> None:
        self._files: dict[str, dict[str, Stamp]] = {}

    def note(self, function: str, files: Mapping[str, Stamp]) -> None:
        known = self._files.setdefault(function, {})
        for path, found in files.items():
            known.setdefault(path, found)  # what was read first is what is in memory

    def forget(self, function: str) -> bool:
        """Whether anything was known."""
        return self._files.pop(function, None) is not None

    def stale(self, function: str) -> str:
        """A file that is no longer what the function read, or "". One that was not there has the stamp `GONE`."""
        return next((path for path, was in self._files.get(function, {}).items() if stamp(path) != was), "")

    def touched(self, paths: Iterable[str]) -> dict[str, list[str]]:
        """The functions that have read one of these and would read something else now, with the files."""
        changed = {path: stamp(path) for path in paths}
        found: dict[str, list[str]] = {}
        for function, files in self._files.items():
            if mine := [p for p, now in changed.items() if p in files and files[p] != now]:
                found[function] = mine
        return found
