"""``sst logs``"""
from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

import click

from ..call import Call, command

if TYPE_CHECKING:
    from ...dev.events import AnyEvent
    from ...project.project import Project


@command("logs")
@click.argument("name", required=False)
@click.option("-f", "--follow", is_flag=True, help="Follow the log until Ctrl-C.")
@click.option("--since", metavar="DURATION", default="10 minutes",
              help='How far back: "30 seconds", "2 hours". Default: 10 minutes.')
@click.option("--dev", is_flag=True, help="What the running `sst dev` of this stage has shown; NAME is a function or "
                                          "command.")
def logs(call: Call, name: str | None, follow: bool, since: str, dev: bool) -> None:
    """Show the logs of a function, or of a running `sst dev`."""
    from ...core.units import seconds
    from ...errors import UserError
    from ...project.invoke import logs as read

    screen = call.screen
    project = call.project()
    if dev:
        return _of_session(call, project, name, follow)
    if name is None:
        raise UserError("sst logs: name a function", hint="`sst logs NAME`, or `sst logs --dev` for a running session")
    back = seconds(since, what="--since")
    backend = call.backend(project)
    screen.hide(backend.secrets.known())
    for line in read(backend, name, since=time.time() - back, follow=follow):
        if screen.as_json:
            screen.data({"event": "log", "time": line.time, "stream": line.stream, "text": line.text})
        else:
            at = datetime.fromtimestamp(line.time).astimezone().strftime("%H:%M:%S.%f")[:-3]
            screen.line(f"{screen.paint(at, 'dim')} {line.text}")
        screen.out.flush()


def _of_session(call: Call, project: Project, name: str | None, follow: bool) -> None:
    from ...dev.control import find
    from ...dev.join import listen
    from ...dev.session import folder_of
    from ...errors import UserError
    from ...events import to_json

    screen = call.screen
    found = find(folder_of(project.root, project.stage))
    if found is None:
        raise UserError(f'no `sst dev` runs for stage "{project.stage}"', hint="start it in another terminal: sst dev",
                        code="not-running")

    def take(event: AnyEvent) -> None:
        if name and name not in (getattr(event, "function", None), getattr(event, "title", None)):
            return
        if screen.as_json:
            screen.data(to_json(event))
        elif text := _said(event, colour=screen.paint.on):
            screen.line(text)
        screen.out.flush()

    listen(found, take, on=follow)


def _said(event: AnyEvent, *, colour: bool) -> str:
    """A line for a person; "" for what is of no interest in a log. Programs of a session write to a terminal, in
    colours."""
    from ...dev.events import CallBegan, CallEnded, LogLine, Notice, ProcessOutput
    from ...dev.terminal.pane import plain
    from ...events import StepFailed

    match event:
        case LogLine():
            return f"{event.function} {event.level + ' ' if event.level else ''}{event.text}"
        case CallBegan():
            return f"{event.function} #{event.number} {event.trigger}"
        case CallEnded():
            return f"{event.function} #{event.number} {event.error or event.status or 'done'} {event.ms:.0f} ms"
        case ProcessOutput():
            return f"{event.title} {event.text if colour else plain(event.text)}"
        case Notice():
            return event.text
        case StepFailed():
            return f"{event.key}: {event.error}"
    return ""
