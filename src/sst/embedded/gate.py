"""Who may talk to the AWS port: programs of this machine that know a key, never a web page."""
from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from sst.embedded import emulator
from sst.embedded.checkpoint import Checkpoints, unsaved
from sst.embedded.settings import Settings
from sst.embedded.tracking import reading, request

__all__ = ["LOOPBACK", "Gate", "Receive", "Scope", "Send"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Control = Callable[[str, Mapping[str, Any]], Awaitable[tuple[int, Any]]]

_READING = re.compile(r"(Get|List|Describe|Head|BatchGet|Query|Scan|Lookup|Receive|Filter|Search|Simulate|Decode)[A-Z]")
LOOPBACK = re.compile(r"(127(\.\d{1,3}){3}|\[::1\]|([a-z0-9_$.-]+\.)?localhost\.?)(:\d+)?", re.IGNORECASE)
"""A ``Host`` that leads to this machine, whatever DNS says."""


class Gate:
    """An ASGI app around the emulator: Host and Origin checks, control endpoints, answers that wait for the disk.

    ``failed`` is what ended the emulator's start, if something did; ``on_failure`` is called then.
    """

    def __init__(self, app: Any, settings: Settings, checkpoints: Checkpoints, control: Control,
                 on_failure: Callable[[], None]) -> None:
        self._app, self._settings, self._checkpoints, self._control = app, settings, checkpoints, control
        self._on_failure = on_failure
        self.failed: Exception | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            try:
                await self._app(scope, receive, send)
            except Exception as error:  # the server would go on without the emulator's state
                self.failed = error
                self._on_failure()
                raise
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        reason = _refusal(headers) if self.failed is None else "the embedded cloud could not start"
        if reason or (scope["type"] == "http" and self._needs_token(scope["path"], headers)):
            await _refuse(scope, receive, send, reason or "this endpoint needs the token of this embedded cloud")
        elif scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"].startswith("/_sst/"):
            status, answer = await self._control(f"{scope['method']} {scope['path']}", await _json_body(receive))
            await _answer(send, status, answer)
        else:
            await self._call(scope, receive, send, headers)

    def _needs_token(self, path: str, headers: Mapping[str, str]) -> bool:
        guarded = path.startswith("/_sst/") or emulator.is_control_path(path)
        return guarded and headers.get("x-sst-token") != self._settings.keys.token

    async def _call(self, scope: Scope, receive: Receive, send: Send, headers: Mapping[str, str]) -> None:
        """One AWS call: the answer to a changing one is let out only after the change is on disk."""
        changing = _changes(scope, headers)
        if not changing and not _runs_code(scope, headers):
            with reading():
                await self._app(scope, receive, _without_cors(send))
            return
        failed = False

        with request() as held:
            async def durable(message: Any) -> None:
                nonlocal failed
                if changing and message["type"] == "http.response.start":
                    try:
                        await self._checkpoints.commit(held)
                    except Exception as error:
                        failed = True
                        await _answer(send, 500, *_unsaved(headers, unsaved(error)))
                if not failed:
                    await send(message)

            await self._app(scope, receive, _without_cors(durable))


def _without_cors(send: Send) -> Send:
    async def checked(message: Any) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [(n, v) for n, v in message.get("headers", ())
                                              if not n.lower().startswith(b"access-control-")]}
        await send(message)

    return checked


def _refusal(headers: Mapping[str, str]) -> str:
    if not LOOPBACK.fullmatch(headers.get("host", "")):
        return "this host name is not answered here"
    if "origin" in headers or headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return "web pages are not answered on the AWS port; use the address of the function, API, bucket or site"
    return ""


def _runs_code(scope: Scope, headers: Mapping[str, str]) -> bool:
    """A call of one function changes nothing by itself: what its code does is calls of its own. Nor does an event that
    is published: nothing of it is kept."""
    return (scope["path"].endswith(("/invocations", "/response-streaming-invocations"))
            or (scope["path"] == "/event" and ".appsync-api." in headers.get("host", "")))


def _changes(scope: Scope, headers: Mapping[str, str]) -> bool:
    """Whether a call may change something that its answer speaks of."""
    if _runs_code(scope, headers):
        return False
    if scope["method"] in ("GET", "HEAD", "OPTIONS"):
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("Action", [""])[0]
        return bool(asked) and not _reads(asked)
    return not _reads(headers.get("x-amz-target", "").rpartition(".")[2])


def _reads(action: str) -> bool:
    return bool(_READING.match(action)) and action != "ReceiveMessage"


async def _json_body(receive: Receive) -> Mapping[str, Any]:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _unsaved(headers: Mapping[str, str], message: str) -> tuple[Any, str]:
    """The body of an error of AWS's, and its type, in the form that the caller's protocol has."""
    if "x-amz-target" in headers or "json" in headers.get("content-type", ""):
        return {"__type": "InternalError", "message": message}, "application/json"
    inner = f"<Code>InternalError</Code><Message>{escape(message)}</Message>"
    if "/s3/" in headers.get("authorization", ""):
        return f"<Error>{inner}</Error>", "application/xml"
    return f"<ErrorResponse><Error><Type>Receiver</Type>{inner}</Error></ErrorResponse>", "text/xml"


async def _answer(send: Send, status: int, answer: Any, kind: str = "application/json") -> None:
    body = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
    await send({"type": "http.response.start", "status": status,
                "headers": [(b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body})


async def _refuse(scope: Scope, receive: Receive, send: Send, reason: str) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    await _answer(send, 403, {"error": reason})
