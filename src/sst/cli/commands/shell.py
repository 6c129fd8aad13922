"""``sst shell``"""
from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import click

from ..call import Call, command

if TYPE_CHECKING:
    from ...project.backend import Backend


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
        backend = call.backend(project)
        added = shell_environment(backend, target)
    if not project.is_local and (word := _network_word(backend)):
        call.screen.note(word)
    words = list(argv) or [os.environ.get("SHELL") or "sh"]
    foreign = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN") if project.is_local else ()
    environment = {**{k: v for k, v in os.environ.items() if k not in foreign}, **added}
    if not (program := shutil.which(words[0], path=environment.get("PATH"))):
        raise UserError(f"there is no command {words[0]}",
                        hint="write it after --: sst shell -- python manage.py migrate")
    call.screen.out.flush()
    os.execve(program, words, environment)


def _network_word(backend: Backend) -> str:
    """How the command reaches what is in a network on AWS, if there is something."""
    from ...dev.tunnel.running import behind_gateways

    wanted, word = behind_gateways(backend, backend.stage.load())
    if not wanted.endpoints:
        return word
    names = ", ".join(e.title for e in wanted.endpoints)
    return f"{names}: in a network that this machine reaches by `sst tunnel -- COMMAND` in place of `sst shell`"
