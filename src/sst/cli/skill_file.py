"""SKILL.md: what a coding agent needs to know of sst, made from the commands and the manual."""
from __future__ import annotations

from pathlib import Path

import sst

from .manual import pages
from .root import COMMANDS

__all__ = ["skill_file"]


def skill_file() -> str:
    commands = "\n".join(f"- `sst {name}`: {line}" for name, line in COMMANDS.items())
    listed = "\n".join(f"- `{page.name}`: {page.title}" for page in pages() if not page.name.startswith("cli/"))
    text = Path(__file__).with_name("skill.md").read_text(encoding="utf-8")
    for name, value in (("version", sst.__version__), ("commands", commands), ("pages", listed)):
        text = text.replace(f"{{{name}}}", value)
    return text
