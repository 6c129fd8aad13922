"""Batches of SQS: a malformed list of failed items fails the whole batch.

The emulator ignores what it does not understand in ``batchItemFailures`` and deletes those messages. AWS takes an empty
or missing ``itemIdentifier``, one of no message of the batch, and an answer of another form for a failure of all; an
empty or absent list, or no answer at all, is a success. Source: Lambda developer guide, "Handling errors for an SQS
event source". Goes when ministack does so; last checked with 1.5.33.
"""
from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from typing import Any

from sst.embedded.settings import Settings

__all__ = ["NEEDS", "apply", "fault"]

NEEDS: Mapping[str, str] = {
    "services.lambda_svc:_execute_function": "(func, event)",
    "services.lambda_svc:_run_sqs_batch": "(esm, func_rec, event, batch, queue_url, queue_name)",
}

_log = logging.getLogger("sst.batches")
_partial: ContextVar[str] = ContextVar("partial_batch", default="")
"""The function whose batch runs in this thread, if it reports failed items."""


def apply(settings: Settings) -> None:
    from ministack.services import lambda_svc

    run, execute = lambda_svc._run_sqs_batch, lambda_svc._execute_function

    def run_sqs_batch(mapping: Any, *arguments: Any) -> Any:
        reports = "ReportBatchItemFailures" in (mapping.get("FunctionResponseTypes") or [])
        token = _partial.set(str(mapping.get("FunctionName", "")) if reports else "")
        try:
            return run(mapping, *arguments)
        finally:
            _partial.reset(token)

    def execute_function(record: Any, event: Any) -> Any:
        result, name = execute(record, event), _partial.get()
        if not name or result.get("error"):
            return result
        why = fault(result.get("body"), [entry["messageId"] for entry in event.get("Records") or []])
        if not why:
            failures = (result.get("body") or {}).get("batchItemFailures")
            return {**result, "body": {"batchItemFailures": failures or []}}
        _log.warning("%s: %s in its partial batch response; all %d messages are tried again", name, why,
                     len(event["Records"]))
        return {**result, "error": True, "body": {"errorType": "InvalidBatchResponse", "errorMessage": why}}

    lambda_svc._run_sqs_batch = run_sqs_batch
    lambda_svc._execute_function = execute_function


def fault(answer: Any, messages: Iterable[str]) -> str:
    """What is wrong with a partial batch response to items with these ids; "" if nothing is."""
    if answer in (None, "", {}):
        return ""
    failures = answer.get("batchItemFailures") if isinstance(answer, dict) else answer
    if failures is None:
        return ""
    if not isinstance(answer, dict) or not isinstance(failures, list):
        return "no list of batchItemFailures"
    known = set(messages)
    for failure in failures:
        item = failure.get("itemIdentifier") if isinstance(failure, dict) else None
        if not isinstance(item, str) or item not in known:
            return f"itemIdentifier {item!r} is none of the batch"
    return ""
