"""Requests that come through the CDN: they carry a key, and the host that the visitor asked for."""
from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from .request import Request

__all__ = ["from_edge", "protected", "through_a_url"]


def through_a_url(event: Any) -> bool:
    """Whether an event comes from a function URL that anybody may call, and not from an API or a queue.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
    """
    about = event.get("requestContext") if isinstance(event, Mapping) else None
    return isinstance(about, Mapping) and "http" in about and (
        about.get("accountId") == "anonymous" or ".lambda-url." in str(about.get("domainName")))


def protected(handler: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """A handler that answers requests of its function URL only if they carry ``SST_ORIGIN_KEY``. It never sees the
    key."""
    key = os.environ["SST_ORIGIN_KEY"]

    def guarded(event: Any, context: Any) -> Any:
        if through_a_url(event):
            given = event["headers"].pop("x-sst-key", "")
            if not hmac.compare_digest(given.encode(), key.encode()):
                return {"statusCode": 403, "headers": {"content-type": "text/plain; charset=utf-8"},
                        "body": "Forbidden"}
        return handler(event, context)

    return guarded


def from_edge(request: Request, event: Any, environment: Mapping[str, str]) -> Request | None:
    """The request as the visitor sent it, where ``SST_ORIGIN_KEY`` says that the server is behind a CDN. None if it did
    not come from there. Otherwise it stays as it is."""
    key = environment.get("SST_ORIGIN_KEY")
    if not key or not through_a_url(event):
        return request
    if not hmac.compare_digest(request.header("x-sst-key").encode(), key.encode()):
        return None
    shown = request.header("x-forwarded-host") or request.host
    host, _, port = shown.rpartition(":") if ":" in shown and not shown.endswith("]") else (shown, "", "")
    headers = [(k, v) for k, v in request.headers if k not in ("x-sst-key", "host")]
    number = int(port) if port.isdigit() else 80 if request.scheme == "http" else 443
    return replace(request, headers=[("host", shown), *headers], host=host, port=number)
