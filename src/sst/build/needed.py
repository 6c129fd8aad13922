"""Which artefacts the kept versions of a stage's state need, so that the cache is not tidied of what a rollback would
deploy.

    remember(cache, "prod", 7, ["3f2a..."])
    needed(cache)      # {"3f2a..."}
"""
from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ..machine.files import cached, replace_cached

__all__ = ["needed", "remember"]

VERSIONS = 50
"""As many as the state keeps."""


def remember(cache: Path, stage: str, serial: int, fingerprints: Collection[str]) -> None:
    """Note what one version of a stage's state needs; those of the last 50 versions are kept."""
    file = cache / "needed" / f"{stage}.json"
    was = _read(file)
    now = {**was, str(serial): sorted(fingerprints)}
    newest = sorted(now, key=int)[-VERSIONS:]
    if (kept := {k: now[k] for k in newest}) != was:
        replace_cached(file, kept)


def needed(cache: Path) -> frozenset[str]:
    """The fingerprints that any stage needs on this machine."""
    folder = cache / "needed"
    files = folder.glob("*.json") if folder.is_dir() else ()
    return frozenset(f for file in files for some in _read(file).values() for f in some)


def _read(file: Path) -> dict[str, list[str]]:
    known = cached(file, lambda found: {str(int(k)): [str(f) for f in v] for k, v in found.items()})
    return known or {}  # what is unknown may be tidied
