"""TOML files: read once, and errors with file and line."""
from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from ..errors import UserError
from .text import text_of

__all__ = ["read_toml"]

_TABLES = ("project.optional-dependencies", "build-system", "dependency-groups", "packages", "dev-packages",
           "tool.poetry.dependencies", "tool.poetry.extras", "tool.poetry.group.*.dependencies", "tool.uv.sources",
           "tool.uv.workspace", "tool.pdm.dev-dependencies", "tool.setuptools", "tool.hatch")
"""Tables of a pyproject.toml or Pipfile; those above them are tables too."""


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file; UserError with its name and line if it is broken, or if one of the tables we read is none."""
    try:
        data = tomllib.loads(text_of(path))
    except tomllib.TOMLDecodeError as e:
        line = re.search(r"line (\d+)", str(e))
        raise UserError(f"{path.name} is not valid TOML: {e}", where=f"{path}:{line[1]}" if line else str(path)) from e
    if path.name in ("pyproject.toml", "Pipfile"):
        for keys in _TABLES:
            _check(path, data, keys.split("."), "")
    return data


def _check(path: Path, data: dict[str, Any], keys: list[str], above: str) -> None:
    """``*`` stands for each key of a table."""
    for key in sorted(data) if keys[0] == "*" else [keys[0]] if keys[0] in data else []:
        if not isinstance(data[key], dict):
            raise UserError(f"{path.name}: {above}{key} has to be a table", where=str(path),
                            hint=f"it is {json.dumps(data[key], default=str)[:80]}")
        if keys[1:]:
            _check(path, data[key], keys[1:], f"{above}{key}.")
