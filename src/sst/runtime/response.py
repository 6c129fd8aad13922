"""An HTTP response, as the front ends of a function want it."""
from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from itertools import product
from typing import Any

from .request import Request
from .stream import Chunks

__all__ = ["Response", "WholeBody", "answer", "failed", "prelude", "refused"]

_TEXT = ("application/json", "application/javascript", "application/xml", "application/x-www-form-urlencoded",
         "application/graphql")


@dataclass(frozen=True)
class Response:
    status: int
    headers: list[tuple[str, str]]
    """Names in lower case; a name may come twice."""
    chunks: Chunks


class WholeBody:
    """A body that is there already."""

    def __init__(self, body: bytes) -> None:
        self._rest = iter([body] if body else [])

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._rest)

    def close(self) -> None:
        pass


def failed() -> Response:
    """What the caller gets of an app that failed; the reason is in the log."""
    return Response(500, [("content-type", "text/plain; charset=utf-8")], WholeBody(b"Internal Server Error"))


def refused() -> Response:
    """For a request that did not come through the CDN."""
    return Response(403, [("content-type", "text/plain; charset=utf-8")], WholeBody(b"Forbidden"))


def answer(response: Response, body: bytes, request: Request) -> dict[str, Any]:
    """What the function returns to the front end that sent the request. A body that is no UTF-8 text goes as base64."""
    text = _text(response, body)
    made: dict[str, Any] = {"statusCode": response.status, "body": b64encode(body).decode() if text is None else text,
                            "isBase64Encoded": text is None}
    if request.form == "v2":
        return {**prelude(response), **made}
    if request.form == "alb":
        made["statusDescription"] = f"{response.status} {_phrase(response.status)}".strip()
        if not request.many:
            return {**made, "headers": _spelled(response.headers)}
    several: dict[str, list[str]] = {}
    for name, value in response.headers:
        several.setdefault(name, []).append(value)
    return {**made, "multiValueHeaders": several}


def prelude(response: Response) -> dict[str, Any]:
    """Status, headers and cookies in the form of payload 2.0. Values of one name are joined, except cookies."""
    made: dict[str, Any] = {"statusCode": response.status, "headers": _joined(response.headers)}
    if cookies := [v for k, v in response.headers if k == "set-cookie"]:
        made["cookies"] = cookies
    return made


def _joined(headers: list[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in headers:
        if name != "set-cookie":
            joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined


def _spelled(headers: list[tuple[str, str]]) -> dict[str, str]:
    """One value a name: each cookie gets a spelling of ``set-cookie`` of its own, for names have no case."""
    cookies = [v for k, v in headers if k == "set-cookie"]
    spellings = ("".join(letters) for letters in product(*((c, c.upper()) if c.isalpha() else (c,)
                                                           for c in "set-cookie")))
    return {**_joined(headers), **dict(zip(spellings, cookies))}  # noqa: B905  # Python 3.9; there are 512 spellings


def _text(response: Response, body: bytes) -> str | None:
    """The body as text, if it is UTF-8 and says so."""
    sent = dict(response.headers)
    kind, _, parameters = sent.get("content-type", "").lower().partition(";")
    kind = kind.strip()
    if sent.get("content-encoding", "identity") != "identity":
        return None if body else ""
    if not (kind.startswith("text/") or kind in _TEXT or kind.endswith(("+json", "+xml")) or not body):
        return None
    if "charset=" in parameters and "utf-8" not in parameters:
        return None if body else ""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
