"""Runs a session, or follows one of another process, where it is to be seen: on a terminal of panes, as one stream of
lines, or as JSON lines."""
from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from ..events import to_json
from .actions import Actions
from .colors import Colors
from .control import Found
from .events import AnyEvent
from .join import RemoteActions, follow
from .log_file import LogFile
from .pane_keys import PaneKeys
from .panes import Panes, Renderer
from .session import Host, Session
from .stream import EventStream
from .terminal import Mono, Multiplexer

__all__ = ["Display", "follow_session", "run_session"]


@dataclass(frozen=True, slots=True)
class Display:
    """``mode``: "multi" takes the whole terminal, "json" writes an event a line to ``out``; otherwise lines go there.

    ``renderer`` makes, from what writes a line, what renders the events of deploys. ``redact`` takes secrets out.
    """

    mode: str
    title: str
    root: Path
    environment: Mapping[str, str]
    out: TextIO
    columns: int
    colour: bool
    renderer: Callable[[Callable[[str], None]], Renderer]
    redact: Callable[[str], str]
    note: Callable[[str], None]
    """Writes a line where the user sees it once the panes are gone."""
    log: Path | None = None
    """A file that gets every line of every pane."""
    console: Sequence[str] = ()
    """The command that opens the console of this stage."""

    def open(self, stream: EventStream, actions: Actions, *, processes: bool) -> Host:
        """What shows the events of ``stream``; ``processes``: commands have no panes of their own here."""
        if self.mode == "json":
            stream.subscribe(self._write_json)
            return Mono([], environment=self.environment, out=None)
        panes = Panes(stream, root=self.root, colors=Colors(self.colour), deploy_renderer=self.renderer,
                      redact=self.redact, processes=processes, links=self.mode == "multi")
        first = [panes.deploys, panes.functions]
        host: Mono | Multiplexer
        if self.mode == "multi":
            host = Multiplexer(first, environment=self.environment, prints=panes.deploys, title=self.title)
            PaneKeys(panes, actions, host, stream, self.environment, self.console)
        else:
            host = Mono(first, environment=self.environment, out=self.out, colour=self.colour, columns=self.columns)
        panes.added = lambda pane: host.call(lambda: host.add(pane))
        panes.removed = lambda pane: host.call(lambda: host.task(host.remove(pane)))
        if self.log:
            LogFile(self.log, host)
        return host

    def _write_json(self, event: AnyEvent) -> None:
        try:
            self.out.write(self.redact(json.dumps(to_json(event), ensure_ascii=False)) + "\n")
            self.out.flush()
        except (OSError, ValueError):  # nobody reads any more
            return


def run_session(session: Session, display: Display) -> None:
    """Until the user ends it."""
    async def run() -> None:
        await session.run(display.open(session.stream, session, processes=False), note=display.note)

    asyncio.run(run())
    if display.log and display.mode == "multi":
        display.note(f"ended; {display.log} has what was shown")


def follow_session(found: Found, display: Display) -> None:
    """Show the session of another process until that ends, or the user has seen enough."""
    async def run() -> None:
        stream = EventStream()
        host = display.open(stream, RemoteActions(found), processes=True)
        following = asyncio.ensure_future(follow(found, stream))
        following.add_done_callback(lambda task: host.stop())
        try:
            await host.run()
        finally:
            await _ended(following)

    asyncio.run(run())


async def _ended(task: asyncio.Future[None]) -> None:
    if not task.done():
        task.cancel()
        await asyncio.wait((task,))
    elif error := task.exception():
        raise error
