"""Lines and counts of a stage in a cloud: asked for when their page is opened, and later where the cloud says so."""
from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ..core.units import seconds
from ..errors import Throttled
from .source import Source

__all__ = ["Far"]

_PAUSE, _LONGEST = 2.0, 60.0
"""Seconds after a refusal; doubled with each that follows."""


class Far:
    """``clock``: seconds since 1970."""

    def __init__(self, source: Source, clock: Callable[[], float] = time.time) -> None:
        self._source, self._clock = source, clock
        self._pause = self._until = 0.0
        self._calls = 0

    def logs(self, query: Mapping[str, str]) -> dict[str, Any]:
        """One part of a search, the newest lines first. ``next`` goes on; ``wait``: in so many seconds, since the cloud
        asked to slow down. ``calls``: of the cloud, since the console was started."""
        seen, since = self._source.seen(), query.get("back") or "15 minutes"
        wanted = seen.functions.get(query.get("fn", ""), query.get("fn", ""))
        monitors = self._source.monitors(seen, wanted)
        number, _, after = (query.get("next") or "0|").partition("|")
        until = float(query.get("until") or self._clock())
        facts: dict[str, Any] = {"lines": [], "until": until, "back": since, "searched": 0,
                                 "next": query.get("next", ""), "total": sum(len(states) for _, states in monitors),
                                 "wait": self._wait()}
        if facts["wait"] or int(number) >= len(monitors):
            return facts | {"calls": self._calls}
        monitor, states = monitors[int(number)]
        found = monitor.lines(states, text=query.get("text", ""), since=until - seconds(since, what="back"),
                              until=until, after=after)
        self._calls += monitor.calls
        self._slowed() if found.slow else self._went()
        before = sum(len(some) for _, some in monitors[:int(number)])
        following = f"{number}|{found.next}" if found.next else \
            f"{int(number) + 1}|" if int(number) + 1 < len(monitors) else ""
        lines = [{"function": seen.titles.get(line.function, line.function), "at": line.at, "text": line.text,
                  "request": line.request} for line in found.lines]
        return facts | {"lines": self._source.hidden(lines), "searched": before + found.searched, "next": following,
                        "total": facts["total"] - len(states) + found.total, "wait": self._wait(),
                        "calls": self._calls}

    def metrics(self, since: float, until: float, step: float) -> dict[str, Any]:
        """``functions`` with their series; ``wait`` as in `logs`."""
        seen = self._source.seen()
        made: list[dict[str, Any]] = []
        if not self._wait():
            for monitor, states in self._source.monitors(seen):
                try:
                    series = monitor.series(states, since=since, until=until, step=step)
                    self._went()
                except Throttled:
                    self._slowed()
                    series = []
                self._calls += monitor.calls
                made += [{"function": seen.titles.get(s.function, s.function),
                          **{name: list(points) for name, points in s.points.items()}} for s in series]
        return {"functions": [f for f in made if any(f["calls"])], "wait": self._wait(), "cloud_calls": self._calls}

    def _wait(self) -> float:
        return max(0.0, round(self._until - self._clock(), 1))

    def _slowed(self) -> None:
        self._pause = min(_LONGEST, self._pause * 2 or _PAUSE)
        self._until = self._clock() + self._pause

    def _went(self) -> None:
        self._pause = self._until = 0.0
