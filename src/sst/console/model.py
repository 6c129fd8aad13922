"""The graph of an app: the parts and edges that providers draw, with what was used of them and what a plan changes."""
from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..core.model import Op, name_of
from ..core.picture import Edge, Part, Picture
from ..engine.plan import Plan
from .layout import Layout, lay_out, width_of

__all__ = ["Use", "View", "planned", "subtitle", "used", "view_of"]

@dataclass
class Use:
    """What a function did with a part that it may use."""

    count: int = 0
    reads: int = 0
    writes: int = 0
    calls: int = 0
    """Of the function itself, in the same time."""
    actions: dict[str, int] = field(default_factory=dict)

    def verdict(self, label: str) -> str:
        """How the grant is wider than the use; "" if it is not, or if it can't be told yet."""
        if not self.calls:
            return ""
        if not self.count:
            return f"not used in {self.calls} call{'s' * (self.calls != 1)}"
        if label != "read/write":
            return ""
        return "only reads" if not self.writes else "only writes" if not self.reads else ""


@dataclass
class View:
    """All that is drawn. ``ops``: what a plan does with each part; ``changed`` names the properties."""

    picture: Picture
    uses: dict[tuple[str, str], Use] = field(default_factory=dict)
    ops: dict[str, str] = field(default_factory=dict)
    changed: dict[str, list[str]] = field(default_factory=dict)

    def layout(self) -> Layout:
        return lay_out({p.name: width_of(p.title, subtitle(p)) for p in self.picture.parts},
                       ((e.source, e.target) for e in self.picture.edges))

    def label(self, edge: Edge) -> str:
        """With what is to be said of its use."""
        use = self.uses.get((edge.source, edge.target)) if edge.kind == "grant" else None
        if use is None:
            return edge.label
        unused = use.calls and not use.count
        return f"{edge.label}, never used" if unused else f"{edge.label} {use.count}×" if use.count else edge.label

    def json(self) -> dict[str, Any]:
        """For the page, and for ``sst graph --format json``."""
        return {"parts": [self._part(p) for p in self.picture.parts],
                "edges": [self._edge(e) for e in self.picture.edges]}

    def _part(self, part: Part) -> dict[str, Any]:
        return {"name": part.name, "kind": part.kind, "title": part.title, "detail": part.detail, "stack": part.stack,
                "where": part.where, "function": part.function, "ids": list(part.ids),
                "resources": [_resource(urn) for urn in part.urns],
                "op": self.ops.get(part.name, ""), "changed": self.changed.get(part.name, [])}

    def _edge(self, edge: Edge) -> dict[str, Any]:
        use = self.uses.get((edge.source, edge.target)) if edge.kind == "grant" else None
        facts: dict[str, Any] = {"source": edge.source, "target": edge.target, "kind": edge.kind, "label": edge.label}
        if edge.kind == "grant":
            facts |= {"actions": list(edge.actions)}
        if use:
            facts |= {"count": use.count, "used": dict(use.actions), "verdict": use.verdict(edge.label)}
        return facts


def view_of(picture: Picture, names: Iterable[str] = ()) -> View:
    """``names``: only these parts, what is inside of them, and their neighbours."""
    wanted = list(names)
    if wanted:
        own = {p.name for p in picture.parts
               if any(p.name == n or p.name.startswith(f"{n}/") or p.title == n for n in wanted)}
        near = own | {n for e in picture.edges if e.source in own or e.target in own for n in (e.source, e.target)}
        picture = Picture(tuple(p for p in picture.parts if p.name in near),
                          tuple(e for e in picture.edges if e.source in own or e.target in own))
    return View(picture)


def used(view: View, counts: Iterable[tuple[str, str, str, str, int]], calls: Mapping[str, int],
         use_of: Callable[[str, str], str]) -> None:
    """Add what was recorded. ``counts``: physical name of the function, service, action, resource, how often;
    ``calls``: of each function."""
    by_function = {p.function: p.name for p in view.picture.parts if p.function}
    by_id = {i: p.name for p in view.picture.parts for i in p.ids}
    uses: dict[tuple[str, str], Use] = defaultdict(Use)
    for function, service, action, resource, count in counts:
        source = by_function.get(function, "")
        target = next((by_id[r] for r in (resource, resource.partition("/")[0]) if r in by_id), "")
        if not source or not target:
            continue
        use, kind = uses[source, target], use_of(service, action)
        use.count += count
        use.reads += count * (kind == "read")
        use.writes += count * (kind == "write")
        use.actions[action] = use.actions.get(action, 0) + count
    for edge in view.picture.edges:
        function = next((p.function for p in view.picture.parts if p.name == edge.source), "")
        if edge.kind == "grant" and function:
            uses[edge.source, edge.target].calls = calls.get(function, 0)
    view.uses = dict(uses)


def planned(view: View, plan: Plan) -> None:
    """Mark what a plan changes; parts that it makes are added."""
    of = {urn: p.name for p in view.picture.parts for urn in p.urns}
    new: dict[str, Part] = {}
    for step in plan.steps:
        if step.op in (Op.SAME, Op.READ):
            continue
        path = name_of(step.urn)
        name = of.get(step.urn) or next((p.name for p in view.picture.parts if path.startswith(f"{p.name}/")), "")
        if not name:
            name = path.rpartition("/")[0] or path
            new.setdefault(name, Part(name, step.type.rpartition(".")[2].lower(), name, where=step.where,
                                      urns=(step.urn,)))
        before = view.ops.get(name)
        op = str(step.op)
        view.ops[name] = op if before in (None, op) else "update"
        if changed := sorted(getattr(step, "changed", ()) or ()):
            view.changed.setdefault(name, []).extend(c for c in changed if c not in view.changed.get(name, ()))
    view.picture = Picture((*view.picture.parts, *new.values()), view.picture.edges)


def subtitle(part: Part) -> str:
    """The second line of a box."""
    return part.detail if part.kind in ("function", "cron") and part.detail else part.kind


def _resource(urn: str) -> dict[str, str]:
    types, _, names = urn.rpartition("::")
    return {"name": names.rpartition("/")[2], "type": types.rpartition("/")[2], "urn": urn}
