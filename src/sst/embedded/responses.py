"""The form that a function's answer to a request must have. Sources: the output formats in
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html,
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html and
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html.
"""
from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["balancer_fault", "malformed", "rest_fault", "url_fault"]

_log = logging.getLogger("sst.responses")
_REST_KEYS = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}


def malformed(result: Mapping[str, Any], fault: Callable[[Any], str]) -> bool:
    """Whether what a function gave (``body``) is no answer, by one of the functions below; ``cloud.log`` names the call
    and says why."""
    if result.get("throttle") or not (why := fault(result.get("body"))):
        return False
    call = re.search(r"RequestId: (\S+)", str(result.get("log")))
    _log.warning("the answer of the call %s is malformed: %s", call[1] if call else "", why)
    return True


def url_fault(answer: Any) -> str:
    """What is wrong with the answer to a function URL or an HTTP API; "" if nothing is. What has no ``statusCode`` is
    a body of its own."""
    if not isinstance(answer, dict) or "statusCode" not in answer:
        return ""
    cookies = answer.get("cookies")
    if cookies is not None and not isinstance(cookies, list):
        return "cookies is no list"
    return _fault(answer)


def rest_fault(answer: Any) -> str:
    """The same for a REST API, which takes nothing but an object of this form."""
    if not isinstance(answer, dict):
        return "it is no object"
    if "statusCode" not in answer and not answer.keys() <= _REST_KEYS:
        return "it has no statusCode"
    body = answer.get("body")
    return "body is no string" if body is not None and not isinstance(body, str) else _fault(answer)


def balancer_fault(answer: Any) -> str:
    """The same for a load balancer, which wants a ``statusCode``."""
    if not isinstance(answer, dict) or "statusCode" not in answer:
        return "it is no object with a statusCode"
    body = answer.get("body")
    return "body is no string" if body is not None and not isinstance(body, str) else _fault(answer)


def _fault(answer: dict[str, Any]) -> str:
    status = answer.get("statusCode", 200)
    if isinstance(status, bool) or not str(status).isdigit() or not 100 <= int(status) <= 999:
        return f"statusCode {status!r} is no status"
    for name in ("headers", "multiValueHeaders"):
        if not isinstance(answer.get(name) or {}, dict):
            return f"{name} is no object"
    return ""
