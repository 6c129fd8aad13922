"""The dependencies in a setup.cfg that has no setup.py beside it, which uv does not read."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import UserError
from .text import text_of

__all__ = ["read_setup_cfg"]


def read_setup_cfg(path: Path) -> dict[str, Any]:
    """``install_requires`` and ``extras_require`` as the `project` table of a pyproject.toml has them."""
    import configparser

    config = configparser.ConfigParser(interpolation=None)
    try:
        config.read_string(text_of(path))
    except configparser.Error as e:
        raise UserError(f"{path.name} can't be read: {e}", where=str(path)) from e
    needed = list(_lines(config.get("options", "install_requires", fallback=""), path.parent))
    extras = {name: list(_lines(value, path.parent)) for name, value in
              (config.items("options.extras_require") if config.has_section("options.extras_require") else ())}
    return {"project": {"dependencies": needed, "optional-dependencies": extras}}


def _lines(value: str, folder: Path) -> Iterator[str]:
    """One requirement a line or, behind ``file:``, those of files."""
    if value.strip().startswith("file:"):
        for name in value.strip().removeprefix("file:").split(","):
            if not (file := folder / name.strip()).is_file():
                raise UserError(f"setup.cfg names {name.strip()}, which does not exist",
                                where=str(folder / "setup.cfg"))
            yield from _lines(text_of(file), folder)
        return
    for part in value.replace(";\n", "\n").splitlines():
        if (line := part.partition(" #")[0].strip()) and not line.startswith("#"):
            yield line
