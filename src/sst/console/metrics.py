"""Calls, errors, times and cold starts of each function over a stretch of time, as small plots."""
from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import UserError
from .far import Far
from .source import Source

__all__ = ["Metrics"]

SPANS: Mapping[str, float] = {"15m": 900, "1h": 3600, "6h": 21_600, "24h": 86_400, "7d": 604_800}
POINTS = 60


class Metrics:
    """From what the recorder keeps; on other stages from what the cloud counts. ``clock``: seconds since 1970."""

    def __init__(self, source: Source, far: Far, clock: Callable[[], float] = time.time) -> None:
        self._source, self._far, self._clock = source, far, clock

    def show(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Series of 60 points each, of the cloud of 15 at least: ``calls``, ``errors``, ``cold`` (of the cloud
        ``throttles``), and ``p50``, ``p95`` in milliseconds (None where nothing was called)."""
        span = SPANS.get(query.get("span") or "1h")
        if span is None:
            raise UserError(f"there is no stretch {query['span']}", hint=f"choose one of {', '.join(SPANS)}")
        until = self._clock()
        since, step = until - span, span / POINTS
        shown = {"since": since, "until": until, "span": query.get("span") or "1h", "spans": list(SPANS)}
        if not self._source.project.is_local:
            return shown | self._far.metrics(since, until, max(step, 60.0))
        seen = self._source.seen()
        series: dict[str, list[list[tuple[float | None, int, int]]]] = {}
        for row in self._source.records.since(since, until):
            points = series.setdefault(row["function"], [[] for _ in range(POINTS)])
            points[min(POINTS - 1, int((row["began"] - since) / step))].append((row["ms"], row["failed"], row["cold"]))
        titles = {p.name: p.title for p in seen.picture.parts}
        found = [{"function": (part := seen.titles.get(name, name)), "title": titles.get(part, part), **_lines(points)}
                 for name, points in series.items()]
        return {**shown, "functions": sorted(found, key=lambda f: -sum(f["calls"]))}


def _lines(points: list[list[tuple[float | None, int, int]]]) -> dict[str, Any]:
    times = [sorted(ms for ms, _, _ in point if ms is not None) for point in points]
    return {"calls": [len(point) for point in points], "errors": [sum(f for _, f, _ in point) for point in points],
            "cold": [sum(c for _, _, c in point) for point in points],
            "p50": [_share(t, 0.5) for t in times], "p95": [_share(t, 0.95) for t in times]}


def _share(times: list[float], share: float) -> float | None:
    return round(times[min(len(times) - 1, int(share * len(times)))], 2) if times else None
