"""A layered layout: ranks by longest path, order by medians, places by pulling. Equal inputs give equal pictures."""
from __future__ import annotations

import itertools
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["HEIGHT", "Layout", "label_places", "lay_out", "width_of"]

HEIGHT = 50.0
_GAP_X, _GAP_Y = 40.0, 64.0
_ORDER_SWEEPS, _PLACE_SWEEPS = 12, 24
_LARGE = 1_000
"""Over so many boxes and bends a third of the sweeps is made: it must be drawn while one waits."""
_PER_ROW = 6
"""Of parts without edges."""
_Node = str | tuple[int, int]
"""A name, or a bend: (edge, rank)."""


@dataclass
class Layout:
    """``nodes``: centres. ``edges``: the points of each line, from the source's centre to the target's."""

    nodes: dict[str, tuple[float, float]] = field(default_factory=dict)
    edges: dict[tuple[str, str], list[tuple[float, float]]] = field(default_factory=dict)
    width: float = 0.0
    height: float = 0.0


def width_of(*texts: str) -> float:
    """Of a box with these lines in it."""
    return float(max(150, *(round(len(t) * s) + 62 for t, s in zip(texts, (7.4, 6.2), strict=False))))


def lay_out(widths: Mapping[str, float], edges: Iterable[tuple[str, str]]) -> Layout:
    """Boxes of these widths never overlap. Lines to a box itself have no place."""
    pairs = list(dict.fromkeys(e for e in edges if e[0] != e[1] and e[0] in widths and e[1] in widths))
    linked = {n for e in pairs for n in e}
    made = _layered({n: w for n, w in widths.items() if n in linked}, pairs) if pairs else Layout()
    _add_rows([n for n in widths if n not in linked], widths, made)
    return made


def label_places(made: Layout, labels: Mapping[tuple[str, str], str]) -> dict[tuple[str, str], tuple[float, float]]:
    """Where the label of each line stands: on the line, and on no other label where there is a place for it."""
    placed: list[tuple[float, float, float]] = []
    found: dict[tuple[str, str], tuple[float, float]] = {}
    for edge, text in labels.items():
        points = made.edges.get(edge)
        if not points or not text:
            continue
        half = len(text) * 3.1 + 4
        best = min(_candidates(points, both=edge[::-1] in made.edges), key=lambda at: sum(
            1 for x, y, other in placed if abs(x - at[0]) < half + other and abs(y - at[1]) < 15))
        placed.append((*best, half))
        found[edge] = best
    return found


def _candidates(points: Sequence[tuple[float, float]], *, both: bool) -> list[tuple[float, float]]:
    """Of a line with one beside it in the other direction, to its own side."""
    (ax, ay), (bx, by) = points[0], points[-1]
    if len(points) == 2:
        aside = (84.0 if by > ay else -84.0) if both else 0.0
        return [(ax + (bx - ax) * share + aside, ay + (by - ay) * share) for share in (0.5, 0.4, 0.6)]
    inner = list(points[1:-1])
    middle = len(inner) // 2
    return [*inner[middle:], *inner[:middle], *((x, y + 20) for x, y in inner), *((x, y - 20) for x, y in inner)]


def _layered(widths: Mapping[str, float], pairs: Sequence[tuple[str, str]]) -> Layout:
    back = _back_edges(list(widths), pairs)
    down = [(b, a) if (a, b) in back else (a, b) for a, b in pairs]
    rank = _ranks(list(widths), down)
    rows: dict[int, list[_Node]] = defaultdict(list)
    for n in widths:
        rows[rank[n]].append(n)
    wide: dict[_Node, float] = {n: w for n, w in widths.items()}  # noqa: C416  # another type of key
    up_of: dict[_Node, list[_Node]] = defaultdict(list)
    down_of: dict[_Node, list[_Node]] = defaultdict(list)
    chains: dict[tuple[str, str], list[_Node]] = {}
    for number, (a, b) in enumerate(down):
        chain: list[_Node] = [a, *((number, r) for r in range(rank[a] + 1, rank[b])), b]
        for bend in chain[1:-1]:
            assert isinstance(bend, tuple)
            rows[bend[1]].append(bend)
            wide[bend] = 12.0
        for before, after in itertools.pairwise(chain):
            down_of[before].append(after)
            up_of[after].append(before)
        chains[pairs[number]] = chain[::-1] if pairs[number] in back else chain
    _order(rows, up_of, down_of)
    x = _places(rows, wide, up_of, down_of)
    left = min(x[n] - wide[n] / 2 for n in x)
    level = {r: at * (HEIGHT + _GAP_Y) for at, r in enumerate(sorted(rows))}
    y = {n: level[r] + HEIGHT / 2 for r, row in rows.items() for n in row}
    made = Layout({n: (x[n] - left, y[n]) for n in widths},
                  {e: [(x[n] - left, y[n]) for n in chain] for e, chain in chains.items()})
    made.width = max(x[n] + wide[n] / 2 - left for n in x)
    made.height = max(level.values()) + HEIGHT
    return made


