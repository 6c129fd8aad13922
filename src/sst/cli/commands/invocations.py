"""``sst invocations``"""
from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from ..call import Call, command


@command("invocations")
@click.argument("words", nargs=-1)
@click.option("--failed", is_flag=True, help="Only calls that failed.")
@click.option("--search", metavar="TEXT", default="",
              help="Only calls with this text in trigger, error, request, response or lines.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, help="At most so many. Default: 50.")
def invocations(call: Call, words: tuple[str, ...], failed: bool, search: str, limit: int) -> None:
    """List the recorded calls of the app's functions, the newest first.

    WORDS filter as in the console: text, fn:NAME, failed, cold, ">500ms", status:5xx, trigger:sqs,
    trace:ROOT. Calls are recorded on stage `local`.
    """
    from ...console.recorded import recorded

    pages, screen = recorded(call.project(), call.backend), call.screen
    text = " ".join((*words, *(["failed"] if failed else [])))
    found = pages.invocations({"filter": text, "search": search, "limit": str(limit)})
    if screen.as_json:
        screen.data({"count": found["count"], "counted": found["counted"], "total": found["total"],
                     "invocations": found["rows"]})
        return
    screen.table([_row(row) for row in found["rows"]])
    count = f"{found['count']}{'' if found['counted'] else ' or more'}"
    screen.dim(f"{len(found['rows'])} of {count} calls; `sst trace ID` shows one with all that it caused")


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    state = "running" if row["ms"] is None else row["error"] or (str(row["status"]) if row["status"] else "ok")
    return (row["request"][:8], datetime.fromtimestamp(row["began"]).astimezone().strftime("%H:%M:%S"),
            row["function"], row["trigger"], state, "" if row["ms"] is None else f"{row['ms']:.0f} ms")
