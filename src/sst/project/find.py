"""Where the project is."""
from __future__ import annotations

from pathlib import Path

from ..errors import UserError

__all__ = ["CONFIG", "find_config"]

CONFIG = "sst_config.py"


def find_config(cwd: Path, named: str | None = None) -> Path:
    """The config file: ``named`` (from ``--config``, relative to ``cwd``), else the nearest ``sst_config.py`` at or
    above ``cwd``.

    Its folder is the project's root. Raises ``UserError`` if there is none.
    """
    if named is not None:
        file = (cwd / named).resolve()
        if file.is_dir():
            file /= CONFIG
        if not file.is_file():
            raise UserError(f"there is no file {file}", where="--config", code="no-config")
        if file.suffix != ".py":
            raise UserError(f"{file.name} is not a Python file", where="--config", hint="the config ends in .py",
                            code="no-config")
        return file
    here = cwd.resolve()
    for folder in (here, *here.parents):
        if (folder / CONFIG).is_file():
            return folder / CONFIG
    old = next((f for f in ("sst.config.ts", "sst.config.py") if (here / f).is_file()), None)
    hint = "`sst init` writes one here"
    if old:
        hint = f"there is a {old}: this tool's config is called {CONFIG}; {hint}"
    raise UserError(f"no {CONFIG} in {here} or above it", hint=hint, code="no-config")
