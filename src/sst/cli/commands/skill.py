"""``sst skill``"""
from __future__ import annotations

from pathlib import Path

import click

from ..call import Call, command


@command("skill")
@click.option("--write", metavar="FOLDER", help="Write SKILL.md there: .claude/skills/sst, .agents/skills/sst.")
@click.option("--check", metavar="FOLDER", help="Exit with 1 if the SKILL.md there is of another version.")
def skill(call: Call, write: str | None, check: str | None) -> None:
    """Print a skill file for coding agents: how to work with sst.

    It is made from this version's commands and manual.
    """
    from ...errors import UserError
    from ..skill_file import skill_file

    text, screen = skill_file(), call.screen
    if check:
        file = Path(call.cwd, check, "SKILL.md")
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            raise UserError(f"{check}/SKILL.md is not that of this version", hint=f"sst skill --write {check}")
        return
    if not write:
        screen.out.write(text)
        return
    file = Path(call.cwd, write, "SKILL.md")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    screen.done(f"{write}/SKILL.md is written")
