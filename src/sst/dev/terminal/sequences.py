"""What each control sequence does: tables from its last characters to an action."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from .vt import Terminal

__all__ = ["ESCAPES", "PRIVATE", "SEQUENCES"]

Action: TypeAlias = Callable[["Terminal", list[int]], object]


def _at(p: list[int], i: int = 0) -> int:
    """A parameter that is 1 when left out or 0."""
    return (p[i] or 1) if i < len(p) else 1


def _up(t: Terminal, p: list[int]) -> None:
    limit = t.top if t.y >= t.top else 0
    t.x, t.y = min(t.x, t.columns - 1), max(limit, t.y - _at(p))


def _down(t: Terminal, p: list[int]) -> None:
    limit = t.bottom if t.y <= t.bottom else t.lines - 1
    t.x, t.y = min(t.x, t.columns - 1), min(limit, t.y + _at(p))


def _right(t: Terminal, p: list[int]) -> None:
    t.x = min(min(t.x, t.columns - 1) + _at(p), t.columns - 1)


def _left(t: Terminal, p: list[int]) -> None:
    t.x = max(0, min(t.x, t.columns - 1) - _at(p))


def _next_line(t: Terminal, p: list[int]) -> None:
    _down(t, p)
    t.x = 0


def _previous_line(t: Terminal, p: list[int]) -> None:
    _up(t, p)
    t.x = 0


def _column(t: Terminal, p: list[int]) -> None:
    t.x = min(_at(p) - 1, t.columns - 1)


def _line(t: Terminal, p: list[int]) -> None:
    t.go(min(t.x, t.columns - 1), _at(p) - 1)


def _position(t: Terminal, p: list[int]) -> None:
    t.go(_at(p, 1) - 1, _at(p) - 1)


def _erase_display(t: Terminal, p: list[int]) -> None:
    t.x = min(t.x, t.columns - 1)
    if p[0] == 0:
        t.grid.erase(t.y, t.x, t.columns, t.pen)
        t.grid.erase_rows(t.y + 1, t.lines, t.pen)
    elif p[0] == 1:
        t.grid.erase(t.y, 0, t.x + 1, t.pen)
        t.grid.erase_rows(0, t.y, t.pen)
    elif p[0] == 2:
        t.grid.erase_rows(0, t.lines, t.pen)
    elif p[0] == 3:
        t.history.clear()


def _erase_line(t: Terminal, p: list[int]) -> None:
    t.x = min(t.x, t.columns - 1)
    start, end = {0: (t.x, t.columns), 1: (0, t.x + 1), 2: (0, t.columns)}.get(p[0], (0, 0))
    t.grid.erase(t.y, start, end, t.pen)


def _insert_lines(t: Terminal, p: list[int]) -> None:
    if t.top <= t.y <= t.bottom:
        t.grid.scroll_down(t.y, t.bottom, _at(p), t.pen)
        t.x = 0


def _delete_lines(t: Terminal, p: list[int]) -> None:
    if t.top <= t.y <= t.bottom:
        t.grid.scroll_up(t.y, t.bottom, _at(p), t.pen, remember=False)
        t.x = 0


def _scroll_up(t: Terminal, p: list[int]) -> None:
    t.grid.scroll_up(t.top, t.bottom, _at(p), t.pen)


def _scroll_down(t: Terminal, p: list[int]) -> None:
    t.grid.scroll_down(t.top, t.bottom, _at(p), t.pen)


def _insert_cells(t: Terminal, p: list[int]) -> None:
    t.x = min(t.x, t.columns - 1)
    t.grid.insert_cells(t.y, t.x, _at(p), t.pen)


def _delete_cells(t: Terminal, p: list[int]) -> None:
    t.x = min(t.x, t.columns - 1)
    t.grid.delete_cells(t.y, t.x, _at(p), t.pen)


def _erase_cells(t: Terminal, p: list[int]) -> None:
    t.x = min(t.x, t.columns - 1)
    t.grid.erase(t.y, t.x, t.x + _at(p), t.pen)


def _back_tab(t: Terminal, p: list[int]) -> None:
    for _ in range(min(_at(p), t.columns)):
        t.x = next((x for x in range(min(t.x, t.columns) - 1, 0, -1) if t.has_tab(x)), 0)


def _margins(t: Terminal, p: list[int]) -> None:
    top, bottom = _at(p) - 1, (p[1] if len(p) > 1 and p[1] else t.lines) - 1
    if top < min(bottom, t.lines - 1):
        t.top, t.bottom = top, min(bottom, t.lines - 1)
        t.go(0, 0)


def _mode(t: Terminal, p: list[int], *, on: bool) -> None:
    for number in p:
        if number == 4:
            t.insert = on
        elif number == 20:
            t.newline = on


def _private_mode(t: Terminal, p: list[int], *, on: bool) -> None:
    for number in p:
        t.set_mode(number, on=on)


def _status(t: Terminal, p: list[int]) -> None:
    if p[0] == 5:
        t.answer("\x1b[0n")
    elif p[0] == 6:
        above = t.top if 6 in t.modes else 0
        t.answer(f"\x1b[{t.y - above + 1};{min(t.x, t.columns - 1) + 1}R")


def _ask_mode(t: Terminal, p: list[int]) -> None:
    t.answer(f"\x1b[?{p[0]};{1 if p[0] in t.modes else 2 if p[0] in KNOWN_MODES else 0}$y")


def _soft_reset(t: Terminal) -> None:
    t.modes = (t.modes - {1, 6}) | {7, 25}
    t.insert = t.newline = False
    t.top, t.bottom, t.pen = 0, t.lines - 1, ""


def _index_start(t: Terminal) -> None:
    t.x = 0
    t.index()


KNOWN_MODES = {1, 6, 7, 25, 47, 1000, 1002, 1003, 1004, 1006, 1047, 1048, 1049, 2004, 2026}

SEQUENCES: Mapping[str, Action] = {
    "A": _up, "B": _down, "C": _right, "D": _left, "E": _next_line, "F": _previous_line, "G": _column, "H": _position,
    "I": lambda t, p: t.tab(_at(p)), "J": _erase_display, "K": _erase_line, "L": _insert_lines, "M": _delete_lines,
    "P": _delete_cells,
    "S": _scroll_up, "T": _scroll_down,
    "X": _erase_cells, "Z": _back_tab, "@": _insert_cells, "`": _column, "a": _right, "b": lambda t,
    p: t.repeat(_at(p)),
    "c": lambda t, p: t.answer("\x1b[?62;22c"), "d": _line, "e": _down, "f": _position, "g": lambda t,
    p: t.clear_tabs(p[0]),
    "h": lambda t, p: _mode(t, p, on=True), "l": lambda t, p: _mode(t, p, on=False), "n": _status, "r": _margins,
    "s": lambda t, p: t.save(), "u": lambda t, p: t.restore(),
}
"""``ESC [ parameters x``."""

PRIVATE: Mapping[str, Action] = {
    "?h": lambda t, p: _private_mode(t, p, on=True), "?l": lambda t, p: _private_mode(t, p, on=False), "?$p": _ask_mode,
    "?J": _erase_display, "?K": _erase_line, ">c": lambda t, p: t.answer("\x1b[>0;10;1c"), "!p": lambda t,
    p: _soft_reset(t),
}
"""Those with a prefix or something between parameters and end."""

ESCAPES: Mapping[str, Callable[[Terminal], object]] = {
    "7": lambda t: t.save(), "8": lambda t: t.restore(), "D": lambda t: t.index(), "E": _index_start,
    "H": lambda t: t.set_tab(),
    "M": lambda t: t.index_back(), "c": lambda t: t.reset(),
}
"""``ESC x``."""
