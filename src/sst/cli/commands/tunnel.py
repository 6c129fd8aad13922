"""``sst tunnel``"""
from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from ..call import Call, command

if TYPE_CHECKING:
    from ...dev.tunnel.running import Opened
    from ...project.backend import Backend


@command("tunnel", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--route", is_flag=True, help="Redirect all connections of this machine to the networks. Linux; asks for "
                                            "sudo.")
@click.argument("argv", nargs=-1, metavar="[-- COMMAND [ARG]...]")
def tunnel(call: Call, route: bool, argv: tuple[str, ...]) -> int:
    """Reach the databases in the app's networks from this machine.

    Connects to the bastion of each deployed Vpc, or to a task that runs in it. A port of 127.0.0.1
    leads to each database and cache in the network, and a SOCKS5 proxy to all of its addresses.
    Ctrl-C ends it.
    With COMMAND, the command runs with the app's links, which lead through the tunnel; when it
    ends, so does the tunnel. Exits with the exit code of the command.
    """
    from ...dev.events import Notice
    from ...dev.tunnel.running import hold, wanted_of
    from ...events import to_json

    project, screen = call.project(), call.screen
    backend = call.backend(project)
    screen.hide(backend.secrets.known())
    wanted = wanted_of(backend)
    words, environment = _command(call, backend, argv) if argv else ([], {})

    def say(text: str) -> None:
        if argv:
            screen.note(text)
        elif screen.as_json:
            screen.data(to_json(Notice("tunnel", text)))
            screen.out.flush()
        else:
            screen.follow(text)

    return hold(wanted, say=say, show=lambda opened: None if argv else _show(call, opened), argv=words,
                environment=environment, route=route)


def _command(call: Call, backend: Backend, argv: tuple[str, ...]) -> tuple[list[str], Mapping[str, str]]:
    from ...errors import UserError
    from ...project.shell import shell_environment

    with call.screen.result_only():
        environment = {**os.environ, **shell_environment(backend)}
    if not (program := shutil.which(argv[0], path=environment.get("PATH"))):
        raise UserError(f"there is no command {argv[0]}", hint="write it after --: sst tunnel -- pytest")
    return [program, *argv[1:]], environment


def _show(call: Call, opened: Opened) -> None:
    screen = call.screen
    if screen.as_json:
        screen.data({"event": "tunnel", "networks": [
            {"name": name, "through": id, "address": address, "ranges": list(ranges)}
            for name, id, address, ranges in opened.networks], "forwards": [
            {"name": e.title, "host": e.host, "port": e.port, "local": port} for e, port in opened.forwards.items()],
            "socks": f"socks5h://127.0.0.1:{opened.socks}"})
        screen.out.flush()
        return
    for name, id, address, ranges in opened.networks:
        screen.line(f"{screen.paint(name, 'bold')}  {id} ({address})  {' '.join(ranges)}")
    screen.table([*((e.title, f"127.0.0.1:{port}", f"{e.host}:{e.port}") for e, port in opened.forwards.items()),
                  ("SOCKS", f"socks5h://127.0.0.1:{opened.socks}", "all addresses of the networks")], indent="  ")
    screen.follow("waiting for connections; ctrl-c ends the tunnel")
