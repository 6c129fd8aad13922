"""The graph as an SVG picture that needs nothing else: light, or dark where the reader's system is."""
from __future__ import annotations

import itertools
import re
from html import escape

from .layout import HEIGHT, label_places, width_of
from .model import View, subtitle

__all__ = ["svg"]

_COLORS = {"function": "#b8480f", "bucket": "#157347", "table": "#1e5fc2", "queue": "#ad2f63", "api": "#6240b8",
           "cron": "#0d7377", "topic": "#ad2f63", "bus": "#ad2f63", "mail": "#ad2f63", "stream": "#1e5fc2",
           "database": "#1e5fc2"}
_OPS = {"create": "#157347", "update": "#9a6700", "replace": "#9a6700", "delete": "#c22b2b"}
_STYLE = """text{font-family:Inter,system-ui,sans-serif;fill:#1a1d21}.s{fill:#5b6470;font-size:11px}.t{font-size:13px;
font-weight:600}.b{fill:#fff;stroke:#bcc2cc}.l{font-size:11px;fill:#444c5a;stroke:#fff;stroke-width:4px;
paint-order:stroke}.bg{fill:#fff}path{fill:none;stroke:#667085;stroke-width:1.4}.event{stroke:#b8480f}
.grant,.address{stroke-dasharray:4 4}.unused{stroke:#9a6700}.h{fill:#667085;stroke:none}
@media(prefers-color-scheme:dark){text{fill:#e6e9ee}.s{fill:#98a2b3}.b{fill:#16191f;stroke:#3a414d}.bg{fill:#0e1014}
.l{fill:#b5bdca;stroke:#0e1014}path{stroke:#8a94a6}.event{stroke:#ff8a4c}.unused{stroke:#e0a82e}.h{fill:#8a94a6}}"""
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def svg(view: View) -> str:
    """The same text for the same view."""
    made = view.layout()
    width, height = made.width + 80, made.height + 80
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
           f'viewBox="-40 -40 {width:.0f} {height:.0f}" role="img" aria-label="Graph of '
           f'{len(view.picture.parts)} components"><style>{_STYLE}</style>',
           '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerUnits="userSpaceOnUse" markerWidth="9" '
           'markerHeight="9" orient="auto"><path class="h" d="M0 0 8 4 0 8z"/></marker></defs>',
           f'<rect class="bg" x="-40" y="-40" width="{width:.0f}" height="{height:.0f}"/>']
    texts = {(e.source, e.target): view.label(e) for e in view.picture.edges}
    for edge in view.picture.edges:
        points = made.edges.get((edge.source, edge.target))
        if points:
            use = view.uses.get((edge.source, edge.target)) if edge.kind == "grant" else None
            line = _line(points, offset=34 if (edge.target, edge.source) in made.edges else 0)
            unused = " unused" if use and use.calls and not use.count else ""
            out.append(f'<path class="{edge.kind}{unused}" d="{line}" marker-end="url(#a)"/>')
    labels = [f'<text class="l" x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle">{_text(texts[edge], 42)}</text>'
              for edge, (x, y) in label_places(made, texts).items()]
    for part in view.picture.parts:
        x, y = made.nodes[part.name]
        wide, op = width_of(part.title, subtitle(part)), view.ops.get(part.name, "")
        left, top = x - wide / 2, y - HEIGHT / 2
        stroke = f' style="stroke:{_OPS[op]};stroke-width:2.5"' if op in _OPS else ""
        second = f"{op}: {', '.join(view.changed.get(part.name, []))}".rstrip(": ") if op else subtitle(part)
        out.append(f'<g><title>{_text(part.name, 200)}</title><rect class="b" x="{left:.1f}" y="{top:.1f}" '
                   f'width="{wide:.0f}" height="{HEIGHT:.0f}" rx="8"{stroke}/><rect x="{left:.1f}" y="{top:.1f}" '
                   f'width="5" height="{HEIGHT:.0f}" rx="2" fill="{_COLORS.get(part.kind, "#667085")}"/>'
                   f'<text class="t" x="{left + 18:.1f}" y="{y - 2:.1f}">{_text(part.title, 60)}</text>'
                   f'<text class="s" x="{left + 18:.1f}" y="{y + 14:.1f}">{_text(second, int(wide / 6))}</text></g>')
    return "\n".join([*out, *labels, "</svg>"]) + "\n"


def _line(points: list[tuple[float, float]], *, offset: float) -> str:
    """The curve from box to box."""
    sign = 1 if points[-1][1] > points[0][1] else -1
    aside = offset * sign
    ends = [(points[0][0] + aside, points[0][1] + HEIGHT / 2 * sign), *points[1:-1],
            (points[-1][0] + aside, points[-1][1] - HEIGHT / 2 * sign)]
    line = f"M{ends[0][0]:.1f},{ends[0][1]:.1f}"
    for (ax, ay), (bx, by) in itertools.pairwise(ends):
        half = (ay + by) / 2
        line += f"C{ax:.1f},{half:.1f} {bx:.1f},{half:.1f} {bx:.1f},{by:.1f}"
    return line


def _text(text: str, most: int) -> str:
    short = text if len(text) <= most else text[:most - 1] + "…"
    return escape(_CONTROL.sub("�", short))
