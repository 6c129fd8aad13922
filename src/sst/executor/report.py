"""The lines Lambda itself writes around an invocation, and the error documents it answers with.

Source: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-view.html and
telemetry-schema-reference.html
"""
from __future__ import annotations

import json
from datetime import UTC, datetime

from .model import FunctionVersion, Invocation

__all__ = ["after", "before", "died", "died_at_start", "document", "timed_out", "too_large"]


def before(fn: FunctionVersion, request_id: str) -> str:
    if fn.log_format == "JSON":
        return _json("platform.start", {"requestId": request_id, "functionArn": fn.arn, "version": fn.version})
    return f"START RequestId: {request_id} Version: {fn.version}"


def after(fn: FunctionVersion, made: Invocation, status: str = "", kind: str = "") -> list[str]:
    """END and REPORT. ``status`` is ``timeout`` or ``error`` for calls that did not end by themselves, ``kind`` the
    error's type."""
    if fn.log_format == "JSON":
        metrics = {"durationMs": round(made.duration_ms, 3), "billedDurationMs": made.billed_ms,
                   "memorySizeMB": fn.memory,
                   "maxMemoryUsedMB": made.max_memory_mb} | ({"initDurationMs": round(made.init_ms, 3)} if made.cold
                                                             else {})
        record: dict[str, object] = {"requestId": made.request_id, "metrics": metrics, "status": status or "success"}
        return [_json("platform.report", record | ({"errorType": kind} if kind else {}))]
    init = f"Init Duration: {made.init_ms:.2f} ms\t" if made.cold else ""
    ended = f"Status: {status}" + (f"\tError Type: {kind}" if kind else "") if status else ""
    return [f"END RequestId: {made.request_id}",
            f"REPORT RequestId: {made.request_id}\tDuration: {made.duration_ms:.2f} ms\tBilled Duration: "
            f"{made.billed_ms} ms\t"
            f"Memory Size: {fn.memory} MB\tMax Memory Used: {made.max_memory_mb} MB\t{init}{ended}"]


def timed_out(seconds: float, request_id: str) -> tuple[bytes, str]:
    """The error document and the log line of a call that took too long."""
    why = f"Task timed out after {seconds:.2f} seconds"
    return document("Sandbox.Timedout", f"RequestId: {request_id} Error: {why}"), f"{_now()} {request_id} {why}"


def died(request_id: str, code: int, *, memory: bool) -> tuple[str, bytes, str]:
    """The error's type, document and log lines of a process that ended in the middle of a call."""
    signals = {-9: "killed", -11: "segmentation fault", -6: "aborted", -15: "terminated"}
    how = f"with error: signal: {signals.get(code, -code)}" if code < 0 else f"with error: exit status {code}"
    if memory:
        how = "with error: signal: killed"
    elif code == 0:
        how = "without providing a reason"
    text = f"RequestId: {request_id} Error: Runtime exited {how}"
    kind = "Runtime.OutOfMemory" if memory else "Runtime.ExitError"
    return kind, document(kind, text), f"{text}\n{kind}"


def died_at_start(request_id: str, error: bytes) -> list[str]:
    """The log lines of a process that ended, or took too long, before its first call; none for an error that the
    runtime has told."""
    found = json.loads(error)
    kind, why = found.get("errorType", ""), str(found.get("errorMessage", "")).rpartition("Error: ")[2]
    if kind == "Sandbox.Timedout":
        return [f"{_now()} {request_id} {why}"]
    return [f"RequestId: {request_id} Error: {why}", kind] if kind in _ENDED else []


_ENDED = ("Runtime.ExitError", "Runtime.OutOfMemory")
IN_PARTS = ("sst: Lambda takes answers of 6 MB in one piece: streaming=True sends parts, 200 MB in all; "
            "cluster=cluster of a site sends more; or let a bucket serve it")
"""A line of the function's log, beside an answer that is refused."""


def too_large(limit: int) -> bytes:
    return document("Function.ResponseSizeTooLarge",
                    f"Response payload size exceeded maximum allowed payload size ({limit} bytes).")


def document(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json(kind: str, record: dict[str, object]) -> str:
    return json.dumps({"time": _now(), "type": kind, "record": record})
