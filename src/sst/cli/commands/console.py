"""``sst console``"""
from __future__ import annotations

import click

from ..call import Call, command


@command("console")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1. Default: a free one.")
@click.option("--no-open", is_flag=True, help="Print the address only; don't open a browser.")
@click.option("--read-only", is_flag=True, help="Allow no action that changes anything.")
def console(call: Call, port: int, no_open: bool, read_only: bool) -> None:
    """Open a page that shows what happens in the app.

    Prints an address on 127.0.0.1 and opens it; runs until Ctrl-C. If a console of this stage runs
    already, opens that one. The token in the address is new with each start; nothing leaves this machine.
    """
    from ...console.serving import running, serve
    from ...machine.browser import open_url

    project, screen = call.project(), call.screen
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
            server.ended.wait()
        finally:
            server.close()
