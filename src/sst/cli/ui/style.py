"""Colours, marks and the width of text on a terminal."""
from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import TextIO, TypeAlias

from ...records import dataclass

__all__ = ["ASCII", "UNICODE", "Line", "Marks", "Paint", "clean", "clip", "marks_for", "seconds", "wants_color",
           "width_of"]

Line: TypeAlias = Sequence[tuple[str, str]]
"""A line of a screen: pieces of text, each with a style name or ``""``."""

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "magenta": "35",
          "cyan": "36",
          "alarm": "1;31"}


@dataclass(frozen=True, slots=True)
class Marks:
    """The signs of a line's state, in what the terminal's encoding can show."""

    done: str
    failed: str
    skipped: str
    warn: str
    more: str
    arrow: str
    spinner: str


UNICODE = Marks("✓", "✗", "○", "!", "…", "→", "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
ASCII = Marks("+", "x", "o", "!", "...", "->", "|/-\\")


def marks_for(stream: TextIO) -> Marks:
    try:
        "✓⠋…".encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE


def wants_color(stream: TextIO, environ: Mapping[str, str], flag: bool | None = None) -> bool:
    """``--no-color``, then ``NO_COLOR``, then ``FORCE_COLOR``, then whether the stream is a terminal that can."""
    if flag is not None:
        return flag
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and environ.get("TERM") != "dumb"


@dataclass(frozen=True, slots=True)
class Paint:
    """Wraps text in a style: ``paint("gone", "red")``; does nothing where colour is off."""

    on: bool

    def __call__(self, text: str, style: str = "") -> str:
        code = _CODES.get(style)
        return f"\x1b[{code}m{text}\x1b[0m" if self.on and code and text else text

    def line(self, pieces: Line) -> str:
        return "".join(self(text, style) for text, style in pieces)


def clean(text: str) -> str:
    """One line without control characters: nothing that a cloud or a name holds can move the cursor."""
    return "".join(c if c.isprintable() else " " for c in text)


def width_of(text: str) -> int:
    """Columns on a terminal."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def clip(line: Line, width: int, more: str = "…") -> Line:
    """The line cut to ``width`` columns, its end marked if something is missing."""
    if sum(width_of(text) for text, _ in line) <= width:
        return line
    room, cut = width - width_of(more), list[tuple[str, str]]()
    for text, style in line:
        kept = ""
        for c in text:
            if width_of(c) > room:
                cut.append((kept + more, style))
                return cut
            kept += c
            room -= width_of(c)
        cut.append((kept, style))
    return cut


def seconds(value: float) -> str:
    """``0.4s``, ``12s``, ``3m 05s``, ``1h 02m``."""
    if value < 9.95:
        return f"{value:.1f}s"
    whole = round(value)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02}m"
