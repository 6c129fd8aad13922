"""``sst trace``"""
from __future__ import annotations

from typing import Any

import click

from ..call import Call, command


@command("trace")
@click.argument("id")
def trace(call: Call, id: str) -> None:
    """Show one request over all hops: calls of functions, and the AWS calls they made.

    ID is a call's request id or its first 8 characters (see `sst invocations`), or the root of a
    trace (1-...). With --json also the events, answers, lines and errors of each call.
    """
    from ...console.recorded import recorded
    from ...console.trace_rows import trace_rows
    from ...errors import UserError

    if not id:
        raise UserError("sst trace: the ID is empty", hint="`sst invocations` lists the recorded calls", code="usage")
    pages, screen = recorded(call.project(), call.backend), call.screen
    root = id if id.startswith("1-") else pages.invocation(id, {})["trace"]
    found = pages.trace(root, {})
    if not found["invocations"] and not found["calls"]:
        raise UserError(f"nothing is recorded of trace {root}", hint="`sst invocations` lists the recorded calls",
                        code="unknown-name")
    if screen.as_json:
        screen.data({**found, "invocations": [_whole(pages.invocation(str(i["id"]), {}))
                                              for i in found["invocations"]]})
        return
    began = min(i["began"] for i in (*found["invocations"], *found["calls"]))
    for depth, row in trace_rows(found):
        at = f"+{(row['began'] - began) * 1000:.0f} ms"
        took = "running" if row["ms"] is None else f"{row['ms']:.1f} ms"
        if "request" in row:
            state = row["error"] or (str(row["status"]) if row["status"] else "ok")
            before = (row["took"] or 0) - (row["ms"] or 0)
            cold = f" after a cold start of {before:.0f} ms" if row["cold"] and before > 1 else ""
            line = f"{row['title']}  {row['trigger']}  {state}  {took}{cold}  {row['request'][:8]}"
            screen.line(f"{at:>10}  {'  ' * depth}" + screen.paint(line, "red" if row["failed"] else "bold"))
            if row["error"]:
                screen.line(f"{'':>10}  {'  ' * depth}  {row['message'].splitlines()[0] if row['message'] else ''}")
        else:
            refused = f"  {row['error'] or row['status']}" if row["status"] >= 400 else ""
            screen.line(f"{at:>10}  {'  ' * depth}{row['service']} {row['action']} {row['resource']}{refused}  {took}")


def _whole(row: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in row.items() if k != "trace_of"}
