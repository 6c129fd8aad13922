"""Who watches a deploy: a live tree, plain lines, or JSON lines. Each is an ``events.Sink`` inside a
``with``."""
from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event as Flag
from threading import Lock, RLock, Thread
from typing import Any, TextIO

from ...core.model import Op
from ...events import Event, Sink, StepDone, StepFailed, StepNote, StepSkipped, Unsettled, to_json
from .progress import DID, DOING, Progress, Row, unsettled
from .style import Line, Marks, Paint, marks_for, seconds, width_of

__all__ = ["json_sink", "live", "plain"]

Clock = Callable[[], float]
Redact = Callable[[str], str]


class Out:
    """A stream that several threads write to. A reader that went away (``| head``) stops nothing."""

    def __init__(self, stream: TextIO, redact: Redact = str) -> None:
        self.stream, self.redact, self.broken = stream, redact, False

    def write(self, text: str) -> None:
        if self.broken:
            return
        try:
            self.stream.write(self.redact(text))
            self.stream.flush()
        except (OSError, ValueError):
            self.broken = True


@contextmanager
def plain(stream: TextIO, paint: Paint, clock: Clock, *, redact: Redact = str, quiet: float = 30.0) -> Iterator[Sink]:
    """A line for each step that ends, for CI logs; after ``quiet`` seconds without one, a line that says what is
    awaited."""
    out, marks, progress, lock = Out(stream, redact), marks_for(stream), Progress(), Lock()
    over, last = Flag(), [clock()]

    def sink(event: Event) -> None:
        with lock:
            row = progress.see(event, clock())
            text = _plain_line(event, row, marks, paint)
            if text:
                out.write(text + "\n")
                last[0] = clock()

    def heartbeat() -> None:
        while not over.wait(min(1.0, quiet / 4)):
            with lock:
                now = clock()
                if now - last[0] >= quiet and (running := progress.running()):
                    out.write(_still(running, now, marks) + "\n")
                    last[0] = now

    thread = Thread(target=heartbeat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield sink
    finally:
        over.set()
        thread.join()


def _plain_line(event: Event, row: Row | None, marks: Marks, paint: Paint) -> str:
    if isinstance(event, Unsettled):
        return unsettled(event)
    if row is None:
        return ""
    what = f"{row.name}  {paint(row.type, 'dim')}".rstrip()
    match event:
        case StepNote():
            return f"  {what}  {row.note}"
        case StepDone() if event.op is not Op.SAME:
            took = f" ({seconds(event.seconds)})" if event.seconds >= 1 else ""
            return f"{paint(marks.done, 'green')} {what}  {DID[event.op]}{took}"
        case StepFailed():
            return f"{paint(marks.failed, 'red')} {what}  {DOING[row.op]} failed: {row.note}"
        case StepSkipped():
            return f"{paint(marks.skipped, 'dim')} {what}  skipped: {row.note}"
    return ""


def _still(running: list[Row], now: float, marks: Marks) -> str:
    shown = ", ".join(f"{r.name} {DOING[r.op]} {seconds(now - r.started)}" + (f" ({r.note})" if r.note else "")
                      for r in running[:5])
    more = f", {marks.more} {len(running) - 5} more" if len(running) > 5 else ""
    return f"{marks.more} still working: {shown}{more}"


@contextmanager
def json_sink(stream: TextIO, *, redact: Redact = str) -> Iterator[Sink]:
    """One JSON object a line; ``event`` names its kind in snake case: ``{"event": "step_done", "key": ..., "op":
    "create", ...}``."""
    out, lock = Out(stream, redact), Lock()

    def sink(event: Event) -> None:
        with lock:
            out.write(json.dumps(to_json(event)) + "\n")

    yield sink


@contextmanager
def live(stream: TextIO, paint: Paint, clock: Clock, size: Callable[[], tuple[int, int]], *, redact: Redact = str,
         everything: bool = False, every: float = 0.1) -> Iterator[Sink]:
    """A tree that is redrawn in place. Text that the program prints meanwhile goes above it. The cursor is always
    given back."""
    tree = _Tree(Out(stream, redact), paint, clock, size, marks_for(stream), everything)
    over = Flag()

    def draw() -> None:
        while not over.wait(every):
            tree.draw()

    thread = Thread(target=draw, name="tree", daemon=True)
    before = sys.stdout, sys.stderr
    above = [_Above(s, tree) if s.isatty() else s for s in before]
    sys.stdout, sys.stderr = above
    thread.start()
    try:
        yield tree.see
    finally:
        over.set()
        thread.join()
        sys.stdout, sys.stderr = before
        for stand_in in above:
            if isinstance(stand_in, _Above):
                stand_in.close()
        tree.end()


class _Tree:
    def __init__(self, out: Out, paint: Paint, clock: Clock, size: Callable[[], tuple[int, int]], marks: Marks,
                 everything: bool) -> None:
        self.out, self.paint, self.clock, self.size = out, paint, clock, size
        self.marks, self.everything = marks, everything
        self.progress, self.lock = Progress(), RLock()  # a signal may come while its own thread draws
        self.shown: list[int] = []
        self.hidden = False

    def see(self, event: Event) -> None:
        with self.lock:
            self.progress.see(event, self.clock())

    def draw(self) -> None:
        with self.lock:
            if self.progress.began is not None and not self.progress.finished:
                if not self.hidden:
                    self.out.write("\x1b[?25l")
                    self.hidden = True
                width, height = self.size()
                self._put(self.progress.lines(width, height, self.clock(), self.marks), width)

    def above(self, text: str) -> None:
        with self.lock:
            self._erase(self.size()[0])
            self.out.write(text)

    def end(self) -> None:
        with self.lock:
            width = self.size()[0]
            self._put(self.progress.final(self.marks, width, everything=self.everything), width)
            self.shown = []
            if self.hidden:
                self.out.write("\x1b[?25h")

    def _put(self, lines: list[Line], width: int) -> None:
        body = "".join(f"{self.paint.line(line)}\x1b[K\n" for line in lines)
        self.out.write(self._up(width) + body + "\x1b[J")
        self.shown = [sum(width_of(text) for text, _ in line) for line in lines]

    def _erase(self, width: int) -> None:
        if self.shown:
            self.out.write(self._up(width) + "\x1b[J")
            self.shown = []

    def _up(self, width: int) -> str:
        """To the first line of what is shown; a terminal that became narrower has wrapped the lines."""
        rows = sum(max(1, -(-w // max(1, width))) for w in self.shown)
        return f"\r\x1b[{rows}A" if rows else "\r"


class _Above:
    """Stands in for ``sys.stdout`` while the tree is shown: whole lines go above it."""

    def __init__(self, stream: TextIO, tree: _Tree) -> None:
        self._stream, self._tree, self._part = stream, tree, ""

    def write(self, text: str) -> int:
        whole, newline, self._part = (self._part + text).rpartition("\n")
        if newline:
            self._tree.above(whole + newline)
        return len(text)

    def flush(self) -> None:
        return

    def close(self) -> None:
        if self._part:
            self.write("\n")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
