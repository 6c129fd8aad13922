"""``sst rotate``"""
from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..call import Call, command

if TYPE_CHECKING:
    from ...engine.plan import Plan
    from ...project.project import Project


@command("rotate")
@click.argument("name")
@click.option("--keep-former", is_flag=True, help="Let a cache go on taking the former password, until the next "
                                                  "rotation.")
def rotate(call: Call, name: str, keep_former: bool) -> None:
    """Give a database or cache a new password.

    NAME is a component whose password was generated: Postgres, Mysql, Aurora or Redis. A new one is
    generated, the server is changed, and then everything that is linked to it, by a deploy of the
    program. The password is never shown. If the command is cut off, `sst deploy` completes it.
    """
    from ...project.rotate import rotate as run_rotate
    from ...project.run import Run
    from ..ending import show_end
    from ..interrupt import interruptible

    screen, project = call.screen, call.project()
    _refuse_session(project)
    with screen.result_only(), interruptible(screen) as interrupts, screen.watch() as sink:
        run = Run(interrupts.over(sink), _agree, warn=screen.warn, hide=screen.hide, stop=interrupts.stop)
        done = run_rotate(call.backend(project), run, name, keep_former=keep_former, note=screen.note)
    show_end(screen, project, done)


def _refuse_session(project: Project) -> None:
    """A session has another program: with servers of the developer's, and functions that run from their source."""
    from ...dev.control import find
    from ...errors import UserError

    if find(project.root / ".sst" / "dev" / project.stage) is not None:
        raise UserError(f'`sst dev` runs for stage "{project.stage}"', hint="end it, rotate, and start it again",
                        code="already-running")


def _agree(plan: Plan) -> None:
    from ...errors import UserError

    if lost := [s.name for s in plan.needs_consent]:
        raise UserError(f"the program has changes that would lose data ({', '.join(lost)}): nothing was changed",
                        hint="run `sst deploy` first, which asks", code="data-loss")
