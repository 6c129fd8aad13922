"""The emulator's CloudWatch Logs, written from inside: what functions print."""
from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sst.embedded import emulator

__all__ = ["KEPT", "stream_name", "write"]

KEPT = 5000
"""So many of the latest lines of a log group are kept, at least: what is kept is written to disk again with each
change."""
_STREAMS = 50


def stream_name(version: str, sandbox: str) -> str:
    """``2026/11/23/[$LATEST]<sandbox>``: one stream for each sandbox, as on AWS."""
    return f"{_day(int(time.time()) // 86400)}/[{version}]{sandbox}"


@lru_cache(2)
def _day(since_1970: int) -> str:
    return time.strftime("%Y/%m/%d", time.gmtime(since_1970 * 86400))


def write(account: str, region: str, group: str, stream: str, lines: Sequence[tuple[int, str]], *,
          function: str = "") -> None:
    """Append ``lines`` (epoch milliseconds, text) of a function, or of something else; makes the group and the stream
    as AWS does on the first line."""
    if not lines:
        return
    with emulator.scope_of(account, region):
        emulator.append_log_lines(group, stream, lines, int(time.time() * 1000), _forget_old, function)


def _forget_old(streams: dict[str, Any], target: Any) -> None:
    """Make room: in the stream that is written, and among the streams, of which each sandbox makes one."""
    if len(target["events"]) > 2 * KEPT:
        del target["events"][:-KEPT]
        target["firstEventTimestamp"] = target["events"][0]["timestamp"]
    if len(streams) <= _STREAMS:
        return
    total = sum(len(stream["events"]) for stream in streams.values())
    for name in sorted(streams, key=lambda n: streams[n]["lastEventTimestamp"] or 0):
        if len(streams) <= _STREAMS or streams[name] is target or total - len(streams[name]["events"]) < KEPT:
            return
        total -= len(streams[name]["events"])
        del streams[name]
