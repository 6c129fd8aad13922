"""Prints tables, and whether a figure that was set is reached."""
from __future__ import annotations

from collections.abc import Sequence

from .measure import Cost

__all__ = ["Report"]


class Report:
    """Counts the figures that are missed."""

    def __init__(self) -> None:
        self.missed: list[str] = []
        self._in_list = False

    def title(self, text: str, note: str = "") -> None:
        print(f"\n## {text}\n" + (f"\n{note}\n" if note else ""), flush=True)
        self._in_list = False

    def table(self, head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Markdown, so that it goes into the docs as it stands."""
        lines = [list(head), *([str(c) for c in row] for row in rows)]
        if self._in_list:
            print()     # else Markdown takes the table for a part of the list
        self._in_list = False
        widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
        for number, line in enumerate(lines):
            print("| " + " | ".join(c.ljust(w) if i == 0 else c.rjust(w) for i,
                                    (c, w) in enumerate(zip(line, widths, strict=True))) + " |")
            if number == 0:
                print("|" + "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(widths))
                      + "|")
        print(flush=True)

    def figure(self, what: str, value: float, limit: float, unit: str) -> None:
        """A figure to reach: ``value`` is at most ``limit``."""
        self._figure(what, value, limit, unit, good=value <= limit)

    def at_least(self, what: str, value: float, least: float, unit: str) -> None:
        """A figure to reach: ``value`` is at least ``least``."""
        self._figure(what, value, least, unit, good=value >= least)

    def _figure(self, what: str, value: float, limit: float, unit: str, *, good: bool) -> None:
        print(f"- {'reached' if good else 'MISSED'}: {what}: {value:,.2f} {unit}, to reach {limit:,.2f}", flush=True)
        self._in_list = True
        if not good:
            self.missed.append(what)

    def say(self, text: str) -> None:
        self._in_list = text.startswith("- ")
        print(text, flush=True)


def cells(cost: Cost) -> list[str]:
    """Wall, CPU, peak memory."""
    return [f"{cost.wall:.2f} s", f"{cost.cpu:.2f} s", f"{cost.rss:.0f} MB"]
