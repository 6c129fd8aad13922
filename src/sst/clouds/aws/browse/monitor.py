"""Lines and counts of functions in AWS: CloudWatch's, asked for when somebody looks at them.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html,
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""
from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ....core.model import State
from ....core.monitor import Lines, LoggedLine, Monitor, Series
from ....errors import ProviderError, Throttled
from ..functions import log_group

if TYPE_CHECKING:
    from ..client import Aws

__all__ = ["AwsMonitor"]

CALLS, EVENTS = 5, 500
"""Of one part of a search."""
_FUNCTIONS = 100
"""Of one call: each has five metrics, and a call takes 500."""
_METRICS = (("calls", "Invocations", "Sum"), ("errors", "Errors", "Sum"), ("throttles", "Throttles", "Sum"),
            ("p50", "Duration", "p50"), ("p95", "Duration", "p95"))
_PLATFORM = re.compile(r"(START|END|INIT_START) ")
_REQUEST = re.compile(r"RequestId: ([0-9a-f-]{36})")


class AwsMonitor(Monitor):
    def __init__(self, aws: Callable[[], Aws]) -> None:
        self._aws = aws

    def lines(self, functions: Sequence[State], *, text: str, since: float, until: float, after: str = "") -> Lines:
        groups: dict[str, str] = {}
        for state in functions:
            groups.setdefault(log_group(state), str(state.values["name"]))
        at, _, token = after.partition(":")
        index, found, slow = int(at or 0), list[LoggedLine](), False
        for _ in range(CALLS):
            if index >= len(groups):
                break
            group, name = list(groups.items())[index]
            params = {"logGroupName": group, "startTime": int(since * 1000), "endTime": int(until * 1000),
                      "limit": EVENTS, **({"filterPattern": _quoted(text)} if text else {}),
                      **({"nextToken": token} if token else {})}
            try:
                answer = self._ask("logs", "filter_log_events", params)
            except Throttled:
                slow = True
                break
            except ProviderError as error:
                if error.code != "ResourceNotFoundException":    # nothing was logged yet
                    raise
                answer = {}
            found += [_line(name, e) for e in answer.get("events", ()) if not _PLATFORM.match(e["message"])]
            token = str(answer.get("nextToken") or "")
            index += not token
        ended = index >= len(groups)
        return Lines(tuple(sorted(found, key=lambda line: -line.at)), index, len(groups),
                     "" if ended else f"{index}:{token}", slow)

    def series(self, functions: Sequence[State], *, since: float, until: float, step: float) -> list[Series]:
        names = [str(state.values["name"]) for state in functions]
        period, count = max(60, math.ceil(step / 60) * 60), math.ceil((until - since) / step)
        made: list[Series] = []
        for first in range(0, len(names), _FUNCTIONS):
            some = names[first:first + _FUNCTIONS]
            values: dict[str, list[tuple[float, float]]] = {}
            params: dict[str, Any] = {
                "MetricDataQueries": [_query(n, key, name, metric, stat, period) for n, name in enumerate(some)
                                      for key, metric, stat in _METRICS],
                "StartTime": datetime.fromtimestamp(since, UTC), "EndTime": datetime.fromtimestamp(until, UTC)}
            while True:
                answer = self._ask("cloudwatch", "get_metric_data", params)
                for result in answer.get("MetricDataResults", ()):
                    values.setdefault(result["Id"], []).extend(
                        (t.timestamp(), v) for t, v in zip(result["Timestamps"], result["Values"], strict=True))
                if not (token := answer.get("NextToken")):
                    break
                params = {**params, "NextToken": token}
            made += [Series(name, {key: _points(values.get(f"{key}_{n}", ()), since, step, count,
                                                None if key in ("p50", "p95") else 0)
                                   for key, _, _ in _METRICS}) for n, name in enumerate(some)]
        return made

    def _ask(self, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """One call, without the client's own pauses of minutes: a person waits for it."""
        def tell(text: str) -> None:
            if text.startswith("slowed down"):
                raise Throttled("AWS asks to slow down", code="Throttling", operation=f"{service} {operation}")

        self.calls += 1
        return self._aws().call(service, operation, params, note=tell)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _line(function: str, event: Mapping[str, Any]) -> LoggedLine:
    text = str(event["message"]).rstrip("\n")
    request = _REQUEST.search(text)
    return LoggedLine(function, event["timestamp"] / 1000, text, request[1] if request else "")


def _query(n: int, key: str, function: str, metric: str, stat: str, period: int) -> dict[str, Any]:
    return {"Id": f"{key}_{n}", "MetricStat": {"Period": period, "Stat": stat, "Metric": {
        "Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": [{"Name": "FunctionName", "Value": function}]}}}


def _points(values: Sequence[tuple[float, float]], since: float, step: float, count: int,
            none: float | None) -> tuple[float | None, ...]:
    made: list[float | None] = [none] * count
    for at, value in values:
        n = int((at - since) / step)
        if 0 <= n < count:
            made[n] = value + (made[n] or 0) if none == 0 else value
    return tuple(made)
