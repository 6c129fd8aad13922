"""Every invocation, whoever asks for it, goes through one place: runtimes that can't run say so, the rest goes to our
executor.

Stays: it is the port through which our executor plugs in. The part for response streams goes when ministack sends a
stream's first byte before its last one exists; last checked with 1.5.33.
"""
from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from sst.embedded import emulator, functions, logs
from sst.embedded.bridge import Bridge, StreamedBody
from sst.embedded.patches.traces import ORIGINS
from sst.embedded.runner import ExecutorRunner
from sst.embedded.settings import Settings
from sst.executor import PAYLOAD_LIMIT

__all__ = ["NEEDS", "apply", "attach", "close", "loop", "notice", "replay"]

NEEDS: Mapping[str, str] = {
    "core.responses:StreamingResponse": "class (self, runner)",
    "services.lambda_svc:_LAMBDA_STATE_TRANSITION_DELAY": "float",
    "services.lambda_svc:_acquire_execution_slot": "(func, config)",
    "services.lambda_svc:_apply_headers_case_insensitively": "(base, overrides)",
    "services.lambda_svc:_execute_function": "(func, event)",
    "services.lambda_svc:_execute_function_dispatch": "(func, config, event, request_id, started)",
    "services.lambda_svc:_execution_record_for_config": "(func, config)",
    "services.lambda_svc:_get_func_record_for_ref_in_scope": "(function_ref, *, account_id=None, region=None)",
    "services.lambda_svc:_execute_function_with_config_scope": "(func, event)",
    "services.lambda_svc:_function_url_stream_response": "(result, cors_headers)",
    "services.lambda_svc:_lambda_function_account_region_from_arn": "(value)",
    "services.lambda_svc:_release_execution_slot": "(key)",
    "services.lambda_svc:_throttle_response": "(reason_code, msg, retry_after=1)",
    "services.lambda_svc:handle_function_url_request":
        "async (url_id, method, path, headers, body, query_params, resolved=None, source_ip=None)",
    "services.lambda_svc:invalidate_worker": "(func_name, qualifier=None, account=None, region=None)",
    "services.lambda_svc:resolve_function_url": "(url_id)",
    "services.lambda_svc:run_reentrant": "async (fn, *args, thread_name='ministack-reentrant')",
}

_PENDING_SECONDS = 0.01
"""A new function is pending for as long as AWS needs to place it; here there is nothing to place."""

_REMEMBERED = 1000

_bridge: Bridge | None = None


TOO_LARGE: dict[str, Any] = {"body": {"statusCode": 413, "headers": {"content-type": "application/json"},
                                      "body": '{"message": "Request Entity Too Large"}'}}


def apply(settings: Settings) -> None:
    global _bridge
    from ministack.services import lambda_svc

    lambda_svc._LAMBDA_STATE_TRANSITION_DELAY = _PENDING_SECONDS
    lambda_svc._lambda_function_account_region_from_arn = lru_cache(_REMEMBERED)(
        lambda_svc._lambda_function_account_region_from_arn)    # asked several times at each call
    _bridge = bridge = Bridge(settings, ExecutorRunner(settings, ORIGINS))
    _stream_urls(bridge)
    _retire(bridge)

    def dispatch(record: Any, config: Any, event: Any, request_id: str, started: float) -> dict[str, Any]:
        if reason := functions.refusal(config):
            return _refused(config, request_id, "Runtime.Unsupported", reason)
        try:
            return bridge.run(record, config, event, request_id)
        except functions.Unusable as error:
            return _unusable(config, request_id, error)

    lambda_svc._execute_function_dispatch = dispatch


def loop() -> asyncio.AbstractEventLoop:
    """The event loop in which functions run. Raises `RuntimeError` before `apply`."""
    if _bridge is None:
        raise RuntimeError("nothing runs functions yet")
    return _bridge.loop


def attach(port: int, token: str) -> None:
    """Let a session of ``sst dev`` run functions. Raises `OSError` if it does not answer."""
    if _bridge is not None:
        _bridge.attach(port, token)


def notice(text: str) -> None:
    """Tell the session of ``sst dev``, if there is one, what this cloud has refused."""
    if _bridge is not None:
        _bridge.notice(text)


