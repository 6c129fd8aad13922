"""How the deploys of a session of ``sst dev`` read: as those of the other commands do, in lines."""
from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

from ...dev.events import AnyEvent, DeployBegan, DeployEnded, Notice, ProcessState, Ready
from ...events import Finished, Planned, Sink, StepDone, StepFailed, StepNote, StepSkipped, StepStarted, Unsettled
from .faults import fault_lines
from .progress import summary
from .sinks import plain
from .style import Marks, Paint, clean

__all__ = ["DeployRenderer"]


class DeployRenderer:
    """Gives lines to ``write``, one event after the other."""

    def __init__(self, write: Callable[[str], None], *, marks: Marks, paint: Paint) -> None:
        self._write, self._marks, self._paint = write, marks, paint
        self._open = ExitStack()
        self._steps: Sink = lambda event: None

    def __call__(self, event: AnyEvent) -> None:
        match event:
            case DeployBegan():
                if not event.first:
                    self._write("deploying what has changed")
                self._open.close()
                self._steps = self._open.enter_context(plain(_Lines(self._write), self._paint, time.monotonic))
            case DeployEnded():
                self._open.close()
                self._steps = lambda event: None
                for line in self._ended(event):
                    self._write(line)
            case (Planned() | StepStarted() | StepNote() | StepDone() | StepFailed() | StepSkipped() | Unsettled()
                  | Finished()):
                self._steps(event)
            case Notice(about="deploy"):
                lines = fault_lines(event.error, self._marks, self._paint) if event.error else [event.text]
                for line in lines:
                    self._write(line)
            case Ready():
                self._write(f"ready: {event.functions} function{'s' * (event.functions != 1)} run from source; saving "
                            "a file is enough")
            case ProcessState() if text := _process(event):
                self._write(text)

    def _ended(self, event: DeployEnded) -> Iterator[str]:
        failures = len(getattr(event.error, "failures", ()))
        if event.error:
            yield from fault_lines(event.error, self._marks, self._paint)
            if not failures:
                return
        mark = self._paint(self._marks.failed, "red") if failures else self._paint(self._marks.done, "green")
        what = summary(event.done, failures, event.skipped)
        yield f"{mark} {self._paint(f'{event.app}/{event.stage}', 'bold')}: {what}"
        for key, value in event.outputs.items():
            if not key.startswith("_"):
                text = value if isinstance(value, str) else json.dumps(value, default=str)
                yield f"  {self._paint(f'{key}:', 'bold')} {clean(text)}"


def _process(event: ProcessState) -> str:
    match event.state:
        case "waiting":
            return f"{event.title} waits for {event.detail}"
        case "restarting":
            return f"{event.title} restarts: {event.detail}"
        case "ready":
            return f"{event.title} is ready: {event.url}"
    return ""


class _Lines(io.StringIO):
    """A stream that hands on whole lines."""

    encoding = "utf-8"

    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__()
        self._write, self._rest = write, ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._write(line)
        return len(text)
