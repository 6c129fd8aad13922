"""TOML files: read once, and errors with file and line."""
from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from ..errors import UserError
from .text import text_of

__all__ = ["read_toml"]


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file; UserError with its name and line if it is broken."""
    try:
        return tomllib.loads(text_of(path))
    except tomllib.TOMLDecodeError as e:
        line = re.search(r"line (\d+)", str(e))
        raise UserError(f"{path.name} is not valid TOML: {e}", where=f"{path}:{line[1]}" if line else str(path)) from e
