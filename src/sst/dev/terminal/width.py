"""Columns that characters take on a terminal: 0, 1 or 2."""
from __future__ import annotations

import unicodedata

__all__ = ["WIDTH", "width"]


class _Widths(dict[str, int]):
    """Remembers what it was asked."""

    def __missing__(self, c: str) -> int:
        found = _width(c)
        if len(self) < 20_000:
            self[c] = found
        return found


def _width(c: str) -> int:
    # newer than Python's tables, which call such characters wide at random: emoji most of all
    if unicodedata.category(c) == "Cn":
        return 2 if "\U0001f000" <= c <= "\U0003fffd" else 1
    if unicodedata.east_asian_width(c) in "WF":
        return 2
    if c == "\xad":
        return 1
    if unicodedata.category(c) in ("Mn", "Me", "Cf") or "\u1160" <= c <= "\u11ff":
        return 0
    return 1


WIDTH = _Widths()


def width(text: str) -> int:
    """Columns of text that holds no control characters."""
    return len(text) if text.isascii() else sum(WIDTH[c] for c in text)
