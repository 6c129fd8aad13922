"""The config with which each stage was last changed, for commands that must work where ``sst_config.py`` is broken."""
from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from ..errors import SstError
from ..machine.files import cached, write_private
from .config import Config, check_config

__all__ = ["keep_config", "last_config"]

FILE = "configs.json"
"""In ``.sst``: a config for each stage, readable by its owner only."""


def keep_config(folder: Path, stage: str, config: Config) -> None:
    """Keep it in ``.sst`` (``folder``); written only if it changed."""
    kept = _read(folder)
    now = json.loads(json.dumps(asdict(config)))
    if kept.get(stage) != now:
        write_private(folder / FILE, json.dumps({**kept, stage: now}, indent=2) + "\n")


def last_config(folder: Path, stage: str) -> Config | None:
    """None if none is kept, or one that this version can't read."""
    try:
        return check_config(_read(folder)[stage])
    except (KeyError, SstError):
        return None


def _read(folder: Path) -> dict[str, object]:
    return cached(folder / FILE, dict) or {}
