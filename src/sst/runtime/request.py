"""An HTTP request, in the event formats of a function's front ends.

    v2    API Gateway HTTP APIs and function URLs (payload 2.0)
    v1    API Gateway REST APIs (payload 1.0)
    alb   application load balancers
"""
from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from ..errors import UserError

__all__ = ["Request", "read_request"]

_PATH = "/%:@!$&'()*+,;=~-._[]"
"""What stays as it is in a path; the rest was decoded by the front end and is encoded again."""


@dataclass(frozen=True)
class Request:
    form: str
    """``v2``, ``v1`` or ``alb``: the form of the event and so of the answer."""
    method: str
    root: str
    """The part of the path that leads to the app: the API's stage. Encoded as in ``path``."""
    path: str
    """The whole path, percent-encoded, with ``root``."""
    query: str
    """As sent, without the ``?``."""
    headers: list[tuple[str, str]]
    """Names in lower case; a name may come twice."""
    body: bytes
    client: str
    """The caller's address."""
    scheme: str
    host: str
    port: int
    version: str
    """``1.1`` or ``2``"""
    many: bool = False
    """A load balancer that sends and wants lists of header values."""

    def header(self, name: str) -> str:
        return next((v for k, v in self.headers if k == name), "")


def read_request(event: Any, root: str | None = None) -> Request:
    """The request of an event. ``root`` is the part of the path to leave out, if it is not the API's stage.

    Raises ``UserError`` if the event is not an HTTP request.
    """
    about = event.get("requestContext") if isinstance(event, Mapping) else None
    if isinstance(about, Mapping):
        if isinstance(about.get("http"), Mapping):
            return _v2(event, about, root)
        if "elb" in about:
            return _alb(event, root)
        if "httpMethod" in event:
            return _v1(event, about, root)
    told = f"keys: {', '.join(map(str, list(event)[:8]))}" if isinstance(event, Mapping) else type(event).__name__
    raise UserError(f"the handler is a web app, but the event is not an HTTP request ({told})",
                    hint="call it through its URL, or give the other events a handler function of their own")


def _v2(event: Mapping[str, Any], about: Mapping[str, Any], root: str | None) -> Request:
    headers = [(k.lower(), str(v)) for k, v in (event.get("headers") or {}).items()]
    if cookies := event.get("cookies"):
        headers = [*((k, v) for k, v in headers if k != "cookie"), ("cookie", "; ".join(cookies))]
    path = quote(event.get("rawPath") or "/", safe=_PATH)
    http = about["http"]
    return _request("v2", http["method"], path, event.get("rawQueryString") or "", headers, event,
                    client=http.get("sourceIp") or "",
                    protocol=http.get("protocol") or "", host=about.get("domainName") or "",
                    root=_stage(about, path) if root is None else root)


def _v1(event: Mapping[str, Any], about: Mapping[str, Any], root: str | None) -> Request:
    path = quote(event.get("path") or "/", safe=_PATH)
    whole = quote(about.get("path") or path, safe=_PATH)
    if root is None and whole != path and whole.endswith(path):
        root, path = whole[:-len(path)], whole
    elif root is None:
        root = _stage(about, path) if "version" in event else ""
    query = urlencode(_many(event, "multiValueQueryStringParameters", "queryStringParameters"))
    return _request("v1", event["httpMethod"], path, query, _headers(event), event,
                    protocol=about.get("protocol") or "",
                    client=(about.get("identity") or {}).get("sourceIp") or "", host=about.get("domainName") or "",
                    root=root)


def _alb(event: Mapping[str, Any], root: str | None) -> Request:
    query = "&".join(f"{k}={v}" if v else k for k, v in _many(event, "multiValueQueryStringParameters",
                                                              "queryStringParameters"))
    headers = _headers(event)
    # The balancer adds the caller at the end; what stands before it, anybody can send.
    client = next((v for k, v in headers if k == "x-forwarded-for"), "").rpartition(",")[2].strip()
    return _request("alb", event["httpMethod"], quote(event.get("path") or "/", safe=_PATH), query, headers, event,
                    client=client,
                    protocol="", host="", root=root or "", many="multiValueHeaders" in event)


def _request(form: str, method: str, path: str, query: str, headers: list[tuple[str, str]], event: Mapping[str, Any], *,
             client: str,
             protocol: str, host: str, root: str, many: bool = False) -> Request:
    sent = dict(reversed(headers))
    scheme = sent.get("x-forwarded-proto") or "https"
    named, port = (sent.get("host") or host or "localhost"), ""
    if ":" in named and not named.endswith("]"):
        named, _, port = named.rpartition(":")
    port = sent.get("x-forwarded-port") or port
    text = event.get("body") or ""
    body = b64decode(text) if event.get("isBase64Encoded") else text.encode()
    root = root.rstrip("/") if _leads(root.rstrip("/"), path) else ""
    return Request(form, method.upper(), root, path, query, headers, body, client, scheme, named,
                   int(port) if port.isdigit() else 80 if scheme == "http" else 443,
                   "2" if protocol.startswith("HTTP/2") else "1.1", many)


def _stage(about: Mapping[str, Any], path: str) -> str:
    root = f"/{about.get('stage') or ''}"
    return root if root != "/$default" and _leads(root, path) else ""


def _leads(root: str, path: str) -> bool:
    return bool(root) and (path == root or path.startswith(f"{root}/"))


def _headers(event: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(k.lower(), v) for k, v in _many(event, "multiValueHeaders", "headers")]


def _many(event: Mapping[str, Any], lists: str, singles: str) -> list[tuple[str, str]]:
    if several := event.get(lists):
        return [(k, str(v)) for k, values in several.items() for v in values]
    return [(k, str(v)) for k, v in (event.get(singles) or {}).items()]
