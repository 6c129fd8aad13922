"""Unpacked packages of providers on this machine, in Terraform's layout: HOST/NAMESPACE/TYPE/VERSION/PLATFORM/."""
from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..machine.files import cached, replace_cached
from .hashes import h1_of_folder
from .lock import Locked
from .source import Source, host_platform

__all__ = ["Store"]


class Store:
    """``folders`` are looked into first: mirrors, which are never written to. ``cache`` is ours, shared by all projects
    of this user."""

    def __init__(self, cache: Path, folders: tuple[Path, ...] = ()) -> None:
        self.cache, self.folders = cache, folders

    @classmethod
    def of(cls, root: Path, environ: Mapping[str, str], mirror: str = "") -> Store:
        """The one that a project uses: ``$XDG_CACHE_HOME/sst/providers`` or ``~/.cache/sst/providers``; before it
        ``SST_PROVIDER_DIR``, the mirror that ``sst.lock`` names, and ``TF_PLUGIN_CACHE_DIR``."""
        base = environ.get("XDG_CACHE_HOME") or ""
        cache = Path(base) if Path(base).is_absolute() else Path(environ.get("HOME") or Path.home()) / ".cache"
        named = (environ.get("SST_PROVIDER_DIR"), str(root / mirror) if mirror else "",
                 environ.get("TF_PLUGIN_CACHE_DIR"))
        return cls(cache / "sst" / "providers", tuple(Path(p) for p in named if p))

    def place(self, source: Source, version: str, platform: str = "") -> Path:
        """Where a package belongs in the cache."""
        return self.cache / str(source) / version / (platform or host_platform())

    def versions_in_mirrors(self, source: Source) -> list[str]:
        """Those that mirror folders have for this platform."""
        return sorted({p.parent.name for base in self.folders
                       for p in (base / str(source)).glob(f"*/{host_platform()}") if p.is_dir()})

    def find(self, one: Locked) -> Path | None:
        """The folder of the package, if it is here; checked against the lock the first time that it is used and after
        each change of its program. Raises ``UserError`` if it is another package."""
        for folder in self._candidates(one):
            if self._program(folder) is None:
                continue
            self._check(one, folder)
            return folder
        return None

    def program(self, one: Locked) -> Path:
        """The plugin's program. Raises ``UserError`` if it is not installed."""
        folder = self.find(one)
        if folder is None:
            raise UserError(f"the provider {one} is not installed", hint="sst install", code="not-installed")
        found = self._program(folder)
        assert found
        return found

    def _candidates(self, one: Locked) -> Iterator[Path]:
        for base in (*self.folders, self.cache):
            yield base / str(one.source) / one.version / host_platform()

    def _program(self, folder: Path) -> Path | None:
        found = sorted(p for p in folder.glob("terraform-provider-*") if p.is_file())
        return found[0] if found else None

    def _check(self, one: Locked, folder: Path) -> None:
        if not one.hashes or self._hashes(folder) & set(one.hashes):
            return
        raise UserError(f"the package of {one} in {folder} is not the one that sst.lock names",
                        hint="delete the folder and run `sst install`" if folder.is_relative_to(self.cache) else
                        "put the right package there, or take it out")

    def _hashes(self, folder: Path) -> set[str]:
        """Of a package, noted until its program changes."""
        seen = _seen(self._program(folder))
        noted = _noted(self._note(folder))
        if noted.get("seen") != seen:
            noted = {"seen": seen, "hashes": [h1_of_folder(folder)]}
            self._write_note(folder, noted)
        return set(noted["hashes"])

    def remember(self, folder: Path, hashes: Iterable[str]) -> None:
        """Note what a package that was just unpacked is."""
        self._write_note(folder, {"seen": _seen(self._program(folder)), "hashes": sorted(hashes)})

    def _note(self, folder: Path) -> Path:
        return self.cache / "checked" / f"{hashlib.sha256(str(folder).encode()).hexdigest()[:24]}.json"

    def _write_note(self, folder: Path, noted: Mapping[str, object]) -> None:
        with contextlib.suppress(OSError):    # a cache that can't be written costs time, no more
            replace_cached(self._note(folder), noted)


def _seen(program: Path | None) -> list[int]:
    assert program
    stat = program.stat()
    return [stat.st_size, stat.st_mtime_ns, stat.st_ino]


def _noted(file: Path) -> dict[str, Any]:
    return cached(file, dict) or {}
