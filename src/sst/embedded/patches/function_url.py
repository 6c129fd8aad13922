"""Function URLs: the event AWS sends (raw path and query, cookies), real streaming, and the answer to a function that
failed.

Goes when ministack hands on raw path and query and the cookies, deletes a function's URL with the function, hides
what a failed function said, and answers 502 for a malformed answer; last checked with 1.5.33.
"""
from __future__ import annotations

import json
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any

from sst.embedded.responses import malformed, url_fault
from sst.embedded.settings import Settings

__all__ = ["NEEDS", "RAW", "apply", "with_cookies"]

NEEDS: Mapping[str, str] = {
    "app:_enforce_data_plane":
        "(service, iam_action, headers, query_params, request_id, resource_arn='*', service_context=None, "
        "auth_error_response=None, named_resource='')",
    "services.lambda_svc:_build_function_url_event":
        "(url_id, account_id, region, method, path, headers, body, query_params, source_ip='127.0.0.1', "
        "anonymous=False, trace_root='')",
    "services.lambda_svc:_delete_function": "(name, query_params, path_qualifier=None)",
    "services.lambda_svc:_function_urls": "AccountRegionScopedDict",
    "services.lambda_svc:_functions": "AccountRegionScopedDict",
    "services.lambda_svc:lambda_execute_result_to_api_proxy_response": "(exec_result)",
}

RAW: ContextVar[tuple[str, str]] = ContextVar("raw_path_and_query", default=("", ""))
"""Path and query of the running request as they came over the wire."""


def apply(settings: Settings) -> None:
    from ministack.services import lambda_svc

    build = lambda_svc._build_function_url_event

    def event(url_id: str, account: str, region: str, method: str, path: str, *arguments: Any, **options: Any) -> Any:
        made = build(url_id, account, region, method, path, *arguments, **options)
        raw_path, raw_query = RAW.get()
        if raw_path:
            prefix = f"/_aws/lambda-url/{url_id}"
            raw_path = raw_path.removeprefix(prefix) or "/"
            made["rawPath"] = made["requestContext"]["http"]["path"] = raw_path
            made["rawQueryString"] = raw_query
        _as_called(made, arguments[0])
        return with_cookies(made)

    lambda_svc._build_function_url_event = event
    _ask_signed_calls_alone()
    _forget_urls_of_deleted_functions(lambda_svc)
    _hide_errors(lambda_svc)


def _ask_signed_calls_alone() -> None:
    """A URL without authorization lets everybody in, and one with IAM refuses an unsigned call by itself."""
    from ministack import app

    enforce = app._enforce_data_plane

    def enforce_data_plane(service: str, action: str, headers: Any, parameters: Any, *rest: Any, **options: Any) -> Any:
        if action == "lambda:InvokeFunctionUrl" and "authorization" not in headers \
                and not any(name.startswith("X-Amz-") for name in parameters):
            return None
        return enforce(service, action, headers, parameters, *rest, **options)

    app._enforce_data_plane = enforce_data_plane


def _as_called(event: dict[str, Any], headers: Mapping[str, str]) -> None:
    """Host, scheme and port of the caller, if a front door tells them: links that an app makes lead back to it."""
    if "x-forwarded-proto" not in headers:
        return
    event["headers"].update({name: headers[name] for name in ("host", "x-forwarded-port", "x-forwarded-proto")
                             if name in headers})
    event["requestContext"]["domainName"] = event["headers"]["host"]


def with_cookies(event: dict[str, Any]) -> dict[str, Any]:
    """Payload format 2.0 hands cookies over as a list of their own, not as a header."""
    cookie = event["headers"].pop("cookie", "")
    if cookie:
        event["cookies"] = [part.strip() for part in cookie.split(";") if part.strip()]
    return event


def _forget_urls_of_deleted_functions(lambda_svc: Any) -> None:
    delete = lambda_svc._delete_function

    def delete_function(name: str, query: Any, path_qualifier: str | None = None) -> Any:
        answer = delete(name, query, path_qualifier)
        if answer[0] == 204 and name not in lambda_svc._functions:
            for key in [k for k in lambda_svc._function_urls if k == name or k.startswith(f"{name}:")]:
                del lambda_svc._function_urls[key]
        return answer

    lambda_svc._delete_function = delete_function


def _hide_errors(lambda_svc: Any) -> None:
    """A caller from outside learns that it failed, or that its answer is malformed, not why: that is in the logs. A
    body that is no string is sent as JSON."""
    shape = lambda_svc.lambda_execute_result_to_api_proxy_response

    def response(result: dict[str, Any]) -> Any:
        if (result.get("error") and not result.get("throttle")) or malformed(result, url_fault):
            return {"statusCode": 502, "headers": {"Content-Type": "application/json"},
                    "body": json.dumps({"message": "Internal Server Error"})}, None
        answer, error = shape(result)
        body = (answer or {}).get("body")
        if body is None or isinstance(body, str):
            return answer, error
        return {**answer, "body": json.dumps(body, ensure_ascii=False), "isBase64Encoded": False}, error

    lambda_svc.lambda_execute_result_to_api_proxy_response = response