def _back_edges(nodes: Sequence[str], pairs: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those that close a circle; sources are looked at first."""
    after: dict[str, list[str]] = defaultdict(list)
    for a, b in pairs:
        after[a].append(b)
    targets = {b for _, b in pairs}
    done: dict[str, bool] = {}
    back: set[tuple[str, str]] = set()
    for root in sorted(nodes, key=lambda n: (n in targets, n)):
        if root in done:
            continue
        done[root] = False
        stack = [(root, iter(after[root]))]
        while stack:
            node, rest = stack[-1]
            for other in rest:
                if other not in done:
                    done[other] = False
                    stack.append((other, iter(after[other])))
                    break
                if not done[other]:
                    back.add((node, other))
            else:
                done[node] = True
                stack.pop()
    return back


def _ranks(nodes: Sequence[str], down: Sequence[tuple[str, str]]) -> dict[str, int]:
    out: dict[str, list[str]] = defaultdict(list)
    into: dict[str, list[str]] = defaultdict(list)
    for a, b in down:
        out[a].append(b)
        into[b].append(a)
    waits = {n: len(into[n]) for n in nodes}
    rank: dict[str, int] = {}
    ready = deque(n for n in nodes if not waits[n])
    while ready:
        n = ready.popleft()
        rank[n] = max((rank[p] + 1 for p in into[n]), default=0)
        for other in out[n]:
            waits[other] -= 1
            if not waits[other]:
                ready.append(other)
    for n in sorted(nodes, key=lambda n: -rank[n]):  # sources come down to their users
        if out[n] and not into[n]:
            rank[n] = min(rank[m] for m in out[n]) - 1
    return rank


def _sweeps(most: int, size: int) -> int:
    return most if size <= _LARGE else most // 3


def _order(rows: Mapping[int, list[_Node]], up_of: Mapping[_Node, list[_Node]],
           down_of: Mapping[_Node, list[_Node]]) -> None:
    at = {n: i for row in rows.values() for i, n in enumerate(row)}
    for sweep in range(_sweeps(_ORDER_SWEEPS, len(at))):
        side = down_of if sweep % 2 else up_of
        for r in sorted(rows, reverse=bool(sweep % 2)):
            keys: dict[_Node, int] = {}
            for n in rows[r]:
                near = sorted(at[m] for m in side.get(n, ()))
                keys[n] = near[len(near) // 2] if near else at[n]
            rows[r].sort(key=keys.__getitem__)
            for i, n in enumerate(rows[r]):
                at[n] = i


def _places(rows: Mapping[int, list[_Node]], wide: Mapping[_Node, float], up_of: Mapping[_Node, list[_Node]],
            down_of: Mapping[_Node, list[_Node]]) -> dict[_Node, float]:
    x: dict[_Node, float] = {}
    for row in rows.values():
        edge = 0.0
        for n in row:
            x[n] = edge + wide[n] / 2
            edge += wide[n] + _GAP_X
    for sweep in range(_sweeps(_PLACE_SWEEPS, len(x))):
        side = down_of if sweep % 2 else up_of
        for r in sorted(rows, reverse=bool(sweep % 2)):
            row = rows[r]
            want = [sum(x[m] for m in near) / len(near) if (near := side.get(n)) else x[n] for n in row]
            _pull(row, want, wide, x)
    return x


def _pull(row: Sequence[_Node], want: Sequence[float], wide: Mapping[_Node, float], x: dict[_Node, float]) -> None:
    """As near to where they want to be as others leave room: half way between packing from the left and the right."""
    lefts, rights = [0.0] * len(row), [0.0] * len(row)
    edge: float | None = None
    for i, n in enumerate(row):
        lefts[i] = want[i] if edge is None else max(want[i], edge + wide[n] / 2)
        edge = lefts[i] + wide[n] / 2 + _GAP_X
    edge = None
    for i in range(len(row) - 1, -1, -1):
        rights[i] = want[i] if edge is None else min(want[i], edge - wide[row[i]] / 2)
        edge = rights[i] - wide[row[i]] / 2 - _GAP_X
    edge = None
    for i, n in enumerate(row):
        place = (lefts[i] + rights[i]) / 2
        x[n] = place if edge is None else max(place, edge + wide[n] / 2)
        edge = x[n] + wide[n] / 2 + _GAP_X


def _add_rows(alone: Sequence[str], widths: Mapping[str, float], made: Layout) -> None:
    """Parts without edges stand in rows of their own, below."""
    top = made.height + _GAP_Y / 2 if made.nodes else 0.0
    for first in range(0, len(alone), _PER_ROW):
        edge = 0.0
        for n in alone[first:first + _PER_ROW]:
            made.nodes[n] = edge + widths[n] / 2, top + HEIGHT / 2
            edge += widths[n] + _GAP_X
        made.width, made.height = max(made.width, edge - _GAP_X), top + HEIGHT
        top += HEIGHT + _GAP_Y / 2
