"""The layers of a project: what its lock file installs, its own code, and what only a deploy knows."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..zip import deflate, read
from .image import Settings
from .layer import Layer, layer_of

__all__ = ["FOLDER", "FUNCTION", "project_layers", "settings_of"]

FOLDER = "app"
"""Where the files of a project are in its image."""
FUNCTION = "var/task"
"""Where Lambda looks for those of a function."""
USER = "10001:10001"


def project_layers(archive: Path, files: Mapping[str, bytes], cache: Path,
                   folder: str = FOLDER) -> list[Layer]:
    """Layers of the files of a bundle. Dependencies are a layer of their own, so that a change of the code neither
    makes nor sends them again. ``files`` come on top."""
    entries = [e for e in read(archive) if e.name not in files]
    listed = archive.with_name("own.json")
    own = set(json.loads(listed.read_bytes())) if listed.is_file() else {e.name for e in entries}
    parts = ([e for e in entries if e.name not in own], [e for e in entries if e.name in own],
             [deflate(n, c) for n, c in files.items()])
    return [layer_of(part, folder, cache) for part in parts if part]


def settings_of(archive: Path, *, language: str, command: Sequence[str]) -> Settings:
    """How containers of a project start."""
    place = f"/{FOLDER}"
    if language == "nodejs":
        return Settings({"NODE_ENV": "production"}, place, USER, command)
    loose = any(e.name.startswith("src/") for e in read(archive))
    return Settings({"PYTHONPATH": f"{place}:{place}/src" if loose else place, "PYTHONUNBUFFERED": "1",
                     "PYTHONDONTWRITEBYTECODE": "1"}, place, USER, command)
