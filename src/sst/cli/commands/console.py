"""``sst console``"""
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..call import Call, command

if TYPE_CHECKING:
    from ...project.project import Project


@command("console")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1. Default: a free one.")
@click.option("--no-open", is_flag=True, help="Print the address only; don't open a browser.")
@click.option("--read-only", is_flag=True, help="Allow no action that changes anything.")
@click.option("--export", "export_to", metavar="FILE",
              help="Write overview, graph and traces to one HTML file instead; it has no secrets.")
@click.option("--trace", metavar="ID", default="",
              help="With --export: only the trace of this call, by its request id or trace root.")
def console(call: Call, port: int, no_open: bool, read_only: bool, export_to: str | None, trace: str) -> None:
    """Open a page that shows what happens in the app.

    Prints an address on 127.0.0.1 and opens it; runs until Ctrl-C. If a console of this stage runs
    already, opens that one. The token in the address is new with each start; nothing leaves this machine.
    """
    from ...console.serving import running, serve
    from ...machine.browser import open_url

    project, screen = call.project(), call.screen
    if export_to or trace:
        return _export(call, project, export_to, trace)
    found = "" if port or read_only else running(project)
    server = None if found else serve(project, call.backend, call.project, port=port, read_only=read_only,
                                      note=screen.note)
    url = found or (server.url if server else "")
    if screen.as_json:
        screen.data({"event": "console", "url": url, "running": bool(found)})
    else:
        screen.line(url)
    screen.out.flush()
    if not no_open and not open_url(url, call.environ):
        screen.note("no browser was found on this machine; open the address yourself")
    if server:
        try:
            server.warm()       # while the browser starts
            server.ended.wait()
        finally:
            server.close()


def _export(call: Call, project: Project, to: str | None, trace: str) -> None:
    from ...console.export import export
    from ...console.pages import Pages
    from ...console.source import Source
    from ...errors import UserError

    if not to:
        raise UserError("--trace belongs to --export", hint=f"`sst trace {trace}` shows it here")
    file = Path(call.cwd, to)
    if file.is_dir():
        raise UserError(f"{to} is a folder", hint="name an HTML file")
    made = export(Pages(Source(project, call.backend, call.project)), trace)
    file.write_text(call.screen.redact(made), encoding="utf-8")
    call.screen.done(f"{to} has overview, graph and traces ({len(made.encode()) / 1000:,.0f} KB)")
