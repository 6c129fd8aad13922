"""How the panes of ``sst dev`` word a deploy: as the other commands do, in lines."""
from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...engine.events import Sink
from .faults import fault_lines
from .progress import summary
from .screen import Screen
from .sinks import plain
from .style import Paint, clean

if TYPE_CHECKING:
    from ...project.project import Project
    from ...project.run import Done

__all__ = ["DevMessages"]


class DevMessages:
    """See `dev.deploys.Messages`."""

    def __init__(self, screen: Screen, *, colour: bool) -> None:
        self._screen, self._paint = screen, Paint(colour)

    @contextmanager
    def watch(self, write: Callable[[str], None]) -> Iterator[Sink]:
        with plain(_Lines(write), self._paint, time.monotonic) as sink:
            yield sink

    def error(self, error: BaseException) -> Iterator[str]:
        return fault_lines(error, self._screen.marks, self._paint)

    def ended(self, project: Project, done: Done) -> Iterator[str]:
        from ...errors import DeployError

        result = done.result
        if result.failures:
            yield from self.error(DeployError(result.failures, skipped=result.skipped))
        marks = self._screen.marks
        mark = self._paint(marks.failed, "red") if result.failures else self._paint(marks.done, "green")
        what = summary(result.done, len(result.failures), result.skipped)
        yield f"{mark} {self._paint(f'{project.name}/{project.stage}', 'bold')}: {what}"
        for key, value in done.outputs.items():
            if not key.startswith("_"):
                yield f"  {self._paint(f'{key}:', 'bold')} {clean(str(value))}"

    def hide(self, value: Any) -> None:
        self._screen.hide(value)


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
