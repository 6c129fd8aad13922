"""The fixed monthly cost of each component, and what the next deploy makes of it."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.model import name_of
from ..core.names import in_order
from ..core.units import dollars
from ..engine.cost import Held, cost_of
from .source import Source

__all__ = ["Costs"]


class Costs:
    """Prices are those of the providers' tables, as in ``sst diff``; a price that is not in them is unknown, never 0.
    On stage ``local`` it is what the same resources would cost in the cloud."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def show(self, query: Mapping[str, str]) -> dict[str, Any]:
        """``components``: each with its charges, the dearest first; ``usd`` is None for one that is unknown."""
        project, seen = self._source.project, self._source.seen()
        names = {urn: part for part in seen.picture.parts for urn in part.urns}
        found: dict[str, dict[str, Any]] = {}
        sources: set[str] = set()
        for item in self._source.held(seen):
            part, path = names.get(item.state.urn), name_of(item.state.urn)
            name = part.name if part else path.partition("/")[0]
            component = found.setdefault(name, {
                "name": name, "title": part.title if part else name, "kind": part.kind if part else "other",
                "where": part.where if part else item.state.where, "charges": []})
            component["charges"] += _charges(item, path)
            sources |= {c.source for c in item.charges if c.source}
        for component in found.values():
            component["usd"] = round(sum(c["usd"] for c in component["charges"] if c["usd"] is not None), 2)
            component["charges"].sort(key=lambda c: in_order(c["resource"]))
            component["unknown"] = sum(c["usd"] is None for c in component["charges"])
        budget = project.config.budget
        return {"components": sorted(found.values(), key=lambda c: (-c["usd"], in_order(c["name"]))),
                "sources": sorted(sources),
                "total": round(sum(c["usd"] for c in found.values()), 2),
                "unknown": sum(c["unknown"] for c in found.values()), "local": project.is_local,
                "budget": dollars(budget["monthly"]) if budget else None}

    def planned(self, query: Mapping[str, str]) -> dict[str, Any]:
        """What the next deploy changes; the program is run."""
        return cost_of(self._source.plan()[0]).data()


def _charges(item: Held, path: str) -> list[dict[str, Any]]:
    return [{"resource": path, "what": c.what, "usd": None if c.usd is None else round(c.usd, 2)}
            for c in item.charges]
