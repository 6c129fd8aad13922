"""A pane of lines: what a session, its functions and its deploys have to say."""
from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .pane import COLOUR, Pane, plain, safe
from .pen import apply
from .row import Row
from .vt import Terminal

__all__ = ["LogPane"]


def _coloured(lines: list[str]) -> list[str]:
    """Lines that can be shown one without the other."""
    if len(lines) == 1:
        return lines
    pen, out = "", []
    for line in lines:
        out.append(f"\x1b[{pen}m{line}" if pen else line)
        for code in COLOUR.findall(line):
            pen = apply(pen, code[2:-1])
    return out


@dataclass(frozen=True, slots=True)
class _Folded:
    """Lines that stand for more."""

    short: tuple[str, ...]
    full: tuple[str, ...]

    def map(self, change: Callable[[str], str]) -> _Folded:
        return _Folded(tuple(map(change, self.short)), tuple(map(change, self.full)))


class LogPane(Pane):
    """Lines that are written to it, with SGR colours; the last ``keep`` of them. ``write_line`` may be called from any
    thread."""

    def __init__(self, title: str, *, icon: str = "λ", keep: int = 10_000) -> None:
        super().__init__(title, icon=icon)
        self._lines = deque[str | _Folded](maxlen=keep)
        self._inbox = deque[str | _Folded]()
        self._broken: dict[str, list[Row]] = {}
        self._columns = 0
        self._filter = self._search = ""
        self._unfolded = False

    def write_line(self, text: str) -> None:
        """Add a line, or several that newlines part; a colour goes on until it is switched off."""
        lines = _coloured(text.split("\n"))
        self._inbox.extend(lines)
        for line in lines if self._taps else ():
            self._pass_on(line)
        self.unread = True
        self._tell()

    def write_lines(self, short: Sequence[str], full: Sequence[str] = ()) -> None:
        """Add lines that belong together. ``full`` is shown in their place while ``unfolded``."""
        if not full:
            return self.write_line("\n".join(short))
        self._inbox.append(_Folded(tuple(_coloured(list(short))), tuple(_coloured(list(full)))))
        for line in short if self._taps else ():
            self._pass_on(line)
        self.unread = True
        self._tell()

    def clear(self) -> None:
        self._take()
        self._lines.clear()
        self._broken.clear()
        self.back = 0
        self._tell()

    @property
    def filter(self) -> str:
        """Only lines that hold this are shown, in whatever case; ``""`` shows all."""
        return self._filter

    @filter.setter
    def filter(self, text: str) -> None:
        self._filter, self.back = text, 0
        self._tell()

    @property
    def unfolded(self) -> bool:
        """Whether lines that stand for longer ones are shown in full."""
        return self._unfolded

    @unfolded.setter
    def unfolded(self, yes: bool) -> None:
        self._unfolded = yes
        self._tell()

    @property
    def search(self) -> str:
        """Rows that hold this are marked; the lines around them stay. Set it, then call ``find``."""
        return self._search

    @search.setter
    def search(self, text: str) -> None:
        self._search = text
        self._tell()

    def find(self, *, older: bool, first: bool = False) -> bool:
        """Scroll to the next row that holds ``search``, towards older or newer ones; False if there is none. ``first``:
        the last row in view counts too."""
        rows = [row for line in self._shown() for row in self._break(line)]
        last = len(rows) - 1 - self.back
        order = range(last - (not first), -1, -1) if older else range(last + 1, len(rows))
        wanted = self._search.lower()
        found = next((n for n in order if wanted in rows[n].text().lower()), None)
        if not wanted or found is None:
            return False
        self.back = len(rows) - 1 - found
        self._tell()
        return True

    def lines(self) -> list[str]:
        """All that it holds, the filter aside."""
        self._take()
        return [line for entry in self._lines for line in self._text(entry)]

    def _text(self, entry: str | _Folded) -> tuple[str, ...]:
        if isinstance(entry, str):
            return (entry,)
        return entry.full if self._unfolded else entry.short

    def _shown(self) -> list[str]:
        """The lines that the filter leaves, the oldest first."""
        return [line for line in self.lines() if self._shows(line)]

    def rows(self, columns: int, lines: int) -> list[Row]:
        if columns != self._columns:
            self._columns = columns
            self._broken.clear()
        self._take()
        wanted, found = lines + self.back, list[list[Row]]()
        have = 0
        for line in (line for entry in reversed(self._lines) for line in reversed(self._text(entry))):
            if have >= wanted:
                break
            if self._shows(line):
                found.append(self._break(line))
                have += len(found[-1])
        self.back = max(0, min(self.back, have - lines))
        rows = [row for broken in reversed(found) for row in broken]
        end = len(rows) - self.back
        return [self._searched(row) for row in rows[max(0, end - lines): end]]

    def _searched(self, row: Row) -> Row:
        at = row.text().lower().find(self._search.lower()) if self._search else -1
        return row.marked(at, at + len(self._search)) if at >= 0 else row

    def _shows(self, line: str) -> bool:
        return not self._filter or self._filter.lower() in plain(line).lower()

    def _take(self) -> None:
        """The view stays where it is while somebody reads further back."""
        while self._inbox:
            entry = self._inbox.popleft()
            entry = safe(entry) if isinstance(entry, str) else entry.map(safe)
            self._lines.append(entry)
            for line in self._text(entry) if self.back and self._columns else ():
                if self._shows(line):
                    self.back += len(self._break(line))

    def _break(self, line: str) -> list[Row]:
        rows = self._broken.get(line)
        if rows is None:
            if len(self._broken) > 4000:
                self._broken.clear()
            t = Terminal(max(1, self._columns), 1, keep=200)
            t.feed(line.encode("utf-8", "replace"))
            rows = self._broken[line] = [*t.history, *t.rows]
        return rows
