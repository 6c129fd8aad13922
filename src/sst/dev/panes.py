"""The panes of a session, kept up to date by its events. A second session has the same ones."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .calls import CallStore
from .colors import Colors
from .events import AnyEvent, DeployBegan, DeployEnded, ProcessOutput, ProcessState, TaskEnded, TaskOutput
from .function_lines import FunctionLines, Text
from .stream import EventStream
from .terminal import LogPane, Pane

__all__ = ["FunctionPane", "Panes", "Renderer"]

Renderer = Callable[[AnyEvent], None]


class FunctionPane(LogPane):
    """What happens in all functions, or in one."""

    def __init__(self, function: str = "") -> None:
        super().__init__(function or "Functions", icon="ƒ" if function else "λ")
        self.function = function

    def shows(self, function: str) -> bool:
        return not self.function or function == self.function


class Panes:
    """``deploy_renderer`` makes, from what writes a line, what renders the events of deploys.

    With ``processes`` commands get log panes too: in the session that runs them they have panes of their own. With
    ``links`` each address among the outputs of the program is an entry of the list.
    """

    def __init__(self, stream: EventStream, *, root: Path, colors: Colors,
                 deploy_renderer: Callable[[Callable[[str], None]], Renderer],
                 redact: Callable[[str], str], processes: bool = False, links: bool = False) -> None:
        self.deploys, self.functions = LogPane("Deploy", icon="⑆"), FunctionPane()
        self.store = CallStore(self._mark_functions)
        self.lines = FunctionLines(root, colors, self.store)
        self._stream, self._redact, self._processes, self._links = stream, redact, processes, links
        self._render_deploy = deploy_renderer(lambda line: self.write(self.deploys, line))
        self._of_function: list[FunctionPane] = []
        self._of_process: dict[str, LogPane] = {}
        self._of_output: dict[str, LogPane] = {}
        self._of_tasks: LogPane | None = None
        self.added: Callable[[Pane], object] = lambda pane: None
        """Called, in whatever thread, with each pane that comes later; ``removed`` with each that goes."""
        self.removed: Callable[[Pane], object] = lambda pane: None
        stream.subscribe(self.see)

    def see(self, event: AnyEvent) -> None:
        self.store.see(event)
        if text := self.lines(event):
            self._write(self.functions, text)
            for pane in self._of_function:
                if _is_about(event, pane.function):
                    self._write(pane, text)
        self._render_deploy(event)
        match event:
            case DeployBegan():
                self.deploys.mark = "busy"
            case DeployEnded():
                self.deploys.mark = "failed" if event.error else "ok"
                if self._links and event.outputs:
                    self._show_links({k: str(v) for k, v in event.outputs.items()})
            case TaskOutput():
                self.write(self._tasks(), f"{event.title} {event.task[:6]}  {event.text}")
            case TaskEnded():
                self._tasks().mark = "failed" if event.code else "ok"
                self.write(self._tasks(), f"{event.title} {event.task[:6]}  ended with exit code {event.code}")
            case ProcessOutput() if self._processes:
                self.write(self._process(event.title), event.text)
            case ProcessState() if self._processes:
                self._process_state(event)

    def write(self, pane: LogPane, line: str) -> None:
        pane.write_line(self._redact(line))

    def open_function(self, function: str) -> FunctionPane:
        """A pane of one function, with what happened in it before."""
        pane = FunctionPane(function)
        for event in self._stream.past():
            if _is_about(event, function) and (text := self.lines(event)):
                self._write(pane, text)
        self._of_function.append(pane)
        self._mark_functions()
        self.added(pane)
        return pane

    def close_function(self, pane: FunctionPane) -> None:
        self._of_function.remove(pane)

    def _mark_functions(self) -> None:
        for pane in (self.functions, *self._of_function):
            stats = [s for name, s in self.store.functions.items() if pane.shows(name)]
            failed = sum(s.failed for s in stats)
            pane.note = str(failed) if failed else ""
            pane.mark = "failed" if any(s.failing for s in stats) else "ok" if stats else ""

    def _write(self, pane: LogPane, text: Text) -> None:
        pane.write_lines([self._redact(line) for line in text.short], [self._redact(line) for line in text.full])

    def _show_links(self, outputs: dict[str, str]) -> None:
        wanted = {k: v for k, v in outputs.items() if v.startswith(("http://", "https://")) and not k.startswith("_")}
        for name in [n for n in self._of_output if n not in wanted]:
            self.removed(self._of_output.pop(name))
        for name, url in wanted.items():
            known = self._of_output.get(name)
            if known and known.url == url:
                continue
            pane = known or LogPane(name, icon="↗")
            pane.url, pane.note, pane.rank = url, _port(url), 1
            self.write(pane, f"{name}: {url}")
            if known is None:
                self._of_output[name] = pane
                self.added(pane)

    def _tasks(self) -> LogPane:
        """Of all tasks; there once one has said something."""
        if self._of_tasks is None:
            self._of_tasks = LogPane("Tasks", icon="⧉")
            self.added(self._of_tasks)
        return self._of_tasks

    def _process(self, title: str) -> LogPane:
        if title not in self._of_process:
            self._of_process[title] = pane = LogPane(title, icon="→")
            self.added(pane)
        return self._of_process[title]

    def _process_state(self, event: ProcessState) -> None:
        if event.state == "removed":
            if gone := self._of_process.pop(event.title, None):
                self.removed(gone)
            return
        pane = self._process(event.title)
        if event.state in ("running", "ready"):
            pane.mark, pane.url, pane.note = "running", event.url, _port(event.url)
        elif event.state == "exited":
            pane.mark = "failed" if event.code else "ok"
            self.write(pane, f"[{event.title} exited with {event.code}]")


def _is_about(event: AnyEvent, function: str) -> bool:
    several = getattr(event, "functions", None)
    return getattr(event, "function", None) == function or (isinstance(several, tuple) and function in several)


def _port(url: str) -> str:
    """``:5173``, for the list."""
    port = url.split("://", 1)[-1].split("/")[0].rpartition(":")[2]
    return f":{port}" if port.isdigit() else ""
