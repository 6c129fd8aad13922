"""``sst deploy``"""
from __future__ import annotations

import click

from ..call import Call, command


@command("deploy")
@click.option("--target", multiple=True, metavar="NAME", help="Only these components, resources or stacks, and what they use.")
@click.option("--exclude", multiple=True, metavar="NAME", help="All but these, and what uses them.")
@click.option("--allow-destroy", multiple=True, metavar="NAME", help="Agree that this one is deleted with its data.")
@click.option("--new-stage", is_flag=True, help="Agree to the first deploy of a protected stage.")
@click.option("--yes", is_flag=True, help="On stage local, agree to the loss of data.")
def deploy(call: Call, target: tuple[str, ...], exclude: tuple[str, ...], allow_destroy: tuple[str, ...], new_stage: bool,
           yes: bool) -> None:
    """Make the cloud what sst_config.py declares.

    Creates, updates and deletes what differs, in parallel; an unchanged app is left alone without a call. Run it again after a failure or
    an interruption: it goes on where it stopped. Things that hold data are not deleted before you agree.
    """
    from ...engine.plan import Choice
    from ...project.run import Run
    from ...project.run import deploy as run_deploy
    from ..consent import agree_to_deploy, names
    from ..ending import show_end
    from ..interrupt import interruptible

    screen = call.screen
    project = call.project()
    agree = agree_to_deploy(screen, project, allow=names(allow_destroy), yes=yes)
    choice = Choice(names(target), names(exclude)) if target or exclude else None
    with screen.result_only(), interruptible(screen) as interrupts, screen.watch() as sink:
        run = Run(interrupts.over(sink), agree, warn=screen.warn, hide=screen.hide, stop=interrupts.stop, choice=choice,
                  new_stage=new_stage)
        done = run_deploy(call.world(project), run)
    show_end(screen, project, done)
