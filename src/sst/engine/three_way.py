"""Drift beside what the program asks for: program, state and cloud of one property in one row."""
from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..core.model import Op, Snapshot, name_of
from ..core.names import did_you_mean
from ..core.output import UNKNOWN
from ..errors import UserError
from .refresh import Drift
from .steps import Plan, Step

__all__ = ["Row", "check_names", "pick", "three_way"]


@dataclass(frozen=True, slots=True)
class Row:
    """One drift. ``declared``: the program asks for the thing; ``program`` is what for (None: it does not mention the
    property)."""

    drift: Drift
    declared: bool = False
    program: Any = None
    where: str = ""

    @property
    def label(self) -> str:
        """``Jobs.visibility_timeout``; a thing that is gone is just ``Jobs``."""
        return f"{self.drift.name}.{self.drift.property}" if self.drift.property else self.drift.name

    @property
    def data(self) -> dict[str, Any]:
        """For a program; values that are not to be shown, or not known yet, are words in parentheses."""
        d = self.drift

        def plain(value: Any) -> Any:
            if d.secret:
                return None if value is None else "(secret)"
            return json.loads(json.dumps(value, default=lambda v: "(known after deploy)" if v is UNKNOWN else str(v)))

        return {"name": d.name, "type": d.type, "urn": d.urn, "property": d.property or None, "gone": d.gone,
                "program": plain(self.program), "state": plain(d.state_value), "cloud": plain(d.cloud_value),
                "declared": self.declared, "where": self.where}


def three_way(found: Sequence[Drift], plan: Plan) -> list[Row]:
    """The rows of what was found, by name; ``plan`` is that of the program over the same state."""
    steps: dict[str, Step] = {}
    for s in plan.steps:
        if s.op not in (Op.DELETE, Op.FORGET):
            steps[s.moved_from or s.urn] = s
    rows = []
    for d in sorted(found, key=lambda d: (d.name.split("/"), d.urn)):
        step = steps.get(d.urn)
        rows.append(Row(d, True, step.inputs.get(d.property), step.where) if step else Row(d))
    return rows


def check_names(snapshot: Snapshot, names: Sequence[str]) -> None:
    """Raise ``UserError`` for a name that is of no component, resource or property in the state, see ``pick``."""
    there = [name_of(urn) for urn in snapshot.resources]
    for w in names:
        if not any(n == w or n.startswith(f"{w}/") or w.startswith(f"{n}.") for n in there):
            raise UserError(f'the state has nothing named "{w}"',
                            hint=did_you_mean(w, sorted({x for n in there for x in (n, n.partition("/")[0])})),
                            code="unknown-name")


def pick(rows: Sequence[Row], names: Sequence[str]) -> list[Row]:
    """The rows that are named: ``Api`` all of a component, ``Api/Role`` of a resource, ``Jobs.delay_seconds`` one
    property.

    Raises ``UserError`` for a name that nothing has.
    """
    chosen: list[Row] = []
    for w in names:
        hits = [r for r in rows if w in (r.drift.name, r.label) or r.drift.name.startswith(f"{w}/")]
        if not hits:
            raise UserError(f'nothing named "{w}" differs in the cloud',
                            hint=did_you_mean(w, sorted({x for r in rows for x in (r.label, r.drift.name)})),
                            code="unknown-name")
        chosen += [r for r in hits if r not in chosen]
    return chosen
