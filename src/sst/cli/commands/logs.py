"""``sst logs``"""
from __future__ import annotations

import time
from datetime import datetime

import click

from ..call import Call, command


@command("logs")
@click.argument("name")
@click.option("-f", "--follow", is_flag=True, help="Follow the log until Ctrl-C.")
@click.option("--since", metavar="DURATION", default="10 minutes",
              help='How far back: "30 seconds", "2 hours". Default: 10 minutes.')
def logs(call: Call, name: str, follow: bool, since: str) -> None:
    """Show the logs of a function."""
    from ...core.units import seconds
    from ...project.invoke import logs as read

    screen = call.screen
    back = seconds(since, what="--since")
    backend = call.backend(call.project())
    screen.hide(backend.secrets.known())
    for line in read(backend, name, since=time.time() - back, follow=follow):
        if screen.as_json:
            screen.data({"event": "log", "time": line.time, "stream": line.stream, "text": line.text})
        else:
            at = datetime.fromtimestamp(line.time).astimezone().strftime("%H:%M:%S.%f")[:-3]
            screen.line(f"{screen.paint(at, 'dim')} {line.text}")
        screen.out.flush()
