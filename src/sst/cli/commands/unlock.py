"""``sst unlock``"""
from __future__ import annotations

import click

from ..call import Call, command


@command("unlock")
@click.option("--yes", is_flag=True, help="Don't ask; needed without a terminal.")
def unlock(call: Call, yes: bool) -> None:
    """Release the lock of a command that died.

    Rarely needed: a lock expires 60 seconds after its holder stopped. If the holder still runs, its next
    write is refused.
    """
    from ...errors import UserError
    from ...state.format import Damaged

    screen = call.screen
    project = call.project(broken=True)
    stage = call.backend(project).stage
    damage = ""
    try:
        held = stage.holder()
    except Damaged as e:
        held, damage = None, e.message
    if (held or damage) and not yes:
        screen.note(f"Held by {held.describe()}." if held else f"Nobody can tell who holds it: {damage}.")
        if not screen.confirm(f'Release the lock of "{project.name}" on stage "{project.stage}"?', flag="--yes"):
            raise UserError("the lock was not released: not confirmed", code="not-confirmed")
    broken = stage.unlock() if held or damage else None
    if screen.as_json:
        screen.data({"unlocked": bool(broken or damage), "holder": broken.describe() if broken else None})
    elif damage:
        screen.done("unlocked; the lock was damaged and has been rewritten")
    else:
        screen.done(f"unlocked; it was held by {broken.describe()}" if broken else "the lock is not held")
