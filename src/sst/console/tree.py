"""The graph as text: who calls whom, as a tree; what a part may use is below it."""
from __future__ import annotations

from collections.abc import Iterator

from ..core.names import in_order
from ..core.picture import Edge
from .model import View, subtitle

__all__ = ["tree"]

_ARROWS = {"event": "→", "grant": "may use", "address": "knows"}


def tree(view: View) -> Iterator[str]:
    """Parts that nobody calls come first; one that was shown before is only named."""
    called = {e.target for e in view.picture.edges if e.kind == "event"}
    shown: set[str] = set()
    parts = {p.name: p for p in view.picture.parts}
    for name in sorted(parts, key=lambda n: (n in called, in_order(n))):
        if name not in shown and (name not in called or not _is_below(view, name, shown)):
            yield from _below(view, name, "", shown)


def _is_below(view: View, name: str, shown: set[str]) -> bool:
    return any(e.target == name and e.source in shown for e in view.picture.edges if e.kind == "event")


def _below(view: View, name: str, indent: str, shown: set[str], by: Edge | None = None) -> Iterator[str]:
    part = next(p for p in view.picture.parts if p.name == name)
    via = f"{_ARROWS[by.kind]} {by.label}: " if by and by.label else f"{_ARROWS[by.kind]} " if by else ""
    title = part.title if part.title == part.name else f"{part.title} ({part.name})"
    again = " (above)" if name in shown else ""
    yield f"{indent}{via}{title}  {subtitle(part)}{again}".rstrip()
    if name in shown:
        return
    shown.add(name)
    own = [e for e in view.picture.edges if e.source == name]
    for edge in sorted(own, key=lambda e: (e.kind != "event", in_order(e.target))):
        if edge.kind == "event":
            yield from _below(view, edge.target, indent + "  ", shown, edge)
        else:
            yield f"{indent}  {_ARROWS[edge.kind]} {edge.target}" + (f" ({edge.label})" if edge.kind == "grant" else "")
