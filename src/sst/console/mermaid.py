"""The graph as Mermaid, which GitHub and GitLab draw. Names are the user's text: always quoted."""
from __future__ import annotations

from .model import View

__all__ = ["mermaid"]

_SHAPES = {"table": '[("{}")]', "database": '[("{}")]', "bucket": '[("{}")]', "queue": '>"{}"]', "topic": '>"{}"]',
           "api": '{{{{"{}"}}}}', "router": '{{{{"{}"}}}}', "cron": '(["{}"])'}
_LINES = {"event": "-->", "grant": "-.->", "address": "-.-"}
_CLASSES = {"create": "#157347", "update": "#b08000", "replace": "#b08000", "delete": "#c22b2b"}


def mermaid(view: View) -> str:
    ids = {part.name: f"n{number}" for number, part in enumerate(view.picture.parts)}
    lines = ["flowchart LR"]
    for part in view.picture.parts:
        box = _SHAPES.get(part.kind, '["{}"]').format(_quoted(part.title))
        op = view.ops.get(part.name, "")
        lines.append(f"  {ids[part.name]}{box}" + (f":::{op}" if op in _CLASSES else ""))
    for edge in view.picture.edges:
        if edge.source != edge.target:
            label = f'|"{_quoted(edge.label)}"|' if edge.label else ""
            lines.append(f"  {ids[edge.source]} {_LINES[edge.kind]}{label} {ids[edge.target]}")
    lines += [f"  classDef {op} stroke:{color},stroke-width:3px" for op, color in _CLASSES.items()
              if op in view.ops.values()]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """As Mermaid takes it within quotes; an empty text would end the diagram."""
    safe = "".join(c if c.isprintable() else " " for c in text)
    for character, name in (("&", "amp"), ('"', "quot"), ("<", "lt"), (">", "gt"), ("`", "#96"), ("%", "#37")):
        safe = safe.replace(character, f"#{name.removeprefix('#')};")
    return safe or " "
