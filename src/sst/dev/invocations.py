"""Every invocation as the developer sees it: what called, what it printed, how it ended; request and response when
asked for."""
from __future__ import annotations

import json
import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..build.python import ENTRY
from ..executor import Invocation, LogLines
from .colors import Colors
from .trigger import trigger_of

__all__ = ["Invocations", "Record"]

KEPT = 200
"""So many of the latest invocations can be looked at again."""
SHOWN = 64 * 1024
"""So many bytes of a request or a response are kept."""
_PLATFORM = re.compile(r'(START|END|REPORT) RequestId: |\{"time": "[^"]*", "type": "platform\.')
_ERROR = re.compile(r"\[ERROR\] [\s\S]*Traceback \(most recent call last\)|\S+\t\S+\tERROR\tInvoke Error ")
_LEVEL = re.compile(r"(?:\[(?P<python>[A-Z]+)\]\t\S+\t\S*\t|\d{4}-\S+Z\t\S+\t(?P<node>[A-Z]+)\t)")
"""What Lambda's loggers put before a message: time and request are told by us."""
_FRAME = re.compile(r'  File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<name>.*)\n?(?P<text>(?:.*\n?)*)')


@dataclass(slots=True)
class Record:
    """One invocation."""

    number: int
    function: str
    request_id: str
    trigger: str
    event: bytes
    began: float = field(default_factory=time.monotonic)
    response: bytearray = field(default_factory=bytearray)
    made: Invocation | None = None


class Invocations:
    """Writes lines as things happen. ``root`` is the project's: paths in stack traces are relative to it."""

    def __init__(self, write: Callable[[str], None], *, root: Path, colors: Colors) -> None:
        self._write, self._root, self._colors = write, root, colors
        self._open: dict[str, Record] = {}
        self._count = self._looked = 0
        self.recent: deque[Record] = deque(maxlen=KEPT)
        self.failures = 0

    def begin(self, function: str, event: bytes, request_id: str) -> Record:
        self._count += 1
        self._looked = 0
        record = Record(self._count, function, request_id, trigger_of(event), event[:SHOWN])
        self._open[request_id] = record
        self.recent.append(record)
        self._say(record, f"{record.trigger}  {self._colors(f'#{record.number}', 'dim')}")
        return record

    def printed(self, made: LogLines, function: str) -> None:
        """Lines of a function: of an invocation, or of its start."""
        record = self._open.get(made.request_id)
        for _, logged in made.lines:
            if _PLATFORM.match(logged) or _ERROR.match(logged):
                continue  # we tell of it in our own words
            text = _LEVEL.sub(self._level, logged, count=1)
            since = f"{self._colors(f'+{(time.monotonic() - record.began) * 1000:.0f}ms', 'dim')} " if record else ""
            for line in text.replace("\r", "\n").rstrip("\n").split("\n"):
                self._line(function, f"  {since}{line}")

    def end(self, record: Record, made: Invocation) -> None:
        record.made = made
        self._open.pop(record.request_id, None)
        took = f"{made.duration_ms:.0f} ms"
        cold = self._colors(f"  cold, init {made.init_ms:.0f} ms", "dim") if made.cold else ""
        if made.error:
            self.failures += 1
            self._say(record, f"{self._colors('✗', 'red')} {took}{cold}")
            for line in self.error_lines(made.payload):
                self._line(record.function, f"  {line}")
            return
        status = _status(bytes(record.response))
        mark = self._colors("✗", "red") if status >= 500 else self._colors("✓", "green")
        self._say(record, f"{mark} {took}{f'  {status}' if status else ''}{cold}")

    def error_lines(self, payload: bytes) -> Iterator[str]:
        """An error document in lines: type and message, then the user's own frames with the line of code."""
        try:
            document = json.loads(payload)
        except ValueError:
            document = {}
        if not isinstance(document, dict):
            document = {}
        kind, message = document.get("errorType", "Error"), str(document.get("errorMessage",
                                                                             payload.decode("utf-8", "replace")))
        first, *rest = message.split("\n")
        yield self._colors(f"{kind}: {first}" if first else str(kind), "red")
        yield from rest
        trace = document.get("stackTrace") or document.get("trace") or []
        for frame in trace if isinstance(trace, list) else []:
            if f"{ENTRY}.py" not in str(frame) and not str(frame).startswith(f"{kind}: {first}"):
                yield from self._frame(str(frame))

    def look(self) -> list[str]:
        """Request and response of the latest invocation; each call goes one further back, from the first to the latest
        again."""
        if not self.recent:
            return ["nothing was invoked yet"]
        self._looked = self._looked % len(self.recent) + 1
        record = self.recent[-self._looked]
        lines = [self._colors(f"#{record.number} {record.function}  {record.trigger}  {record.request_id}", "bold"),
                 self._colors("request", "dim"), *_pretty(record.event)]
        if record.made is None:
            return [*lines, self._colors("it still runs", "dim")]
        return [*lines, self._colors("response", "dim"), 
                *_pretty(bytes(record.response) or record.made.payload[:SHOWN])]

    def _level(self, found: re.Match[str]) -> str:
        level = found["python"] or found["node"]
        pen = {"WARN": "yellow", "WARNING": "yellow", "ERROR": "red", "FATAL": "red", "CRITICAL": "red"}.get(level,
                                                                                                             "dim")
        return "" if level in ("INFO", "LOG") else f"{self._colors(level.lower(), pen)} "

    def _frame(self, frame: str) -> Iterator[str]:
        found = _FRAME.match(frame)
        if not found:
            yield from (self._colors(line, "dim") 
                        for line in frame.replace(f"{self._root}/", "").rstrip("\n").split("\n"))
            return
        file = found["file"].removeprefix(f"{self._root}/")
        own = file != found["file"] and not file.startswith(".sst/")
        place = f"{file}:{found['line']}"
        inside = self._colors(f"in {found['name']}", "dim")
        yield f"  {place if own else self._colors(place, 'dim')} {inside}"
        if own:
            yield from (f"    {line.strip()}" for line in found["text"].split("\n") if line.strip(" ^~"))

    def _say(self, record: Record, text: str) -> None:
        self._line(record.function, text)

    def _line(self, function: str, text: str) -> None:
        self._write(f"{self._colors.name(function)}  {text}")


def _status(response: bytes) -> int:
    """The HTTP status in a handler's answer, or 0."""
    head = response.partition(b"\0" * 8)[0]
    try:
        value: Any = json.loads(head)
        return int(value["statusCode"])
    except (ValueError, KeyError, TypeError):
        return 0


def _pretty(content: bytes) -> list[str]:
    try:
        text = json.dumps(json.loads(content), indent=2, ensure_ascii=False)
    except ValueError:
        text = content.decode("utf-8", "replace") if b"\0" not in content else f"{len(content)} bytes"
    return [f"  {line}" for line in text.split("\n")]
