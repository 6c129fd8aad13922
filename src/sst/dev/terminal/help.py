"""The page of keys that `?` shows."""
from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .pane import Pane
from .row import Row

__all__ = ["help_rows"]

_LIST = (("↑ ↓, j k, tab", "choose a pane"), ("enter", "go into a program, or start it; ctrl-z comes back"),
         ("x, r", "end a program; restart it"), ("page up, page down", "scroll; g and G: to the start, to the end"),
         ("f", "show only lines with some text"), ("/", "search; n and N: the next older and newer match"),
         ("u, y", "open the address of this pane in the browser; copy it"),
         ("z", "this pane alone, with the mouse let go"), ("ctrl-l", "empty the pane"), ("ctrl-c", "end the session"))


def help_rows(pane: Pane, more: Mapping[str, tuple[str, Any]], columns: int) -> list[Row]:
    """The keys of the list, then those of the chosen pane."""
    lines: list[tuple[str, str]] = [("", "")]
    lines += [(f"  {key:<20}{word}", "") for key, word in _LIST]
    own = {**pane.keys, **more}
    if own:
        lines += [("", ""), (f"  In {pane.title}:", "1")]
        lines += [(f"  {key:<20}{word}", "") for key, (word, _) in own.items()]
    return [_row(text, pen, columns) for text, pen in (*lines, ("", ""), ("  any key goes back", "2"))]


def _row(text: Iterable[str], pen: str, columns: int) -> Row:
    row = Row(columns)
    for x, c in enumerate(list(text)[:columns]):
        row.ch[x], row.pens[x] = c, pen
    return row
