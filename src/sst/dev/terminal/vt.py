"""A terminal of the xterm family, as far as programs use it.

    terminal = Terminal(80, 24)
    terminal.feed(b"\\x1b[1;31mred\\x1b[0m")
    assert terminal.rows[0].text() == "red" and terminal.rows[0].pens[0] == "1;31"

Printable text is by far most of what arrives: runs of it are put into a row by one slice assignment.
"""
from __future__ import annotations

import unicodedata
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from .control import LINE_DRAWING, TOKEN, Stream
from .grid import Grid
from .pen import apply
from .row import Row
from .sequences import ESCAPES, PRIVATE, SEQUENCES
from .width import WIDTH

__all__ = ["Terminal"]


@dataclass(frozen=True)
class _Saved:
    x: int = 0
    y: int = 0
    pen: str = ""
    origin: bool = False
    wrap: bool = True
    charsets: tuple[str, str] = ("B", "B")
    charset: int = 0


class Terminal:
    """``columns`` and ``lines`` of at least 1; ``keep`` rows of scrollback; ``reply`` gets what programs are answered.

    ``x`` is ``columns`` while the next character will wrap.
    """

    def __init__(self, columns: int, lines: int, *, keep: int = 5000,
                 reply: Callable[[bytes], object] | None = None) -> None:
        self.columns, self.lines, self._reply = columns, lines, reply
        self.main, self.other = Grid(columns, lines, keep=keep), Grid(columns, lines, keep=0)
        self._stream = Stream()
        self.title = ""
        self.bell = False
        self.grid = self.main
        self.pen = ""
        self.x = self.y = self.top = self.bottom = 0
        self.reset()

    def reset(self) -> None:
        self.grid = self.main
        self.x = self.y = self.top = 0
        self.bottom = self.lines - 1
        self.pen = ""
        self.modes = {7, 25}
        """The DEC private modes that are set. 7 wraps, 25 shows the cursor, 1049 and its like are the alternate
        screen."""
        self.insert = self.newline = False
        self._charsets, self._charset = ("B", "B"), 0
        self._saved = {id(self.main): _Saved(), id(self.other): _Saved()}
        self._tabs = set(range(8, 1000, 8))
        self._last = " "
        self.main.erase_rows(0, self.lines, "")
        self.other.erase_rows(0, self.lines, "")

    @property
    def rows(self) -> list[Row]:
        return self.grid.rows

    @property
    def history(self) -> deque[Row]:
        """What scrolled off the main screen, the oldest first."""
        return self.main.history

    @property
    def alternate(self) -> bool:
        return self.grid is self.other

    def display(self) -> list[str]:
        """The text of the screen's rows, without blanks at their ends."""
        return [row.text() for row in self.rows]

    def feed(self, data: bytes) -> None:
        """Take what a program wrote. Sequences and characters may be cut anywhere between two calls."""
        text, at = self._stream.decode(data), 0
        while at < len(text):
            for m in TOKEN.finditer(text, at):
                kind = m.lastgroup
                if kind == "text":
                    self._print(m.group())
                elif kind == "final":
                    parameters, final = m["parameters"], m[kind]
                    if final == "m":
                        self.pen = apply(self.pen, parameters) if parameters not in ("", "0") else ""
                    elif ":" not in parameters and (action := SEQUENCES.get(final)):
                        action(self, [min(int(p[:5]), 9999) if p else 0 for p in parameters.split(";")])
                elif kind == "control":
                    self._control(m.group())
                elif kind == "lone":
                    at, text, control = self._stream.unfinished(text, m.start())
                    if control:
                        self._control(control)
                    break
                else:
                    self._rare(kind or "", m.groupdict())
            else:
                return

    def resize(self, columns: int, lines: int) -> None:
        """The main screen's long lines are broken anew; the alternate screen is cut or filled."""
        if (columns, lines) == (self.columns, self.lines):
            return
        at, away = (min(self.x, self.columns - 1), self.y), self._saved[id(self.main)]
        if self.alternate:
            x, y = self.main.reflow(columns, lines, (min(away.x, self.columns - 1), min(away.y, self.lines - 1)))
            self._saved[id(self.main)] = _Saved(x, y, away.pen, away.origin, away.wrap, away.charsets, away.charset)
            self.x, self.y = self.other.clip(columns, lines, at)
        else:
            self.x, self.y = self.main.reflow(columns, lines, at)
            self.other.clip(columns, lines, (0, 0))
        self.columns, self.lines = columns, lines
        self.top, self.bottom = 0, lines - 1

    def answer(self, text: str) -> None:
        if self._reply:
            self._reply(text.encode())

    # printing

    def _print(self, text: str) -> None:
        if self._charsets[self._charset] == "0":
            text = text.translate(LINE_DRAWING)
        if not text.isascii() and any(WIDTH[c] != 1 for c in set(text)):
            for c in text:
                self._print_any(c)
            return
        self._last = text[-1]
        columns, pen = self.columns, self.pen
        while text:
            if self.x >= columns:
                self._wrap()
            x, rest = self.x, ""
            room = columns - x
            if len(text) > room:
                if 7 in self.modes:
                    text, rest = text[:room], text[room:]
                else:
                    text = text[: room - 1] + text[-1]
            n = len(text)
            if self.insert:
                self.grid.insert_cells(self.y, x, n, "")
            row = self.grid.rows[self.y]
            ch, end = row.ch, x + n
            if not ch[x]:
                ch[x - 1] = " "
            if end < columns and not ch[end]:
                ch[end] = " "
            ch[x:end] = text
            row.pens[x:end] = [pen] * n
            row.shown = None
            self.x = end
            text = rest

    def _wrap(self) -> None:
        if 7 in self.modes:
            self.grid.rows[self.y].wraps = True
            self.x = 0
            self.index()
        else:
            self.x = self.columns - 1

    def _print_any(self, c: str) -> None:
        """One character of any width."""
        wide = WIDTH[c]
        if wide == 0:
            self._combine(c)
            return
        self._last = c
        if self.x + wide > self.columns:
            if wide > self.columns:
                c, wide = " ", 1
            elif self.x < self.columns and 7 in self.modes:
                self.grid.erase(self.y, self.x, self.columns, self.pen)
            self._wrap()
            self.x = min(self.x, self.columns - wide)
        if self.insert:
            self.grid.insert_cells(self.y, self.x, wide, "")
        row = self.grid.rows[self.y]
        self.grid.split(row, self.x)
        self.grid.split(row, self.x + wide)
        row.ch[self.x] = c
        row.pens[self.x] = self.pen
        if wide == 2:
            row.ch[self.x + 1] = ""
            row.pens[self.x + 1] = self.pen
        row.shown = None
        self.x += wide

    def _combine(self, c: str) -> None:
        row, x = self.grid.rows[self.y], self.x - 1
        if x > 0 and not row.ch[x]:
            x -= 1
        if x >= 0 and len(row.ch[x]) < 8:
            row.ch[x] = unicodedata.normalize("NFC", row.ch[x] + c)
            row.shown = None

    # controls

    def _control(self, c: str) -> None:
        if c in "\n\x0b\x0c":
            self.index()
            if self.newline:
                self.x = 0
        elif c == "\r":
            self.x = 0
        elif c == "\b":
            self.x = max(0, min(self.x, self.columns - 1) - 1)
        elif c == "\t":
            self.tab(1)
        elif c == "\x07":
            self.bell = True
        elif c in "\x0e\x0f":
            self._charset = 1 if c == "\x0e" else 0

    def tab(self, count: int) -> None:
        for _ in range(min(count, self.columns)):
            self.x = next((x for x in range(self.x + 1, self.columns) if x in self._tabs), self.columns - 1)

    def index(self) -> None:
        """Down a row; at the bottom margin what is above scrolls."""
        if self.y == self.bottom:
            self.grid.scroll_up(self.top, self.bottom, 1, self.pen)
        elif self.y < self.lines - 1:
            self.y += 1

    def index_back(self) -> None:
        if self.y == self.top:
            self.grid.scroll_down(self.top, self.bottom, 1, self.pen)
        elif self.y:
            self.y -= 1

    def save(self) -> None:
        self._saved[id(self.grid)] = _Saved(self.x, self.y, self.pen, 6 in self.modes, 7 in self.modes, self._charsets,
                                            self._charset)

    def restore(self) -> None:
        s = self._saved[id(self.grid)]
        self.x, self.y, self.pen = min(s.x, self.columns), min(s.y, self.lines - 1), s.pen
        self._charsets, self._charset = s.charsets, s.charset
        self.modes = (self.modes - {6, 7}) | ({6} if s.origin else set()) | ({7} if s.wrap else set())

    def go(self, x: int, y: int) -> None:
        """Move the cursor; in origin mode rows count from the top margin."""
        low, high = (self.top, self.bottom) if 6 in self.modes else (0, self.lines - 1)
        self.x = max(0, min(x, self.columns - 1))
        self.y = max(low, min(y + low, high))

    def set_tab(self) -> None:
        self._tabs.add(min(self.x, self.columns - 1))

    def has_tab(self, x: int) -> bool:
        return x in self._tabs

    def clear_tabs(self, what: int) -> None:
        if what == 3:
            self._tabs.clear()
        elif what == 0:
            self._tabs.discard(min(self.x, self.columns - 1))

    def repeat(self, count: int) -> None:
        self._print(self._last * min(count, self.columns * self.lines))

    def designate(self, slot: int, charset: str) -> None:
        self._charsets = (charset, self._charsets[1]) if slot == 0 else (self._charsets[0], charset)

    def set_mode(self, number: int, *, on: bool) -> None:
        """Set or reset a DEC private mode."""
        if number in (47, 1047, 1049):
            self._switch(number, on=on)
        elif number == 1048:
            (self.save if on else self.restore)()
        (self.modes.add if on else self.modes.discard)(number)
        if number == 6:
            self.go(0, 0)

    def _switch(self, number: int, *, on: bool) -> None:
        if on == self.alternate:
            return
        if on:
            if number == 1049:
                self.save()
            self.grid = self.other
            if number == 1049:
                self.other.erase_rows(0, self.lines, "")
        else:
            self.modes -= {47, 1047, 1049}
            self.grid = self.main
            if number == 1049:
                self.restore()

    def _rare(self, kind: str, parts: dict[str, str]) -> None:
        if kind == "escape" and (escape := ESCAPES.get(parts["escape"])):
            escape(self)
        elif kind == "designated" and parts["slot"] in "()":
            self.designate("()".index(parts["slot"]), parts["designated"])
        elif kind == "designated" and parts["slot"] + parts["designated"] == "#8":
            for row in self.grid.rows:
                row.ch, row.pens, row.shown = ["E"] * self.columns, [""] * self.columns, None
        elif kind == "private":
            numbers = [min(int(p[:5]), 9999) if p.isdigit() else 0 for p in parts["numbers"].split(";")]
            if action := PRIVATE.get(parts["prefix"] + parts["between"] + parts["private"]):
                action(self, numbers)
        elif kind == "said" and parts["said"][:2] in ("0;", "2;"):
            self.title = "".join(c for c in parts["said"][2:] if c.isprintable())[:200]
