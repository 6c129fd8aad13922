"""A plan for a pull request: Markdown with a Mermaid diagram, or one HTML file with the whole graph."""
from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from typing import Any

from ..core.model import Op
from ..core.output import UNKNOWN
from ..core.picture import Picture
from ..engine.plan import Plan
from ..engine.steps import Step
from .mermaid import mermaid
from .model import View
from .svg import svg

__all__ = ["LIMIT", "markdown", "page"]

LIMIT = 60_000
"""Characters; a comment on GitHub may have 65,536."""
_ROWS, _VALUE = 200, 80
_SIGNS = {Op.CREATE: "+", Op.ADOPT: "+", Op.UPDATE: "~", Op.REPLACE: "±", Op.DELETE: "−", Op.FORGET: "−",
          Op.UNSURE: "?"}


def markdown(plan: Plan, view: View, title: str) -> str:
    """Data loss first, then what changes, then the changed parts with their neighbours. Values that are secret are not
    shown. It begins with a hidden mark, ``<!-- sst:APP/STAGE -->``, by which a job finds its comment again."""
    steps = _steps(plan)
    lines = [f"<!-- sst:{title} -->", f"### `sst diff` {title}: {_summary(plan)}", ""]
    if lost := plan.data_loss:
        lines += ["> [!CAUTION]", f"> These lose their data: {', '.join(f'`{_cell(s.name)}`' for s in lost)}", ""]
    if steps:
        lines += ["| | what | change | where |", "|--|--|--|--|", *map(_row, steps[:_ROWS])]
        if len(steps) > _ROWS:
            lines.append(f"\n… and {len(steps) - _ROWS} more")
        diagram = mermaid(_near(view))
        if view.ops and len("\n".join(lines)) + len(diagram) < LIMIT - 200:
            lines += ["", "```mermaid", diagram.rstrip("\n"), "```"]
    text = "\n".join([*lines, "", f"{sum(s.op is Op.SAME for s in plan.steps)} unchanged"])
    return (text if len(text) <= LIMIT else text[:LIMIT].rpartition("\n")[0] + "\n\n… cut") + "\n"


def page(plan: Plan, view: View, title: str) -> str:
    """One file that needs nothing else."""
    rows = "".join(f"<tr><td>{_SIGNS.get(s.op, '')}</td><td><b>{escape(s.name)}</b> {escape(s.type)}</td>"
                   f"<td>{escape('; '.join(_changes(s)).replace('`', ''))}</td><td>{escape(s.where)}</td></tr>"
                   for s in _steps(plan))
    lost = f"<p><b>These lose their data: {escape(', '.join(s.name for s in plan.data_loss))}</b></p>" \
        if plan.data_loss else ""
    return ("<!doctype html><html lang=en><meta charset=utf-8><meta http-equiv=Content-Security-Policy "
            "content=\"default-src 'none'; style-src 'unsafe-inline'\"><meta name=viewport "
            f"content=width=device-width><title>sst diff {escape(title)}</title><style>body{{font:14px/1.5 system-ui,"
            "sans-serif;margin:2em;color-scheme:light dark}td{padding:4px 12px;border-top:1px solid #8884;"
            "vertical-align:top}svg{max-width:100%;height:auto}</style>"
            f"<h1>sst diff {escape(title)}</h1><p>{escape(_summary(plan))}</p>{lost}<table>{rows}</table>{svg(view)}"
            "</html>\n")


def _row(step: Step) -> str:
    what = f"**{_cell(step.name)}** {_cell(step.type)}"
    return f"| {_SIGNS.get(step.op, '')} | {what} | {'; '.join(_changes(step))} | {_cell(step.where)} |"


def _steps(plan: Plan) -> list[Step]:
    order = {Op.DELETE: 0, Op.REPLACE: 1}
    return sorted(plan.changes, key=lambda s: (not s.loses_data, order.get(s.op, 2)))


def _summary(plan: Plan) -> str:
    words = {Op.CREATE: "new", Op.UPDATE: "changed", Op.REPLACE: "replaced", Op.DELETE: "deleted", Op.ADOPT: "adopted",
             Op.FORGET: "forgotten", Op.UNSURE: "unsure"}
    counted = [f"{n} {word}" for op, word in words.items() if (n := plan.counts.get(op, 0))]
    return ", ".join([*counted, f"{len(plan.data_loss)} lose data" if plan.data_loss else "nothing is lost"]
                     if counted else ["no changes"])


def _changes(step: Step) -> Iterator[str]:
    if step.op in (Op.CREATE, Op.ADOPT):
        yield "new"
    elif step.op in (Op.DELETE, Op.FORGET):
        yield "deleted" if step.op is Op.DELETE else "stays in the cloud, leaves the state"
    for name in sorted(step.changed) if step.op in (Op.UPDATE, Op.REPLACE) else ():
        if name in step.secret:
            yield f"`{_cell(name)}` (secret)"
            continue
        old = step.old.inputs.get(name) if step.old else None
        yield f"`{_cell(name)}` {_value(old)} → {_value(step.inputs.get(name))}"
    if step.op is Op.REPLACE:
        yield f"replaced because of {', '.join(sorted(step.replace)) or step.reason}"


def _value(value: Any) -> str:
    if _is_unknown(value):
        return "known after deploy"
    text = json.dumps(value, ensure_ascii=False, default=lambda v: "known after deploy")
    return f"`{_cell(text if len(text) <= _VALUE else text[:_VALUE] + '…')}`"


def _is_unknown(value: Any) -> bool:
    return value is UNKNOWN


def _cell(text: str) -> str:
    """As a cell of a table takes it: no pipes, no line breaks, nothing that ends the code."""
    safe = "".join(c if c.isprintable() else " " for c in text)
    return safe.replace("|", "\\|").replace("`", "'").replace("<", "&lt;")


def _near(view: View) -> View:
    near = set(view.ops) | {n for e in view.picture.edges if e.source in view.ops or e.target in view.ops
                            for n in (e.source, e.target)}
    picture = Picture(tuple(p for p in view.picture.parts if p.name in near),
                      tuple(e for e in view.picture.edges if e.source in near and e.target in near))
    return View(picture, ops=view.ops, changed=view.changed)
