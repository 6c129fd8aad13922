"""Traces go on: messages, records and calls name what caused them, as on AWS with its `X-Amzn-Trace-Id` header.

SQS puts the header of the sending call into ``AWSTraceHeader``; what SNS, S3 and EventBridge put into queues gets that
of the call which set it off. Records of streams have no place for it: they are known by sequence number. Each AWS call
is handed to the recorder. Goes when ministack passes the header on itself; last checked with 1.5.33.
"""
from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from sst.embedded import trace
from sst.embedded.aws_call import described
from sst.embedded.recorder import recorder
from sst.embedded.settings import Settings

__all__ = ["NEEDS", "ORIGINS", "apply"]

NEEDS: Mapping[str, str] = {
    "app:_dispatch_service_request": "async (method, path, headers, body, query_params, request_id)",
    "services.dynamodb:_next_stream_seq": "()",
    "services.kinesis:_next_sequence_number": "()",
    "services.lambda_svc:_function_url_trace_root": "()",
    "services.sqs:_build_send_sys_attrs": "(now, sys_attrs_input)",
    "services.sqs:_ensure_msg_fields": "(m)",
}

ORIGINS = trace.RecordOrigins()


def apply(settings: Settings) -> None:
    from ministack import app
    from ministack.services import dynamodb, kinesis, lambda_svc

    dispatch, made_up = app._dispatch_service_request, lambda_svc._function_url_trace_root

    async def dispatch_service_request(method: str, path: str, headers: Any, body: bytes, query_params: Any,
                                       request_id: str) -> Any:
        given, began, clock = trace.parse(headers.get("x-amzn-trace-id", "")), time.time(), time.perf_counter()
        span = trace.new_span()
        root = given[0] or trace.new_root()
        status, failure = 500, b""
        with trace.continued(trace.header(root, span)):
            try:
                answer = await dispatch(method, path, headers, body, query_params, request_id)
                status, failure = int(answer[0]), answer[2] if int(answer[0]) >= 400 else b""
                return answer
            finally:
                recorder().call(lambda: described(method, path, headers, body, query_params, failure), trace=root,
                                span=span, parent=given[1], began=began, status=status,
                                ms=(time.perf_counter() - clock) * 1000, key=_key_of(headers, query_params))

    def function_url_trace_root() -> str:
        root = trace.parse(trace.CURRENT.get())[0]
        return f"Root={root}" if root else str(made_up())

    app._dispatch_service_request = dispatch_service_request
    lambda_svc._function_url_trace_root = function_url_trace_root
    _messages()
    dynamodb._next_stream_seq = _noted(dynamodb._next_stream_seq)
    kinesis._next_sequence_number = _noted(kinesis._next_sequence_number)


def _messages() -> None:
    from ministack.services import sqs

    build, ensure = sqs._build_send_sys_attrs, sqs._ensure_msg_fields

    def build_send_sys_attrs(now: float, given: Any) -> Any:
        made = build(now, given)
        if current := trace.CURRENT.get():
            made.setdefault("AWSTraceHeader", current)
        return made

    def ensure_msg_fields(message: Any) -> None:
        new = "sys" not in message
        ensure(message)
        if new and (current := trace.CURRENT.get()):
            message["sys"]["AWSTraceHeader"] = current

    sqs._build_send_sys_attrs, sqs._ensure_msg_fields = build_send_sys_attrs, ensure_msg_fields


def _noted(number: Any) -> Any:
    def numbered() -> str:
        made = str(number())
        ORIGINS.note(made)
        return made

    return numbered


def _key_of(headers: Mapping[str, str], query: Mapping[str, Any]) -> tuple[str, bool]:
    """The access key that signed a call, and whether it signed a URL in advance."""
    if found := headers.get("authorization", "").partition("Credential=")[2]:
        return found.partition("/")[0], False
    presigned = str((query.get("X-Amz-Credential") or query.get("AWSAccessKeyId") or [""])[0])
    return presigned.partition("/")[0], True
