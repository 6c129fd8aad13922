"""``sst remove``"""
from __future__ import annotations

import click

from ..call import Call, command


@command("remove")
@click.option("--target", multiple=True, metavar="NAME", help="Only these components, resources or stacks.")
@click.option("--yes", is_flag=True, help="Don't ask; needed without a terminal.")
def remove(call: Call, target: tuple[str, ...], yes: bool) -> None:
    """Remove all resources of a stage.

    Retained resources (removal="retain": those that hold data) stay in the cloud and in the state. A
    protected stage is refused. The program is not run, so it may be broken.
    """
    from ...engine.plan import Choice
    from ...project.run import Run
    from ...project.run import remove as run_remove
    from ..consent import agree_to_remove, names
    from ..ending import show_end
    from ..interrupt import interruptible

    screen = call.screen
    project = call.project(broken=True)
    agree = agree_to_remove(screen, project, yes=yes)
    choice = Choice(names(target)) if target else None
    with screen.result_only(), interruptible(screen) as interrupts, screen.watch() as sink:
        run = Run(interrupts.over(sink), agree, warn=screen.warn, hide=screen.hide, stop=interrupts.stop, choice=choice)
        done = run_remove(call.backend(project), run)
    show_end(screen, project, done)
