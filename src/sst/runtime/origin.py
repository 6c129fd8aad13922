"""Requests that come through the CDN: they carry a key, and the host that the visitor asked for."""
from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import replace

from .request import Request

__all__ = ["from_edge"]


def from_edge(request: Request, environment: Mapping[str, str]) -> Request | None:
    """The request as the visitor sent it, where ``SST_ORIGIN_KEY`` says that the server is behind a CDN. None if it did
    not come from there. Otherwise it stays as it is."""
    key = environment.get("SST_ORIGIN_KEY")
    if not key:
        return request
    if not hmac.compare_digest(request.header("x-sst-key").encode(), key.encode()):
        return None
    shown = request.header("x-forwarded-host") or request.host
    host, _, port = shown.rpartition(":") if ":" in shown and not shown.endswith("]") else (shown, "", "")
    headers = [(k, v) for k, v in request.headers if k not in ("x-sst-key", "host")]
    number = int(port) if port.isdigit() else 80 if request.scheme == "http" else 443
    return replace(request, headers=[("host", shown), *headers], host=host, port=number)