def replay(request: str, event: str | None) -> dict[str, Any]:
    """Send the event of a recorded call again, or another one. Raises `ValueError` if it is not known any more."""
    from ministack.services import lambda_svc

    from sst.embedded import trace
    from sst.embedded.recorder import recorder

    found = recorder().replay(request)
    if found is None:
        raise ValueError("this call is too long ago, or was made before the local cloud was started: call it with "
                         "`sst invoke NAME --event @FILE`")
    arn, sent = found[0], found[1] if event is None else event.encode()
    region, account = arn.split(":")[3:5]
    record, config, _ = lambda_svc._get_func_record_for_ref_in_scope(arn, account_id=account, region=region)
    if not record or not config:
        raise ValueError("the function is gone")
    token = trace.REPLAY.set(request)
    try:
        with trace.continued(""):
            made = lambda_svc._execute_function_with_config_scope(
                lambda_svc._execution_record_for_config(record, config), json.loads(sent))
    finally:
        trace.REPLAY.reset(token)
    return {"payload": made.get("body"), "error": str(made.get("function_error") or "") if made.get("error") else ""}


def task_heard(title: str, task: str, lines: Sequence[tuple[int, str]], code: int | None) -> None:
    """See `Runner.task_heard`."""
    if _bridge is not None:
        _bridge.task_heard(title, task, lines, code)


def close() -> None:
    """End all sandboxes."""
    if _bridge is not None:
        _bridge.close()


def _retire(bridge: Bridge) -> None:
    from ministack.services import lambda_svc

    def invalidate_worker(name: str, qualifier: str | None = None, account: str | None = None,
                          region: str | None = None) -> None:
        bridge.retire(name)

    lambda_svc.invalidate_worker = invalidate_worker


def _stream_urls(bridge: Bridge) -> None:
    """A URL with ``RESPONSE_STREAM`` sends its first byte when the function writes it, not when the function ends."""
    from ministack.services import lambda_svc

    shape = lambda_svc._function_url_stream_response
    handle = lambda_svc.handle_function_url_request
    streaming: ContextVar[bool | None] = ContextVar("streaming", default=None)      # None: no call of a URL

    async def handle_request(url_id: str, method: str, path: str, headers: Any, body: bytes, query: Any,
                             resolved: Any = None, source_ip: str | None = None) -> Any:
        resolved = resolved or lambda_svc.resolve_function_url(url_id)
        token = streaming.set(bool(resolved) and resolved[4].get("InvokeMode") == "RESPONSE_STREAM")
        try:
            return await handle(url_id, method, path, headers, body, query, resolved, source_ip)
        finally:
            streaming.reset(token)

    def stream_response(result: dict[str, Any], cors: dict[str, str]) -> Any:
        body = result.get("body")
        if result is TOO_LARGE:
            made = TOO_LARGE["body"]
            return made["statusCode"], made["headers"], made["body"].encode()
        if not isinstance(body, StreamedBody):
            return shape(result, cors)
        prelude = body.prelude or {}
        headers: dict[str, Any] = {"Content-Type": "application/octet-stream"}
        lambda_svc._apply_headers_case_insensitively(headers, prelude.get("headers") or {})
        lambda_svc._apply_headers_case_insensitively(headers, cors)
        if prelude.get("cookies"):
            headers["Set-Cookie"] = list(prelude["cookies"])
        return int(prelude.get("statusCode", 200)), headers, _streaming(body, result["done"])

    run = lambda_svc.run_reentrant

    async def run_reentrant(work: Any, *arguments: Any, thread_name: str = "reentrant") -> Any:
        """A call of a function that is awaited needs no thread."""
        if work is not lambda_svc._execute_function_with_config_scope:
            return await run(work, *arguments, thread_name=thread_name)
        if streaming.get() is not None and (refused := _too_large(*arguments)):
            return refused
        if streaming.get():
            return await _opened(bridge, *arguments)
        of_url = streaming.get() is not None    # its caller is told this id
        request_id = arguments[1]["requestContext"]["requestId"] if of_url else str(uuid.uuid4())
        return await _awaited(bridge, *arguments, request_id=request_id)

    lambda_svc.run_reentrant = run_reentrant
    lambda_svc.handle_function_url_request = handle_request
    lambda_svc._function_url_stream_response = stream_response


