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

    screen = call.screen
    project = call.project()
    stage = call.backend(project).stage
    held = stage.holder()
    if held and not yes:
        screen.note(f"Held by {held.describe()}.")
        if not screen.confirm(f'Release the lock of "{project.name}" on stage "{project.stage}"?', flag="--yes"):
            raise UserError("the lock was not released: not confirmed")
    broken = stage.unlock() if held else None
    if screen.as_json:
        screen.data({"unlocked": bool(broken), "holder": broken.describe() if broken else None})
    else:
        screen.done(f"unlocked; it was held by {broken.describe()}" if broken else "the lock is not held")
