"""How deploy, remove and refresh end on the screen."""
from __future__ import annotations

from typing import TYPE_CHECKING

from .ui.progress import summary
from .ui.screen import Screen

if TYPE_CHECKING:
    from ..project.project import Project
    from ..project.run import Done

__all__ = ["show_end"]


def show_end(screen: Screen, project: Project, done: Done) -> None:
    """One line of what was done, then the outputs. Raises ``DeployError`` for failed steps, ``KeyboardInterrupt`` after
    Ctrl-C."""
    result = done.result
    result.check()
    what = summary(result.done, len(result.failures), result.skipped)
    if result.interrupted:
        screen.warn(f"interrupted: {what}. Run it again to continue")
        raise KeyboardInterrupt
    screen.done(f"{screen.paint(f'{project.name}/{project.stage}', 'bold')}: {what}")
    if done.outputs:
        screen.outputs(done.outputs)
