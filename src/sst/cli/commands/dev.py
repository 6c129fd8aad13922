"""``sst dev``"""
from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..call import Call, command

if TYPE_CHECKING:
    from ...dev.show import Display
    from ...project.project import Project

MODES = ("multi", "mono", "basic")


@command("dev", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--mode", type=click.Choice(MODES), default=None,
              help="multi: one pane each; mono: one stream of lines; basic: one stream, without your commands. "
                   "Default: multi "
                   "on a terminal.")
@click.option("--debug", is_flag=True, help="Let a debugger attach to Python functions; writes .vscode/launch.json.")
@click.option("--debug-only", multiple=True, metavar="NAME", help="Let a debugger attach only to these functions.")
@click.argument("argv", nargs=-1, metavar="[-- COMMAND [ARG]...]")
def dev(call: Call, mode: str | None, debug: bool, debug_only: tuple[str, ...], argv: tuple[str, ...]) -> int:
    """Run the app locally, with live functions and your own commands.

    Deploys the stage, then runs its functions from their source on this machine. Saved files take
    effect at once, and a change of sst_config.py is deployed. Commands of the program
    (sst.DevCommand) run with their links. Ctrl-C ends the session; the stage stays deployed. With
    COMMAND, joins the running session of this stage: the command runs with the app's links and is
    restarted when they change.
    """
    from ...dev.control import find
    from ...dev.session import folder_of
    from ...errors import UserError
    from ..consent import names

    before = dict(call.environ)  # the files .env are read again with each deploy
    project = call.project()
    if project.config.protect:
        raise UserError(f'stage "{project.stage}" is protected: `sst dev` would change it with every file that is '
                        'saved',
                        hint="choose a stage of your own: sst dev --stage NAME", code="protected")
    found = find(folder_of(project.root, project.stage))
    if argv:
        from ...dev.join import join

        if found is None:
            raise UserError(f'no `sst dev` runs for stage "{project.stage}"',
                            hint=f"start it in another terminal; or, without one: sst shell -- {argv[0]}",
                            code="not-running")
        return join(found, list(argv), directory=call.cwd, environment=call.environ, say=call.screen.note)
    if found is not None:
        from ...dev.show import follow_session

        call.screen.note(f"attached to the session that runs (process {found.pid}); ctrl-c detaches")
        follow_session(found, _display(call, project, before, mode or _fitting(call)))
        return 0
    return _run(call, project, before, mode or _fitting(call),
                debug=names(debug_only) if debug_only else () if debug else None)


def _fitting(call: Call) -> str:
    """The mode for where we are."""
    if not (call.screen.is_live and call.screen.stdin.isatty() and call.environ.get("TERM")):
        return "mono"
    columns, lines = call.screen.size()
    return "multi" if columns >= 40 and lines >= 10 else "mono"


def _display(call: Call, project: Project, before: Mapping[str, str], mode: str,
             log: Path | None = None) -> Display:
    from ...dev.show import Display
    from ..ui.dev_messages import DeployRenderer
    from ..ui.style import Paint, wants_color

    screen = call.screen
    forced = False if call.no_color else None
    colour = (mode == "multi" and not before.get("NO_COLOR")) or wants_color(screen.out, before, forced)
    foreign = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN") if project.is_local else ()
    return Display("json" if call.as_json else mode, f"sst dev: {project.name}/{project.stage}", project.root,
                   {k: v for k, v in project.environ.items() if k not in foreign}, screen.out, screen.size()[0], colour,
                   lambda write: DeployRenderer(write, marks=screen.marks, paint=Paint(colour)), screen.redact,
                   screen.note, log, (sys.executable, "-c", "from sst.cli.main import main; main()",
                                      "console", "--stage", project.stage, "--config", str(project.program.file)))


def _run(call: Call, project: Project, before: dict[str, str], mode: str, *, debug: tuple[str, ...] | None) -> int:
    from ...dev.debugger import Debugger
    from ...dev.deploys import Deploys
    from ...dev.session import Session, folder_of
    from ...dev.show import run_session
    from ...dev.stream import EventStream
    from ...project.project import open_project

    screen = call.screen

    def reopen() -> Project:
        for name in deploys.backend.project.environ.keys() - before.keys():
            os.environ.pop(name, None)
        return open_project(project.program.file, stage=project.stage, environ=before)

    stream = EventStream()
    deploys = Deploys(call.backend(project, note=stream.deploy_notice), reopen=reopen, emit=stream.emit,
                      hide=screen.hide)
    place = folder_of(project.root, project.stage)
    display = _display(call, project, before, mode, place / "session.log")
    debugger = None if debug is None else Debugger(project.root, place, only=debug, say=stream.function_notice)
    session = Session(deploys, stream, environment=display.environment, redact=screen.redact,
                      commands=mode != "basic", debug=debugger)
    with screen.result_only():
        run_session(session, display)
    return 130 if session.interrupted else 0
