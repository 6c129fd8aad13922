"""The picture: where sidebar, pane and help go, and which rows of it have to be written again."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .pane import Pane
from .pen import sgr, without_colour
from .row import Row
from .width import WIDTH, width

__all__ = ["Frame", "Layout", "layout"]

SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
MARKS = {"running": ("●", "32"), "ok": ("✓", "32"), "failed": ("✗", "31"), "idle": ("○", "2"), "": (" ", "")}


@dataclass(frozen=True)
class Layout:
    """``side`` columns of sidebar, 0 if it is collapsed; the pane's place, its first column and row counted from 1."""

    columns: int
    lines: int
    side: int
    left: int
    top: int
    width: int
    height: int
    help: bool


def layout(columns: int, lines: int, titles: Sequence[str], *, zoom: bool = False) -> Layout:
    """Below 60 columns the sidebar becomes one line at the top; a very low terminal shows the pane alone."""
    bar = lines >= 4
    wide = columns >= 60 and lines >= 4 and not zoom
    side = max(16, min(24 if columns >= 100 else 20, max(map(width, titles), default=0) + 12)) if wide else 0
    header = not wide and not zoom and lines >= 6
    left, top = side + 2 if side else 1, 2 if header else 1
    return Layout(columns, lines, side, left, top, max(1, columns - left + 1), max(1, lines - bar - header), bar)


class Frame:
    """Remembers what the terminal shows and gives what is different."""

    def __init__(self, *, colour: bool) -> None:
        self.colour = colour
        self._shown: dict[tuple[int, int], str] = {}

    def forget(self) -> None:
        """The terminal's picture is lost: all is written again."""
        self._shown.clear()

    def paint(self, text: str, pen: str) -> str:
        pen = pen if self.colour else without_colour(pen)
        return f"{sgr(pen)}{text}\x1b[0m" if pen else text

    def draw(self, at: Layout, pieces: dict[tuple[int, int], str], cursor: tuple[int, int] | None) -> str:
        """``pieces`` by column and row (from 1), each painted to its end. Gives ``""`` when there is nothing to
        write."""
        out = [f"\x1b[{y};{x}H{piece}" for (x, y), piece in pieces.items() if self._shown.get((x, y)) != piece]
        spot = f"\x1b[{cursor[1]};{cursor[0]}H\x1b[?25h" if cursor else ""
        if not out and self._shown.get((0, 0)) == spot:
            return ""
        self._shown = {**pieces, (0, 0): spot}
        return f"\x1b[?2026h\x1b[?25l{''.join(out)}{spot}\x1b[?2026l"

    def sidebar(self, at: Layout, panes: Sequence[Pane], selected: int, *, active: bool,
                now: float) -> dict[tuple[int, int], str]:
        """One row for each pane; with many, those around the selected one."""
        if not at.side:
            return {(1, 1): self._header(at, panes, selected, now)} if at.top > 1 else {}
        rows, out = at.lines - at.help, {}
        first = max(0, min(selected - rows // 2, len(panes) - rows))
        for y in range(rows):
            text = " " * at.side
            if first + y < len(panes):
                text = self._entry(panes[first + y], at.side, chosen=first + y == selected, active=active, now=now)
            out[1, y + 1] = f"{text}{self.paint('│', '2' if active else '36')}"
        return out

    def _entry(self, pane: Pane, room: int, *, chosen: bool, active: bool, now: float) -> str:
        mark, pen = MARKS.get(pane.mark, MARKS[""])
        note = pane.note
        if pane.mark == "busy":
            mark, pen = SPINNER[int(now * 10) % len(SPINNER)], "36"
            note = note or _elapsed(now - pane.since)
        right = f"{note} {mark} " if note else f"{mark} "
        left = fit(f" {pane.icon} {pane.title}", max(0, room - width(right) - 1))
        text = left + " " * (room - width(left) - width(right))
        if chosen:
            return self.paint(fit(text + right, room), "7" if active else "1")
        return self.paint(text, "1" if pane.unread and pane.mark == "failed" else "") + self.paint(right, pen)

    def _header(self, at: Layout, panes: Sequence[Pane], selected: int, now: float) -> str:
        pane = panes[selected]
        mark = SPINNER[int(now * 10) % len(SPINNER)] if pane.mark == "busy" else MARKS.get(pane.mark, MARKS[""])[0]
        failed = sum(p.mark == "failed" for p in panes)
        more = f"  {failed} failed" if failed and (failed > 1 or pane.mark != "failed") else ""
        text = fit(f" {selected + 1}/{len(panes)} {pane.icon} {pane.title} {mark} {pane.note}{more}", at.columns)
        return self.paint(text + " " * (at.columns - width(text)), "7")

    def main(self, at: Layout, rows: Sequence[Row]) -> dict[tuple[int, int], str]:
        shown = {(at.left, at.top + n): row.show(at.width, at.left, colour=self.colour) for n,
                 row in enumerate(rows[: at.height])}
        return {(at.left, at.top + n): shown.get((at.left, at.top + n), "\x1b[K") for n in range(at.height)}

    def help(self, at: Layout, text: str, *, alarm: bool = False) -> dict[tuple[int, int], str]:
        """The last row. Its last column stays empty: some terminals scroll when that cell is written."""
        if not at.help:
            return {}
        return {(1, at.lines): self.paint(fit(text, at.columns - 1), "33" if alarm else "2") + "\x1b[K"}


def fit(text: str, room: int) -> str:
    """The text cut to a number of columns."""
    if width(text) <= room:
        return text
    out, left = "", room - 1
    for c in text:
        if WIDTH[c] > left:
            break
        out, left = out + c, left - WIDTH[c]
    return out + "…" if room > 0 else ""


def _elapsed(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole}s" if whole < 60 else f"{whole // 60}m{whole % 60:02}"
