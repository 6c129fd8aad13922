"""``sst shell``"""
from __future__ import annotations

import os
import shutil

import click

from ..call import Call, command


@command("shell", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--target", metavar="NAME", help="Add the environment of this function.")
@click.argument("argv", nargs=-1, metavar="[-- COMMAND [ARG]...]")
def shell(call: Call, target: str | None, argv: tuple[str, ...]) -> None:
    """Run a command with the app's resources linked.

    In COMMAND, sst.Resource (and SST's SDKs) contain all links of the program, and AWS clients use the
    stage's cloud. Without COMMAND, starts your shell. Exits with the exit code of the command.
    """
    from ...errors import UserError
    from ...project.shell import shell_environment

    project = call.project()
    with call.screen.result_only():
        added = shell_environment(call.backend(project), target)
    words = list(argv) or [os.environ.get("SHELL") or "sh"]
    foreign = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN") if project.is_local else ()
    environment = {**{k: v for k, v in os.environ.items() if k not in foreign}, **added}
    if not (program := shutil.which(words[0], path=environment.get("PATH"))):
        raise UserError(f"there is no command {words[0]}",
                        hint="write it after --: sst shell -- python manage.py migrate")
    call.screen.out.flush()
    os.execve(program, words, environment)
