"""Every invocation, whoever asks for it, goes through one place: runtimes that can't run say so, the rest goes to our
executor."""
from __future__ import annotations

import importlib
import importlib.util
import time
from collections.abc import Callable
from typing import Any

from sst.embedded import functions, logs
from sst.embedded.bridge import Bridge, StreamedBody
from sst.embedded.settings import Settings

__all__ = ["ADAPTER", "NEEDS", "apply", "attach", "close"]

NEEDS = ("services.lambda_svc:_execute_function_dispatch", "services.lambda_svc:_LAMBDA_STATE_TRANSITION_DELAY",
         "services.lambda_svc:_runtime_env_vars",
         "services.lambda_svc:_resolve_layer_zip", "services.lambda_svc:invalidate_worker",
         "services.lambda_svc:run_reentrant",
         "services.lambda_svc:_function_url_stream_response", "services.lambda_svc:_acquire_execution_slot",
         "services.lambda_svc:_release_execution_slot", "services.lambda_svc:_throttle_response",
         "services.lambda_svc:resolve_function_url", "services.lambda_svc:_apply_headers_case_insensitively",
         "core.responses:StreamingResponse", "services.lambda_svc:_account_region_from_function_config",
         "core.lambda_runtime:execution_credentials", "services.cloudwatch_logs:_append_log_events",
         "services.cloudwatch_logs:_fanout_to_subscription_filters", "services.cloudwatch_logs:_log_groups",
         "services.cloudwatch_logs:_make_group_arn")

ADAPTER = "sst.embedded.runner"
"""The module whose ``runner(settings)`` makes the executor a `bridge.Runner`."""

_PENDING_SECONDS = 0.01
"""A new function is pending for as long as AWS needs to place it; here there is nothing to place."""

_bridge: Bridge | None = None


def apply(settings: Settings) -> None:
    global _bridge
    from ministack.services import lambda_svc

    lambda_svc._LAMBDA_STATE_TRANSITION_DELAY = _PENDING_SECONDS
    theirs = lambda_svc._execute_function_dispatch
    if importlib.util.find_spec("sst.executor"):
        _bridge = Bridge(settings, importlib.import_module(ADAPTER).runner(settings))
        _stream_urls(lambda_svc, _bridge)
        _retire(lambda_svc, _bridge)

    def dispatch(record: Any, config: Any, event: Any, request_id: str, started: float) -> dict[str, Any]:
        if reason := functions.refusal(config):
            _say(config, request_id, reason)
            return {"body": {"errorType": "Runtime.Unsupported", "errorMessage": reason}, "error": True,
                    "function_error": "Unhandled",
                    "log": reason}
        if _bridge is not None:
            return _bridge.run(record, config, event, request_id)
        return dict(theirs(record, config, event, request_id, started))

    lambda_svc._execute_function_dispatch = dispatch


def attach(port: int, token: str) -> None:
    """Let a session of ``sst dev`` run functions. Raises `OSError` if it does not answer."""
    if _bridge is not None:
        _bridge.attach(port, token)


def close() -> None:
    """End all sandboxes."""
    if _bridge is not None:
        _bridge.close()


def _retire(lambda_svc: Any, bridge: Bridge) -> None:
    def invalidate_worker(name: str, qualifier: str | None = None, account: str | None = None,
                          region: str | None = None) -> None:
        bridge.retire(name)

    lambda_svc.invalidate_worker = invalidate_worker


def _stream_urls(lambda_svc: Any, bridge: Bridge) -> None:
    """A URL with ``RESPONSE_STREAM`` sends its first byte when the function writes it, not when the function ends."""
    run, shape = lambda_svc.run_reentrant, lambda_svc._function_url_stream_response

    async def run_reentrant(work: Any, *arguments: Any, thread_name: str = "ministack-reentrant") -> Any:
        if thread_name == "ministack-lambda-url":
            found = lambda_svc.resolve_function_url(arguments[1]["requestContext"]["apiId"])
            if (found and found[4].get("InvokeMode") == "RESPONSE_STREAM"
                    and not functions.refusal(arguments[0]["config"])):
                return await run(lambda_svc._run_with_function_config_scope, arguments[0], _open, lambda_svc, bridge,
                                 *arguments,
                                 thread_name=thread_name)
        return await run(work, *arguments, thread_name=thread_name)

    def stream_response(result: dict[str, Any], cors: dict[str, str]) -> Any:
        body = result.get("body")
        if not isinstance(body, StreamedBody):
            return shape(result, cors)
        prelude = body.prelude or {}
        headers: dict[str, Any] = {"Content-Type": "application/octet-stream"}
        lambda_svc._apply_headers_case_insensitively(headers, prelude.get("headers") or {})
        lambda_svc._apply_headers_case_insensitively(headers, cors)
        if prelude.get("cookies"):
            headers["Set-Cookie"] = list(prelude["cookies"])
        return int(prelude.get("statusCode", 200)), headers, _streaming(run, body, result["done"])

    lambda_svc.run_reentrant = run_reentrant
    lambda_svc._function_url_stream_response = stream_response


def _open(lambda_svc: Any, bridge: Bridge, record: Any, event: Any) -> dict[str, Any]:
    config = record["config"]
    slot, _ = lambda_svc._acquire_execution_slot(record, config)
    if slot is None:
        return dict(lambda_svc._throttle_response(reason_code="ReservedFunctionConcurrentInvocationLimitExceeded",
                                                  msg="Rate Exceeded"))

    def done() -> None:
        lambda_svc._release_execution_slot(slot)

    try:
        return {"body": bridge.open_stream(record, config, event, event["requestContext"]["requestId"]), "done": done}
    except Exception as error:
        done()
        return {"body": {"errorMessage": str(error), "errorType": type(error).__name__}, "error": True}


def _streaming(run: Any, body: StreamedBody, done: Callable[[], None]) -> Any:
    from ministack.core.responses import StreamingResponse

    async def send_parts(send: Any, receive: Any) -> None:
        parts = iter(body)
        try:
            while (part := await run(next, parts, None, thread_name="stream")) is not None:
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            done()

    return StreamingResponse(send_parts)


def _say(config: Any, request_id: str, reason: str) -> None:
    from ministack.services import lambda_svc

    account, region = lambda_svc._account_region_from_function_config(config)
    name, version = config["FunctionName"], config.get("Version", "$LATEST")
    group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}"
    logs.write(account, region, group, logs.stream_name(version, "refused"),
               [(int(time.time() * 1000), f"RequestId: {request_id} Error: {reason}")])