async def _awaited(bridge: Bridge, record: Any, event: Any, *, request_id: str) -> Any:
    """What `_execute_function` of the emulator does."""
    from ministack.services import lambda_svc

    config = record["config"]
    with emulator.scope_of(*emulator.function_owner(config)):
        slot = None if functions.refusal(config) else lambda_svc._acquire_execution_slot(record, config)[0]
        if slot is None:
            return lambda_svc._execute_function(record, event)
        try:
            return await bridge.invoked(record, config, event, request_id)
        except functions.Unusable as error:
            return _unusable(config, request_id, error)
        finally:
            lambda_svc._release_execution_slot(slot)


async def _opened(bridge: Bridge, record: Any, event: Any) -> Any:
    """A response whose beginning is known."""
    from ministack.services import lambda_svc

    config, request_id = record["config"], event["requestContext"]["requestId"]
    if functions.refusal(config):
        return await _awaited(bridge, record, event, request_id=request_id)
    with emulator.scope_of(*emulator.function_owner(config)):
        slot, _ = lambda_svc._acquire_execution_slot(record, config)
        if slot is None:
            return dict(lambda_svc._throttle_response(reason_code="ReservedFunctionConcurrentInvocationLimitExceeded",
                                                      msg="Rate Exceeded"))

        def done() -> None:
            lambda_svc._release_execution_slot(slot)

        try:
            return {"body": await bridge.open_stream(record, config, event, request_id), "done": done}
        except functions.Unusable as error:
            done()
            return _unusable(config, request_id, error)
        except Exception as error:
            done()
            return {"body": {"errorMessage": str(error), "errorType": type(error).__name__}, "error": True}
        except BaseException:   # the caller is gone
            done()
            raise


class _Parts:
    """What sends a stream in the emulator's way; a plain server iterates it, without a task that sends."""

    def __init__(self, body: StreamedBody, done: Callable[[], None]) -> None:
        self._body, self._done = body, done

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async with aclosing(aiter(self._body)) as parts:      # type: ignore[type-var]  # it is a generator
                async for part in parts:
                    yield part
        finally:
            self._done()

    async def __call__(self, send: Any, receive: Any) -> None:
        async with aclosing(aiter(self)) as parts:      # type: ignore[type-var]  # it is a generator
            async for part in parts:
                await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _streaming(body: StreamedBody, done: Callable[[], None]) -> Any:
    from ministack.core.responses import StreamingResponse

    return StreamingResponse(_Parts(body, done))


def _unusable(config: Any, request_id: str, error: functions.Unusable) -> dict[str, Any]:
    return _refused(config, request_id, "Runtime.UnusableCode", str(error))


def _too_large(record: Any, event: Any) -> dict[str, Any] | None:
    """The answer to a request over Lambda's limit; the function's log says what can be done."""
    if len(event.get("body") or "") < PAYLOAD_LIMIT - 1024 * 1024 or (size := len(json.dumps(event))) <= PAYLOAD_LIMIT:
        return None
    _refused(record["config"], event["requestContext"]["requestId"], "RequestEntityTooLargeException",
             f"sst: Lambda takes events of 6 MB, and the one of this request has {size / 1024 / 1024:.1f} MB (bodies "
             "that are no text are a third longer in it): cluster=cluster of a site takes more; or let the browser "
             "send files to a bucket")
    return TOO_LARGE


def _refused(config: Any, request_id: str, kind: str, reason: str) -> dict[str, Any]:
    """The answer of a function that can't be run; the reason is also in its log."""
    account, region = emulator.function_owner(config)
    name, version = config["FunctionName"], config.get("Version", "$LATEST")
    group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}"
    logs.write(account, region, group, logs.stream_name(version, "refused"),
               [(int(time.time() * 1000), f"RequestId: {request_id} Error: {reason}")])
    return {"body": {"errorType": kind, "errorMessage": reason}, "error": True, "function_error": "Unhandled",
            "log": reason}
