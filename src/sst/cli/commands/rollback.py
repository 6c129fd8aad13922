"""``sst rollback``"""
from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ..call import Call, command

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...engine.plan import Plan
    from ...project.project import Project
    from ..ui.screen import Screen


@command("rollback")
@click.argument("version", type=click.IntRange(min=0), required=False, metavar="[N]")
@click.option("--allow-destroy", multiple=True, metavar="NAME", help="Allow deleting this resource with its data.")
@click.option("--yes", is_flag=True, help="Don't ask; needed without a terminal.")
def rollback(call: Call, version: int | None, allow_destroy: tuple[str, ...], yes: bool) -> None:
    """Deploy an earlier version of the state.

    N is a version number from `sst state history`; the default is the version before the last deploy.
    Restores the resources of that version, functions with their code. Resources that hold data and
    protected resources are not changed. The program is not run; the next `sst deploy` applies it again.
    """
    from contextlib import ExitStack

    from ...project.rollback import rollback as run_rollback
    from ...project.run import Run
    from ..consent import names
    from ..ending import show_end
    from ..interrupt import interruptible
    from ..lazily import lazily

    screen, project = call.screen, call.project()
    with ExitStack() as stack, screen.result_only(), interruptible(screen) as interrupts:
        sink = interrupts.over(lazily(screen, stack))
        run = Run(sink, _agree(screen, project, names(allow_destroy), yes), warn=screen.warn, hide=screen.hide,
                  stop=interrupts.stop)
        done = run_rollback(call.backend(project), run, to=version)
    show_end(screen, project, done)


def _agree(screen: Screen, project: Project, allow: tuple[str, ...], yes: bool) -> Callable[[Plan], None]:
    from ...errors import UserError
    from ..consent import agree_to_deploy
    from ..ui.plan import show_plan

    lose = agree_to_deploy(screen, project, allow=allow, yes=yes)

    def agree(plan: Plan) -> None:
        if plan.changes and not yes:
            show_plan(screen, plan, f"{project.name}/{project.stage}")
            screen.out.flush()
            if not screen.confirm("Roll back?", flag="--yes"):
                raise UserError("nothing was changed: not confirmed", code="not-confirmed")
        lose(plan)
    return agree
