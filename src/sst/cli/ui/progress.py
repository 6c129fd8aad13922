"""The progress of a deploy as data: events in, lines out. Pure, so that a test can look at any moment of it."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from typing import Literal, TypeAlias

from ...core.model import Op
from ...events import (
    Event,
    Finished,
    Planned,
    StepDone,
    StepFailed,
    StepNote,
    StepSkipped,
    StepStarted,
    Unsettled,
)
from ...records import dataclass
from .style import Line, Marks, clean, clip, seconds

__all__ = ["DID", "DOING", "Progress", "Row", "summary", "unsettled"]

DOING = {Op.SAME: "checking", Op.CREATE: "creating", Op.ADOPT: "adopting", Op.UPDATE: "updating",
         Op.REPLACE: "replacing",
         Op.DELETE: "deleting", Op.FORGET: "leaving", Op.READ: "reading", Op.UNSURE: "settling"}
DID = {Op.SAME: "unchanged", Op.CREATE: "created", Op.ADOPT: "adopted", Op.UPDATE: "updated", Op.REPLACE: "replaced",
       Op.DELETE: "deleted", Op.FORGET: "left in the cloud", Op.READ: "read", Op.UNSURE: "unclear"}
Phase: TypeAlias = Literal["running", "done", "failed", "skipped"]


@dataclass
class Row:
    """One step, as far as it is."""

    name: str
    type: str = ""
    op: Op = Op.CREATE
    phase: Phase = "running"
    started: float = 0.0
    seconds: float = 0.0
    note: str = ""

    @property
    def top(self) -> str:
        """The component (or lone resource) it belongs to, as the user named it."""
        return self.name.partition("/")[0]


@dataclass
class Progress:
    """Folds events into rows. ``see`` each event, then ask for ``lines``."""

    rows: dict[str, Row] = field(default_factory=dict)
    total: int = 0
    began: float | None = None
    finished: Finished | None = None
    warnings: list[str] = field(default_factory=list)

    def see(self, event: Event, now: float) -> Row | None:
        """The row that the event changed, if it is about one."""
        if self.began is None:
            self.began = now
        match event:
            case Planned(counts):
                self.total += sum(n for op, n in counts.items() if op is not Op.SAME)
                return None
            case Finished():
                self.finished = event
                return None
            case Unsettled():
                self.warnings.append(unsettled(event))
                return None
            case StepStarted():
                row = self.rows[event.key] = Row(clean(event.name), event.type, event.op, "running", now)
                return row
            case StepSkipped():
                row = self.rows[event.key] = Row(clean(event.name), phase="skipped",
                                                 note=clean(f"waited for {event.because}"))
                if event.because == "interrupted":
                    row.note = "interrupted"
                return row
        found = self.rows.get(event.key)
        if found is None:
            return None
        match event:
            case StepNote():
                found.note = clean(event.text)
            case StepDone():
                found.phase, found.op, found.seconds, found.note = "done", event.op, event.seconds, ""
            case StepFailed():
                found.phase, found.seconds, found.note = "failed", event.seconds, _first_line(event.error)
        return found

    def running(self) -> list[Row]:
        return [r for r in self.rows.values() if r.phase == "running"]

    def lines(self, width: int, height: int, now: float, marks: Marks) -> list[Line]:
        """The tree as it stands, cut to a terminal of this size; the last line is the status.

        What runs or failed is always shown in preference to what is done; a component that is all done is one line.
        """
        room = max(1, height - 2)
        groups = self._grouped()
        busy = [any(r.phase in ("running", "failed") for r in rows) for _, rows in groups]
        order = [i for i, b in enumerate(busy) if b] + [i for i in reversed(range(len(groups))) if not busy[i]]
        kept: dict[int, list[Line]] = {}
        left = room if len(groups) <= room else room - 1
        for i in order:
            if left <= 0:
                break
            kept[i] = list(self._block(*groups[i], now, marks))[:left]
            left -= len(kept[i])
        hidden = len(groups) - len(kept)
        lines: list[Line] = [[(f"{marks.more} {hidden} more", "dim")]] if hidden else []
        lines += [line for i in sorted(kept) for line in kept[i]]
        return [clip(line, width - 1, marks.more) for line in (*lines[-room:], self._status(now, marks))]

    def final(self, marks: Marks, width: int, *, everything: bool = False) -> list[Line]:
        """The tree once all is over: a line a component; failed ones with their children."""
        made: list[Line] = []
        for top, rows in self._grouped():
            if everything and len(rows) > 1:
                made += [self._head(top, rows, 0.0, marks), *(self._row(r, 0.0, marks, "  ") for r in rows)]
            else:
                made += self._block(top, rows, 0.0, marks)
        made += [[(text, "yellow")] for text in self.warnings]
        return [clip(line, width - 1, marks.more) for line in made]

    def _grouped(self) -> list[tuple[str, list[Row]]]:
        tops: dict[str, list[Row]] = {}
        for row in self.rows.values():
            if not (row.phase == "done" and row.op is Op.SAME):
                tops.setdefault(row.top, []).append(row)
        return list(tops.items())

    def _block(self, top: str, rows: list[Row], now: float, marks: Marks) -> Iterator[Line]:
        """A component and those of its children that are not done."""
        if len(rows) == 1 and rows[0].name == top:
            yield self._row(rows[0], now, marks, "")
            return
        yield self._head(top, rows, now, marks)
        for row in rows:
            if row.phase != "done":
                yield self._row(row, now, marks, "  ")

    def _head(self, top: str, rows: list[Row], now: float, marks: Marks) -> Line:
        phases = {r.phase for r in rows}
        did: dict[str, int] = {}
        for r in rows:
            if r.phase == "done":
                did[DID[r.op]] = did.get(DID[r.op], 0) + 1
        words = ", ".join(f"{n} {what}" for what, n in did.items())
        if "running" in phases:
            mark = (_spin(now, marks), "cyan")
        elif "failed" in phases:
            mark = (marks.failed, "red")
        else:
            mark = (marks.done, "green") if "done" in phases else (marks.skipped, "dim")
        return [mark, (f" {top}", "bold"), (f"  {words}" if words else "", "dim")]

    def _row(self, row: Row, now: float, marks: Marks, indent: str) -> Line:
        name = row.name if not indent else row.name.partition("/")[2] or row.name
        head = [(indent, ""), _mark(row, now, marks), (f" {name}", ""), (f"  {row.type}" if row.type else "", "dim")]
        match row.phase:
            case "running":
                note = f"  {row.note}" if row.note else ""
                return [*head, (f"  {DOING[row.op]} {seconds(now - row.started)}", ""), (note, "yellow")]
            case "done":
                took = f" ({seconds(row.seconds)})" if row.seconds >= 1 else ""
                return [*head, (f"  {DID[row.op]}{took}", "")]
            case "failed":
                return [*head, (f"  {DOING[row.op]} failed", "red"), (f"  {row.note}" if row.note else "", "red")]
        return [*head, (f"  skipped: {row.note}", "dim")]

    def _status(self, now: float, marks: Marks) -> Line:
        done = sum(r.phase == "done" for r in self.rows.values())
        running, failed = len(self.running()), sum(r.phase == "failed" for r in self.rows.values())
        parts = [f"{done}/{max(self.total, len(self.rows))} done", f"{running} running"]
        if failed:
            parts.append(f"{failed} failed")
        parts.append(seconds(now - (now if self.began is None else self.began)))
        return [(_spin(now, marks), "cyan"), (" " + ", ".join(parts), "dim")]


def summary(done: dict[Op, int], failed: int, skipped: int) -> str:
    """``3 created, 1 updated, 26 unchanged``."""
    parts = [f"{n} {DID[op]}" for op in Op if op is not Op.SAME and (n := done.get(op, 0))]
    parts += [f"{failed} failed"] if failed else []
    parts += [f"{skipped} skipped"] if skipped else []
    same = done.get(Op.SAME, 0)
    return ", ".join([*parts, f"{same} unchanged"] if same else parts) or "no changes"


def unsettled(event: Unsettled) -> str:
    return (f"warning: {', '.join(event.outputs)} changed in each of {event.rounds} rounds; "
            "what uses it may still have an earlier value")


def _mark(row: Row, now: float, marks: Marks) -> tuple[str, str]:
    match row.phase:
        case "running":
            return _spin(now, marks), "cyan"
        case "done":
            return marks.done, "green"
        case "failed":
            return marks.failed, "red"
    return marks.skipped, "dim"


def _spin(now: float, marks: Marks) -> str:
    return marks.spinner[int(now * 10) % len(marks.spinner)]


def _first_line(error: Exception) -> str:
    return clean(str(error).strip().partition("\n")[0])
