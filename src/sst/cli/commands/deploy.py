"""``sst deploy``"""
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..call import Call, command

if TYPE_CHECKING:
    from ...project.backend import Backend
    from ...project.project import Project
    from ...project.run import Done
    from ..ui.screen import Screen


@command("deploy")
@click.argument("plan", required=False, metavar="[PLAN]")
@click.option("--target", multiple=True, metavar="NAME",
              help="Only these components, resources or stacks, and their dependencies.")
@click.option("--exclude", multiple=True, metavar="NAME", help="All except these and what depends on them.")
@click.option("--on-failure", type=click.Choice(["keep", "rollback", "ask"]), default="keep", show_default=True,
              help="If a step fails: keep the completed steps, or roll them back.")
@click.option("--allow-destroy", multiple=True, metavar="NAME", help="Allow deleting this resource with its data.")
@click.option("--new-stage", is_flag=True, help="Allow the first deploy of a protected stage.")
@click.option("--yes", is_flag=True, help="Accept changes to imported resources; on stage local also the loss of data.")
def deploy(call: Call, plan: str | None, target: tuple[str, ...], exclude: tuple[str, ...], on_failure: str,
           allow_destroy: tuple[str, ...], new_stage: bool, yes: bool) -> int:
    """Deploy the app.

    Creates, updates and deletes resources in parallel until the stage matches sst_config.py. If
    nothing changed, no call is made. After a failure or an interruption run it again: it continues
    where it stopped. Resources that hold data are not deleted without your consent. With PLAN, a
    file written by `sst diff -o`, applies exactly that plan or fails.
    """
    from ...engine.plan import Choice
    from ...errors import UserError
    from ...project.run import Run
    from ...project.run import deploy as run_deploy
    from ...project.saved_plan import bound, read_plan
    from ..consent import agree_to_adopt, agree_to_deploy, names
    from ..ending import show_end
    from ..interrupt import interruptible

    screen = call.screen
    if plan and (target or exclude):
        raise UserError("--target and --exclude can't be used with a saved plan",
                        hint="drop these options, or deploy without the plan")
    if on_failure == "ask" and not screen.asks:
        raise UserError("--on-failure ask: there is no terminal",
                        hint="pass --on-failure keep or --on-failure rollback", code="no-terminal")
    saved = read_plan(Path(call.cwd, plan)) if plan else None
    project = call.project()
    backend = call.backend(project)
    if saved:
        target, exclude = tuple(saved["target"]), tuple(saved["exclude"])
    choice = Choice(names(target), names(exclude)) if target or exclude else None
    agree = agree_to_deploy(screen, project, allow=names(allow_destroy), yes=yes)
    with screen.result_only(), interruptible(screen) as interrupts, screen.watch() as sink:
        run = Run(interrupts.over(sink), agree, warn=screen.warn, hide=screen.hide, stop=interrupts.stop, choice=choice,
                  new_stage=new_stage, can_go_back=on_failure != "keep", only=bound(backend, saved) if saved else None,
                  adopt=agree_to_adopt(screen, yes=yes))
        done = run_deploy(backend, run)
    if done.result.failures and not done.result.interrupted and on_failure != "keep":
        return _go_back(screen, project, backend, done, ask=on_failure == "ask")
    show_end(screen, project, done)
    return 0


def _go_back(screen: Screen, project: Project, backend: Backend, done: Done, *, ask: bool) -> int:
    """Tell what failed, then roll back to the state before the deploy."""
    from contextlib import ExitStack

    from ...errors import DeployError
    from ...project.rollback import rollback
    from ...project.run import Run
    from ..consent import agree_to_deploy
    from ..interrupt import interruptible
    from ..lazily import lazily
    from ..ui.progress import summary

    screen.error(DeployError(done.result.failures, skipped=done.result.skipped))
    if ask and not screen.confirm("Roll back to the state before this deploy?", flag="--on-failure rollback"):
        screen.warn("completed steps are kept; deploy again to continue, or run `sst rollback`")
        return 2
    with ExitStack() as stack, screen.result_only(), interruptible(screen) as interrupts:
        run = Run(interrupts.over(lazily(screen, stack)), agree_to_deploy(screen, project, allow=(), yes=False),
                  warn=screen.warn,
                  hide=screen.hide, stop=interrupts.stop)
        back = rollback(backend, run, to=done.before, expect=done.serial)
    back.result.check()
    if back.result.interrupted:
        screen.warn(f"the rollback was interrupted; continue it with `sst rollback {done.before}`")
        raise KeyboardInterrupt
    screen.done(f"{screen.paint(f'{project.name}/{project.stage}', 'bold')}: rolled back, "
                f"{summary(back.result.done, 0, 0)}")
    return 2
