"""How a plan looks: data loss first, then what changes, part by part."""
from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ...core.model import Op
from ...core.output import UNKNOWN
from ...engine.plan import Plan, Step
from .style import Line, clean, clip

if TYPE_CHECKING:
    from .screen import Screen

__all__ = ["SIGNS", "change_lines", "loss_lines", "plan_lines", "show_plan", "totals"]

SIGNS = {Op.CREATE: ("+", "green"), Op.ADOPT: ("«", "green"), Op.UPDATE: ("~", "yellow"), Op.REPLACE: ("±", "magenta"),
         Op.DELETE: ("-", "red"), Op.FORGET: ("○", "dim"), Op.SAME: ("=", "dim"), Op.READ: ("<", "dim"),
         Op.UNSURE: ("?", "yellow")}
_WILL = {Op.CREATE: "to create", Op.ADOPT: "to adopt", Op.UPDATE: "to update", Op.REPLACE: "to replace",
         Op.DELETE: "to delete",
         Op.FORGET: "to leave in the cloud", Op.SAME: "unchanged", Op.READ: "to read", Op.UNSURE: "unclear"}
LATER = "(known after deploy)"
SECRET = "(secret)"
_GONE = object()


def plan_lines(plan: Plan, *, everything: bool = False) -> Iterator[Line]:
    """The plan for a person. ``everything`` shows the properties of what is created too.

        DATA LOSS  - Uploads/Bucket  aws.s3.Bucket  (sst_config.py:20)
        ~ Jobs  aws.sqs.Queue
            visibility_timeout: 30 → 60
    """
    yield from loss_lines(plan.needs_consent)
    if plan.needs_consent:
        yield [("", "")]
    replaced = {s.urn for s in plan.steps if s.op is Op.REPLACE}
    shown = [s for s in plan.changes if not (s.op is Op.DELETE and s.urn in replaced)]
    for step in sorted(shown, key=lambda s: s.name.split("/")):
        yield from _step_lines(step, everything)
    if shown:
        yield from ([(f"· {remark}", "dim")] for remark in plan.graph.remarks)
    if plan.undecided:
        yield [("… the program declares more during the deploy, once values that it waits for are known", "dim")]


def loss_lines(lost: Iterable[Step]) -> Iterator[Line]:
    """A line for each resource whose data would be lost, or that would be used empty from then on."""
    for step in lost:
        what = "STARTS EMPTY" if step.starts_empty else "DATA LOSS"
        yield [(what, "alarm"), (f"  {SIGNS[step.op][0]} {step.name}", "bold"), (f"  {step.type}", "dim"),
               _at(step)]


def _step_lines(step: Step, everything: bool) -> Iterator[Line]:
    sign, style = SIGNS[step.op]
    why = f"  a change of {', '.join(sorted(step.replace))} needs a new one" if step.op is Op.REPLACE else ""
    if reason := step.reason or (step.change.reason if step.op is Op.CREATE and step.change else ""):
        why = f"  {reason}"
    if step.op is Op.UNSURE:
        why = "  its create was interrupted, and it is not known yet whether it exists"
    for note in step.change.notes if step.change else ():
        yield [("! ", "yellow"), (f"{step.name}: {note}", "")]
    if step.op is Op.DELETE and step.old and step.key != step.urn and step.goal is None and step.old.retained:
        why = "  kept until now"
    if step.moved_from:
        why += f"  was {step.moved_from.rpartition('::')[2]}"
    yield [(sign, style), (f" {step.name}", "bold"), (f"  {step.type}", "dim"), (why, "magenta")]
    if step.op in (Op.UPDATE, Op.REPLACE) or (everything and step.op is Op.CREATE):
        told = list(changes(step))
        if len(shown := [c for c in told if not _of_bundle(step, c[0], c[2])]) < len(told):
            yield [("    its code changed", "green")]
        for path, old, new in shown:
            before = "" if old is _GONE else f"{_short(old)} → "
            after = "(none)" if new is _GONE else _short(new)
            yield [(f"    {path}: ", ""), (before, "red"), (after, "green")]


def _of_bundle(step: Step, path: str, new: Any) -> bool:
    """Whether a change says no more than that the code changed: a fingerprint, or where the new bundle will lie."""
    schema = step.schema
    return schema is not None and (path == schema.digest or (path in schema.from_bundle and new is UNKNOWN))


def _at(step: Step) -> tuple[str, str]:
    return (f"  ({step.where})" if step.where else "", "dim")


def changes(step: Step) -> Iterator[tuple[str, Any, Any]]:
    """(path, old, new) for each value that differs; secret ones are masked."""
    old: Mapping[str, Any] = step.old.inputs if step.old else {}
    secret = {*(step.goal.secret if step.goal else ()), *(step.old.secret if step.old else ())}
    for name in sorted(step.changed):
        before, after = old.get(name, _GONE), step.inputs.get(name, _GONE)
        if name in secret:
            yield name, _GONE if before is _GONE else SECRET, _GONE if after is _GONE else SECRET
        else:
            yield from _inside(name, before, after)


def _inside(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}, key=str):
            yield from _inside(f"{path}.{key}", old.get(key, _GONE), new.get(key, _GONE))
    elif old is not new and (old is _GONE or new is _GONE or old != new):
        yield path, old, new


def _short(value: Any, room: int = 72) -> str:
    if value is UNKNOWN:
        return LATER
    text = value if value in (SECRET, LATER) else json.dumps(value, default=_later, ensure_ascii=False)
    text = clean(text)
    return text if len(text) <= room else f"{text[: room - 1]}…"


def _later(value: object) -> str:
    return LATER if value is UNKNOWN else str(value)


def totals(plan: Plan) -> str:
    """``2 to create, 1 to update, 26 unchanged``."""
    replaced = {s.urn for s in plan.steps if s.op is Op.REPLACE}
    counts: dict[Op, int] = {}
    for s in plan.steps:
        if not (s.op is Op.DELETE and s.urn in replaced):
            counts[s.op] = counts.get(s.op, 0) + 1
    return ", ".join(f"{n} {_WILL[op]}" for op in _WILL if (n := counts.get(op))) or "nothing there"


def show_plan(screen: Screen, plan: Plan, title: str, *, everything: bool = False) -> None:
    """The plan and, in the last line, how much of each kind."""
    width = screen.size()[0] if screen.out.isatty() else 10_000
    for line in plan_lines(plan, everything=everything):
        screen.line(screen.paint.line(clip(line, width)))
    head = screen.paint(title, "bold")
    if plan.changes or plan.undecided:
        screen.line(f"\n{head}: {totals(plan)}")
    else:
        screen.done(f"{head}: no changes ({totals(plan)})")


def change_lines(change: Mapping[str, Any]) -> Iterator[Line]:
    """One difference between two versions of a state, as ``project.versions.compare`` gives it."""
    sign, style = SIGNS[Op(change["op"])]
    yield [(sign, style), (f" {change['name']}", "bold"), (f"  {change['type']}", "dim")]
    for name, sides in change.get("changes", {}).items():
        before, after = sides.get("old", _GONE), sides.get("new", _GONE)
        for path, old, new in [(name, before, after)] if before == after == SECRET else _inside(name, before, after):
            yield [(f"    {path}: ", ""), ("" if old is _GONE else f"{_short(old)} → ", "red"),
                   ("(none)" if new is _GONE else _short(new), "green")]
