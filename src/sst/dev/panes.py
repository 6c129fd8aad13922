"""The panes of a session, kept up to date by its events. A second session has the same ones."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from ..events import AnyEvent, DeployBegan, DeployEnded, ProcessOutput, ProcessState
from .calls import CallStore
from .colors import Colors
from .function_lines import FunctionLines, Text
from .stream import EventStream
from .terminal import LogPane, Pane

__all__ = ["Panes", "Renderer"]

Renderer = Callable[[AnyEvent], None]


class PaneSet(Protocol):
    """What shows them: `terminal.Multiplexer` or `terminal.Mono`."""

    def add(self, pane: Pane) -> None: ...
    def say(self, text: str, *, seconds: float = 4.0) -> None: ...


class Panes:
    """``deploy_renderer`` makes, from what writes a line, what renders the events of deploys.

    With ``processes`` commands get log panes too: in the session that runs them they have panes of their own.
    """

    def __init__(self, stream: EventStream, *, root: Path, colors: Colors,
                 deploy_renderer: Callable[[Callable[[str], None]], Renderer],
                 redact: Callable[[str], str], processes: bool = False) -> None:
        self.deploys, self.functions = LogPane("Deploy", icon="⑆"), LogPane("Functions", icon="λ")
        self.store = CallStore(self._mark_functions)
        self.lines = FunctionLines(root, colors, self.store)
        self._redact, self._processes = redact, processes
        self._render_deploy = deploy_renderer(self._write_deploy)
        self.others: dict[str, LogPane] = {}
        """Panes of commands by title, and of single functions."""
        self.added: Callable[[Pane], object] = lambda pane: None
        stream.subscribe(self.see)

    def see(self, event: AnyEvent) -> None:
        self.store.see(event)
        if text := self.lines(event):
            self._write(self.functions, text)
        self._render_deploy(event)
        match event:
            case DeployBegan():
                self.deploys.mark = "busy"
            case DeployEnded():
                self.deploys.mark = "failed" if event.error else "ok"
            case ProcessOutput() if self._processes:
                self._process(event.title).write_line(self._redact(event.text))
            case ProcessState() if self._processes:
                self._process_state(event)

    def write_function(self, line: str) -> None:
        """A line in the Functions pane that is no event: the answer to a key."""
        self._write(self.functions, Text((line,)))

    def _mark_functions(self) -> None:
        failed = self.store.failed
        self.functions.note = str(failed) if failed else ""
        self.functions.mark = "failed" if self.store.failing else "ok" if self.store.functions else ""

    def _write_deploy(self, line: str) -> None:
        self.deploys.write_line(self._redact(line))

    def _write(self, pane: LogPane, text: Text) -> None:
        pane.write_lines([self._redact(line) for line in text.short], [self._redact(line) for line in text.full])

    def _process(self, title: str) -> LogPane:
        if title not in self.others:
            pane = self.others[title] = LogPane(title, icon="→")
            self.added(pane)
        return self.others[title]

    def _process_state(self, event: ProcessState) -> None:
        pane = self._process(event.title)
        if event.state in ("running", "ready"):
            pane.mark = "running"
        elif event.state == "exited":
            pane.mark = "failed" if event.code else "ok"
            pane.write_line(f"[{event.title} exited with {event.code}]")
        if event.url:
            pane.note = _port(event.url)


def _port(url: str) -> str:
    """``:5173``, for the list."""
    port = url.split("://", 1)[-1].split("/")[0].rpartition(":")[2]
    return f":{port}" if port.isdigit() else ""
