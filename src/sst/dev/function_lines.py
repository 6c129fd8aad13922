"""How calls of functions read: one event in, the lines of the Functions pane out."""
from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..build.entry import ENTRY
from .calls import Call, CallStore
from .colors import Colors
from .events import AnyEvent, CallBegan, CallEnded, FunctionBroken, FunctionRecovered, FunctionReloaded, LogLine, Notice
from .tracebacks import Tracebacks

__all__ = ["FunctionLines", "Text"]

_PENS = {"WARN": "yellow", "WARNING": "yellow", "ERROR": "red", "FATAL": "red", "CRITICAL": "red"}


@dataclass(frozen=True, slots=True)
class Text:
    """Lines of one event. ``full`` is there where ``short`` leaves frames of frameworks out."""

    short: tuple[str, ...]
    full: tuple[str, ...] = ()


class FunctionLines:
    """``root`` is the project's folder: paths in tracebacks are relative to it."""

    def __init__(self, root: Path, colors: Colors, store: CallStore) -> None:
        self._colors, self._store = colors, store
        self._tracebacks = Tracebacks(root, colors)

    def __call__(self, event: AnyEvent) -> Text | None:
        match event:
            case CallBegan():
                again = f"  replay of #{event.replay_of}" if event.replay_of else ""
                return self._one(event.function, f"{event.trigger}  {self._colors(f'#{event.number}{again}', 'dim')}")
            case CallEnded():
                return self._ended(event)
            case LogLine():
                return self._log(event)
            case FunctionReloaded():
                return Text((f"{', '.join(map(self._colors.name, event.functions))} reloaded: {_files(event.files)}",))
            case FunctionBroken() if not event.also:
                return self._variants(event.function, lambda full: [
                    f"{self._colors.name(event.function)} can't start",
                    *self.error(event.document, full=full)], indent="", named=False)
            case FunctionRecovered():
                return Text((f"{self._colors.name(event.function)} recovered",))
            case Notice(about="functions"):
                pen = "yellow" if event.level == "warn" else ""
                return Text(tuple(self._colors(line, pen) if pen else line for line in event.text.split("\n")))
        return None

    def error(self, document: str, *, full: bool = False, trace: str = "") -> Iterator[str]:
        """An error document in lines: type and message, then the user's own frames with their code."""
        try:
            known: Any = json.loads(document)
        except ValueError:
            known = {}
        if not isinstance(known, dict):
            known = {}
        kind, message = str(known.get("errorType", "Error")), str(known.get("errorMessage", document))
        if trace:
            yield from self._whole(trace, full=full)
            return
        first, *rest = message.split("\n")
        yield self._colors(f"{kind}: {first}" if first else kind, "red")
        yield from rest
        frames = known.get("stackTrace") or known.get("trace") or []
        text = "\n".join(str(f).rstrip("\n") for f in frames if f"{ENTRY}.py" not in str(f)
                         and not str(f).startswith(f"{kind}: {first}")) if isinstance(frames, list) else ""
        yield from self._tracebacks.lines(text, full=full) if text else ()

    def details(self, call: Call) -> list[str]:
        """Request and response of a call."""
        began, ended = call.began, call.ended
        again = f"  replay of #{began.replay_of}" if began.replay_of else ""
        lines = [self._colors(f"#{began.number} {began.function}  {began.trigger}  {began.request_id}{again}", "bold"),
                 self._colors("request", "dim"), *_pretty(began.request)]
        if ended is None:
            return [*lines, self._colors("it still runs", "dim")]
        facts = f"response  {ended.ms:.0f} ms  {ended.memory_mb} MB"
        return [*lines, self._colors(facts, "dim"), *_pretty(ended.response)]

    def summary(self) -> list[str]:
        """The functions of the session with their calls, and the slowest calls."""
        head = f"{'function':<28}{'calls':>7}{'failed':>8}{'mean':>10}{'longest':>10}{'memory':>9}"
        lines = [self._colors(head, "dim")]
        for name, stats in sorted(self._store.functions.items()):
            mean = stats.total_ms / stats.calls if stats.calls else 0
            failed = self._colors(f"{stats.failed:>8}", "red" if stats.failed else "dim")
            lines.append(f"{name:<28}{stats.calls:>7}{failed}{mean:>7.0f} ms{stats.most_ms:>7.0f} ms"
                         f"{stats.most_memory_mb:>6} MB")
        if slowest := self._store.slowest():
            lines.append(self._colors("slowest calls", "dim"))
            lines += [f"  {c.ended.ms:>7.0f} ms  #{c.began.number} {c.began.function}  {c.began.trigger}"
                      for c in slowest if c.ended]
        return lines

    def _ended(self, event: CallEnded) -> Text:
        cold = self._colors(f"  cold, init {event.init_ms:.0f} ms", "dim") if event.init_ms else ""
        memory = self._colors(f"  {event.memory_mb} MB", "dim") if event.memory_mb else ""
        number = self._colors(f"  #{event.number}", "dim")
        failed = event.error or event.status >= 500
        mark = self._colors("✗", "red") if failed else self._colors("✓", "green")
        status = f"  {event.status}" if event.status else ""
        head = f"{mark} {event.ms:.0f} ms{status}{cold}{memory}{number}"
        if not event.error:
            return self._one(event.function, head)
        return self._variants(event.function, lambda full: [
            head, *(f"  {line}" for line in self.error(event.response, full=full, trace=event.trace))], indent="")

    def _log(self, event: LogLine) -> Text:
        call = self._store.call(event.number)
        since = self._colors(f"+{max(0, event.at - call.began.at) * 1000:.0f}ms", "dim") + " " if call else ""
        level = f"{self._colors(event.level.lower(), _PENS.get(event.level, 'dim'))} " if event.level else ""
        if self._tracebacks.has_frames(event.text):
            return self._variants(event.function, lambda full: self._marked(
                list(self._tracebacks.lines(event.text, full=full)), level), indent=f"  {since}")
        return self._lines(event.function, self._marked(event.text.split("\n"), level), f"  {since}")

    @staticmethod
    def _marked(lines: list[str], level: str) -> list[str]:
        return [f"{level}{lines[0]}", *lines[1:]] if lines else []

    def _whole(self, trace: str, *, full: bool) -> Iterator[str]:
        """A traceback with its causes; the lines that name the exceptions stand out."""
        for line in self._tracebacks.lines(trace, full=full):
            is_name = line[:1].strip() and not line.startswith(("…", "\x1b"))
            yield self._colors(line, "red") if is_name and "/" not in line.split(" ")[0] else line

    def _variants(self, function: str, make: Callable[[bool], list[str]], *, indent: str, named: bool = True) -> Text:
        short, full = make(False), make(True)
        if named:
            short = list(self._lines(function, short, indent).short)
            full = list(self._lines(function, full, indent).short)
        return Text(tuple(short), tuple(full) if full != short else ())

    def _one(self, function: str, text: str) -> Text:
        return self._lines(function, [text], "")

    def _lines(self, function: str, lines: list[str], indent: str) -> Text:
        name = self._colors.name(function)
        return Text(tuple(f"{name}  {indent}{line}" for line in lines))


def _files(files: tuple[str, ...]) -> str:
    more = len(files) - 3
    return ", ".join(files[:3]) + (f" and {more} more" if more > 0 else "")


def _pretty(content: str) -> list[str]:
    with contextlib.suppress(ValueError):
        content = json.dumps(json.loads(content), indent=2, ensure_ascii=False)
    return [f"  {line}" for line in content.split("\n")]
