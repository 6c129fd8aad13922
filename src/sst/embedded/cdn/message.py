"""Requests and answers, and the events that edge functions see of them.
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-event-structure.html"""
from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Answer", "Head", "Headers", "answer_of", "request_event", "request_of",
           "response_event"]

Headers = list[tuple[str, str]]
"""In order, names in lower case; a name may come several times."""


@dataclass
class Head:
    """The head of a request, and its body once it was read."""

    method: str
    path: str
    """As it came over the wire."""
    query: str
    headers: Headers
    body: bytes = b""

    def get(self, name: str) -> str:
        """The value of a header; several are joined."""
        return ", ".join(v for n, v in self.headers if n == name)


@dataclass
class Answer:
    status: int
    headers: Headers
    body: bytes = b""
    stream: AsyncIterator[bytes] | None = field(default=None)
    """The rest of the body, after ``body``; its length is known only if a header says so."""

    def get(self, name: str) -> str:
        return next((v for n, v in self.headers if n == name), "")

    def without(self, *names: str) -> Headers:
        return [(n, v) for n, v in self.headers if n not in names]


def request_event(head: Head, host: str, distribution: str, domain: str, viewer: str) -> dict[str, Any]:
    """What a viewer-request function gets."""
    cookies = [c.strip().partition("=") for n, v in head.headers if n == "cookie" for c in v.split(";") if c.strip()]
    return {"version": "1.0",
            "context": {"distributionDomainName": domain, "distributionId": distribution,
                        "eventType": "viewer-request", "requestId": "local"},
            "viewer": {"ip": viewer},
            "request": {"method": head.method, "uri": head.path, "querystring": _many(_pairs(head.query)),
                        "headers": {**_many((n, v) for n, v in head.headers if n != "cookie"),
                                    "host": {"value": host}},
                        "cookies": _many((n, v) for n, _, v in cookies)}}


def response_event(event: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
    """What a viewer-response function gets: the request of the viewer, and the answer."""
    shown = [(n, v) for n, v in answer.headers if n != "set-cookie"]
    return {**event, "context": {**event["context"], "eventType": "viewer-response"},
            "response": {"statusCode": answer.status, "statusDescription": "", "headers": _many(shown),
                         "cookies": _set_cookies(answer)}}


def request_of(given: Mapping[str, Any], body: bytes) -> Head:
    """The request that a function returned."""
    query = given.get("querystring") or {}
    text = query if isinstance(query, str) else "&".join(
        f"{name}={value}" if value else name for name, value in _listed(query))
    headers = headers_of(given.get("headers") or {})
    if cookies := cookie_header(given.get("cookies") or {}):
        headers.append(("cookie", cookies))
    return Head(str(given["method"]), str(given["uri"]), text, headers, body)


def headers_of(given: Mapping[str, Any]) -> Headers:
    return [(name.lower(), value) for name, value in _listed(given)]


def cookie_header(cookies: Mapping[str, Any]) -> str:
    return "; ".join(f"{name}={value}" for name, value in _listed(cookies))


def answer_of(given: Mapping[str, Any], instead: Answer | None = None) -> Answer:
    """The answer that a function returned; where it says nothing of the body, that of ``instead``."""
    headers = headers_of(given.get("headers") or {})
    for name, cookie in (given.get("cookies") or {}).items():
        for one in cookie.get("multiValue") or [cookie]:
            more = f"; {one['attributes']}" if one.get("attributes") else ""
            headers.append(("set-cookie", f"{name}={one['value']}{more}"))
    body = given.get("body")
    if body is None:
        return Answer(int(given["statusCode"]), headers, *((instead.body, instead.stream) if instead else ()))
    text = body if isinstance(body, str) else str(body.get("data", ""))
    encoded = not isinstance(body, str) and body.get("encoding") == "base64"
    made = base64.b64decode(text) if encoded else text.encode()
    return Answer(int(given["statusCode"]), [(n, v) for n, v in headers if n != "content-length"], made)


def _pairs(query: str) -> Iterable[tuple[str, str]]:
    for part in query.split("&"):
        if part:
            name, _, value = part.partition("=")
            yield name, value


def _many(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in pairs:
        if name not in made:
            made[name] = {"value": value}
        else:
            made[name].setdefault("multiValue", [{"value": made[name]["value"]}]).append({"value": value})
    return made


def _listed(given: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for name, entry in given.items():
        for one in entry.get("multiValue") or [entry]:
            yield name, str(one.get("value", ""))


def _set_cookies(answer: Answer) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, value in answer.headers:
        if name == "set-cookie":
            pair, _, attributes = value.partition(";")
            key, _, text = pair.partition("=")
            one = {"value": text.strip(), **({"attributes": attributes.strip()} if attributes.strip() else {})}
            if key.strip() in made:
                made[key.strip()].setdefault("multiValue", [dict(made[key.strip()])]).append(one)
            else:
                made[key.strip()] = one
    return made
