"""The rows of a screen and those that scrolled off it."""
from __future__ import annotations

from collections import deque

from .pen import background
from .row import Row

__all__ = ["Grid"]


class Grid:
    """``rows`` always holds ``lines`` rows of ``columns`` cells; ``history`` (the oldest first) holds at most ``keep``
    rows."""

    def __init__(self, columns: int, lines: int, *, keep: int) -> None:
        self.columns, self.lines = columns, lines
        self.rows = [Row(columns) for _ in range(lines)]
        self.history = deque[Row](maxlen=keep)
        self.pushed = 0
        """How many rows ever went to the history."""

    def blank(self, pen: str) -> Row:
        return Row(self.columns, background(pen) if pen else "")

    def scroll_up(self, top: int, bottom: int, count: int, pen: str, *, remember: bool = True) -> None:
        """Rows ``top`` to ``bottom`` move up; what leaves at the very top is remembered."""
        for _ in range(min(count, bottom - top + 1)):
            gone = self.rows.pop(top)
            if top == 0 and remember and self.history.maxlen:
                self.history.append(gone)
                self.pushed += 1
            elif top:
                self.rows[top - 1].wraps = False
            self.rows.insert(bottom, self.blank(pen))

    def scroll_down(self, top: int, bottom: int, count: int, pen: str) -> None:
        for _ in range(min(count, bottom - top + 1)):
            del self.rows[bottom]
            self.rows.insert(top, self.blank(pen))
            self.rows[bottom].wraps = False

    def erase(self, y: int, start: int, end: int, pen: str) -> None:
        """Blank the cells of a row from ``start`` to before ``end``."""
        row = self.rows[y]
        end = min(end, self.columns)
        if start >= end:
            return
        self.split(row, start)
        self.split(row, end)
        row.ch[start:end] = [" "] * (end - start)
        row.pens[start:end] = [background(pen) if pen else ""] * (end - start)
        if end == self.columns:
            row.wraps = False
        row.shown = None

    def erase_rows(self, start: int, end: int, pen: str) -> None:
        for y in range(start, end):
            self.rows[y] = self.blank(pen)

    def insert_cells(self, y: int, x: int, count: int, pen: str) -> None:
        """Blanks at ``x``; what leaves at the right edge is lost."""
        row, count = self.rows[y], min(count, self.columns - x)
        self.split(row, x)
        self.split(row, self.columns - count)
        row.ch[x:] = [" "] * count + row.ch[x: self.columns - count]
        row.pens[x:] = [background(pen)] * count + row.pens[x: self.columns - count]
        row.shown, row.wraps = None, False

    def delete_cells(self, y: int, x: int, count: int, pen: str) -> None:
        row, count = self.rows[y], min(count, self.columns - x)
        self.split(row, x)
        self.split(row, x + count)
        row.ch[x:] = row.ch[x + count:] + [" "] * count
        row.pens[x:] = row.pens[x + count:] + [background(pen)] * count
        row.shown, row.wraps = None, False

    @staticmethod
    def split(row: Row, x: int) -> None:
        """Whatever is written from or up to ``x`` on, no half of a wide character stays."""
        if 0 < x < len(row.ch) and not row.ch[x]:
            row.ch[x - 1] = row.ch[x] = " "

    def clip(self, columns: int, lines: int, cursor: tuple[int, int]) -> tuple[int, int]:
        """Resize as programs of a whole screen expect, who draw it anew: nothing moves sideways. Gives the cursor's new
        place."""
        x, y = cursor
        for row in self.rows:
            row.fit(columns)
        surplus = max(0, min(y - lines + 1, len(self.rows) - lines))
        del self.rows[:surplus]
        del self.rows[lines:]
        self.columns, self.lines = columns, lines
        self.rows += [self.blank("") for _ in range(lines - len(self.rows))]
        return min(x, columns - 1), max(0, min(y - surplus, lines - 1))

    def reflow(self, columns: int, lines: int, cursor: tuple[int, int]) -> tuple[int, int]:
        """Resize so that lines which were too long are broken anew. Gives the cursor's new place."""
        x, y = cursor
        if columns == self.columns:
            return self._refill([*self.history, *self.rows], lines, (x, len(self.history) + y))
        out, place = list[Row](), (0, 0)
        line, at = Row(0), -1
        old = [*self.history, *self.rows]
        for number, row in enumerate(old):
            here = number == len(self.history) + y
            size = len(row.ch) if row.wraps else max(row.length(), x if here else 0)
            if row.wraps and row.ch[-1:] == [" "] and old[number + 1: number + 2] and old[number + 1].ch[1:2] == [""]:
                size -= 1  # left empty because a wide character did not fit
            if here:
                at = len(line.ch) + min(x, size)
            line.ch += row.ch[:size]
            line.pens += row.pens[:size]
            if not row.wraps:
                broken, spot = _broken(line, columns, at)
                if spot:
                    place = (spot[0], len(out) + spot[1])
                out += broken
                line, at = Row(0), -1
        if line.ch:
            out += _broken(line, columns, -1)[0]
        self.columns = columns
        return self._refill(out, lines, place)

    def _refill(self, rows: list[Row], lines: int, cursor: tuple[int, int]) -> tuple[int, int]:
        """The last rows become the screen, the others the history; empty rows below the cursor go first."""
        x, y = cursor
        while len(rows) > max(lines, y + 1) and not rows[-1].length():
            rows.pop()
        top = max(0, len(rows) - lines)
        if y < top:  # the cursor stays on the screen
            top = y
            del rows[top + lines:]
        self.lines = lines
        self.history = deque(rows[:top], self.history.maxlen)
        self.rows = rows[top:] + [Row(self.columns) for _ in range(lines - len(rows) + top)]
        return min(x, self.columns - 1), y - top


def _broken(line: Row, columns: int, at: int) -> tuple[list[Row], tuple[int, int] | None]:
    """A line as rows, and where its cell ``at`` went."""
    rows, start, spot = list[Row](), 0, None
    while True:
        end = min(start + columns, len(line.ch))
        if end < len(line.ch) and not line.ch[end] and end - start > 1:
            end -= 1
        row = Row(0)
        row.ch, row.pens = line.ch[start:end], line.pens[start:end]
        if columns == 1 and row.ch and (not row.ch[0] or line.ch[end: end + 1] == [""]):
            row.ch[0] = " "  # there is no place for a wide character
        row.fit(columns)
        last = end >= len(line.ch)
        row.wraps = not last
        if at >= start and (at < end or last):
            spot = (min(at - start, columns - 1), len(rows))
        rows.append(row)
        if last:
            return rows, spot
        start = end
