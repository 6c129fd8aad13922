"""A row of cells, and how it is written to the terminal."""
from __future__ import annotations

from itertools import groupby

from .pen import sgr, without_colour

__all__ = ["Row"]


class Row:
    """``ch`` holds a cell's text (``""`` is the second half of a wide character), ``pens`` how it looks. Both are as
    long as the row.

    Whoever changes them sets ``shown`` to None. ``wraps``: the line goes on in the next row.
    """

    __slots__ = ("ch", "pens", "shown", "wraps")

    def __init__(self, columns: int, pen: str = "") -> None:
        self.ch = [" "] * columns
        self.pens = [pen] * columns
        self.wraps = False
        self.shown: tuple[int, int, bool, str] | None = None

    def text(self) -> str:
        """Without blanks at the end."""
        return "".join(self.ch).rstrip(" ")

    def fit(self, columns: int) -> None:
        """Cut or fill it to a number of columns."""
        if len(self.ch) < columns:
            more = columns - len(self.ch)
            self.ch += [" "] * more
            self.pens += [""] * more
        elif len(self.ch) > columns:
            if columns and not self.ch[columns]:
                self.ch[columns - 1] = " "
            del self.ch[columns:], self.pens[columns:]
        self.shown = None

    def length(self) -> int:
        """Cells up to the last that shows anything."""
        n = len(self.ch)
        while n and self.ch[n - 1] == " " and not self.pens[n - 1]:
            n -= 1
        return n

    def marked(self, start: int, end: int) -> Row:
        """A copy with some cells in reverse, as a selection is shown."""
        copy = Row(0)
        copy.ch, copy.pens = list(self.ch), list(self.pens)
        for x in range(max(0, start), min(end, len(copy.pens))):
            parts = copy.pens[x].split(";") if copy.pens[x] else []
            copy.pens[x] = "7" if "7" not in parts else ""
        return copy

    def show(self, columns: int, left: int, *, colour: bool = True) -> str:
        """What draws the row into ``columns`` columns from column ``left`` (the first is 1) to the right edge of the
        terminal."""
        if self.shown and self.shown[:3] == (columns, left, colour):
            return self.shown[3]
        end = min(self.length(), columns)
        if end < len(self.ch) and end and not self.ch[end]:
            end -= 1  # a wide character that does not fit
        out, x, now = [], 0, ""
        for pen, cells in groupby(self.pens[:end]):
            n = sum(1 for _ in cells)
            wanted = pen if colour else without_colour(pen)
            if wanted != now:
                out.append(sgr(wanted))
                now = wanted
            text = "".join(self.ch[x: x + n])
            if len(text) == n and text.isascii():
                out.append(text)
            else:
                out.append(self._uneven(x, x + n, left))
            x += n
        if now:
            out.append("\x1b[0m")
        if end < columns:
            out.append("\x1b[K")
        self.shown = (columns, left, colour, "".join(out))
        return self.shown[3]

    def _uneven(self, start: int, end: int, left: int) -> str:
        """Cells that hold several characters: terminals differ in how wide they are, so the next cell is addressed."""
        out = []
        for x in range(start, end):
            out.append(self.ch[x])
            if len(self.ch[x]) > 1:
                after = x + 2 if x + 1 < len(self.ch) and not self.ch[x + 1] else x + 1
                out.append(f"\x1b[{left + after}G")
        return "".join(out)
