"""Lambda's Runtime API, served on loopback to every sandbox.

Our own clients get one shared port and a path that only their sandbox knows. Runtimes of others get a port of their
own, for many of them can't do with a path; there the peer must be a process of this user, and no browser.

Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""
from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from ..machine.process import is_own_peer
from .model import Stamp

__all__ = ["Chunked", "Deliver", "Door", "RuntimeApi", "Serves"]

BODY_LIMIT = 6 * 1024 * 1024 + 100
"""Lambda's own figure: 6,291,556 bytes."""
_TOKEN_BYTES = 24
_DONE = b'{"status":"OK"}'
_UNKNOWN = b'{"errorType":"InvalidRequestID","errorMessage":"Invalid request ID"}'


Deliver: TypeAlias = Callable[[tuple[dict[str, str], bytes] | None], None]


class Serves(Protocol):
    """A sandbox, as the Runtime API sees it."""

    def ask(self, deliver: Deliver) -> None:
        """Have the next event delivered: its headers and body, or None if the sandbox has ended. The first time marks
        the end of the init phase."""

    def unask(self, deliver: Deliver) -> None:
        """Whoever asked has gone: the event is kept for the next who asks."""

    def init_failed(self, error: bytes) -> None: ...
    def answered(self, request_id: str, payload: bytes | None, *, failed: bool, causes: str = "") -> bool:
        """False for a request that is not the current one; ``payload`` None: it was too large."""

    async def streamed(self, request_id: str, kind: str, body: Chunked) -> bool: ...
    def has_read(self, files: Mapping[str, Stamp], modules: Sequence[str]) -> None:
        """Project files read since the last report, and third-party modules imported."""


@dataclass
class _Request:
    method: str
    path: str
    headers: dict[str, str]


class Chunked:
    """A body in parts; ``error`` is that of its trailers, once it has been read."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self.error: bytes | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while size := int((await self._reader.readline()).split(b";")[0], 16):
            yield await self._reader.readexactly(size)
            await self._reader.readexactly(2)
        trailers: dict[str, str] = {}
        while line := (await self._reader.readline()).decode("latin-1").strip():
            name, _, value = line.partition(":")
            trailers[name.lower()] = value.strip()
        if kind := trailers.get("lambda-runtime-function-error-type"):
            self.error = _error(kind, base64.b64decode(trailers.get("lambda-runtime-function-error-body", "")))


class Door:
    """A sandbox's way to the Runtime API: ``address`` is its ``AWS_LAMBDA_RUNTIME_API``."""

    def __init__(self, api: RuntimeApi, token: str, address: str, server: asyncio.Server | None) -> None:
        self.address, self._api, self._token, self._server = address, api, token, server

    def close(self) -> None:
        self._api.dismiss(self._token)
        if self._server:
            self._server.close()


class RuntimeApi:
    """One server for all sandboxes with clients of ours, and one for each other."""

    def __init__(self) -> None:
        self._sandboxes: dict[str, Serves] = {}
        self._server: asyncio.Server | None = None
        self._port = 0

    async def start(self) -> None:
        self._server = await asyncio.get_running_loop().create_server(lambda: _Line(self, ""), "127.0.0.1", 0,
                                                                      backlog=1024)
        self._port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        if self._server:
            self._server.close()

    async def admit(self, sandbox: Serves, *, ours: bool) -> Door:
        """A door for a sandbox; ``ours``: its client can do with a path."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        self._sandboxes[token] = sandbox
        if ours:
            return Door(self, token, f"127.0.0.1:{self._port}/{token}", None)

        server = await asyncio.get_running_loop().create_server(lambda: _Line(self, token), "127.0.0.1", 0)
        return Door(self, token, f"127.0.0.1:{server.sockets[0].getsockname()[1]}", server)

    def dismiss(self, token: str) -> None:
        self._sandboxes.pop(token, None)

    def sandbox(self, token: str) -> Serves | None:
        return self._sandboxes.get(token)


class _Line(asyncio.Protocol):
    """One connection. Asking for a call, and answers whose length is told, go without a task; the body of another
    request is read as a stream. ``token`` "" is that of the shared port."""

    def __init__(self, api: RuntimeApi, token: str) -> None:
        self._api, self._token = api, token
        self._buffer = bytearray()
        self._asked: Serves | None = None
        self._body: _Body | None = None
        """Of the request that is read as a stream."""
        self._half_closed = False
        self._owed = b""
        """Answers to requests that came together with the next one: they are sent with its answer."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        if self._token and not is_own_peer(*transport.get_extra_info("peername")[:2]):
            transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._asked:
            self._asked.unask(self._deliver)
        if self._body:
            self._body.feed_eof()

    def eof_received(self) -> bool:
        """Nothing that has hung up is waiting for an event; the answer to a body is still sent."""
        if self._body:
            self._half_closed = True
            self._body.feed_eof()
        return self._half_closed

    def data_received(self, data: bytes) -> None:
        if self._body:
            return self._body.feed_data(data)
        self._buffer += data
        while self._asked is None and self._body is None and not self._transport.is_closing() and self._handle():
            pass
        if self._asked is None:
            self._write(b"")

    def _handle(self) -> bool:
        """One request, if it is there; whether another may follow."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return False
        request = _parsed(bytes(self._buffer[:end]), self._token)
        if request is None or "origin" in request.headers or "sec-fetch-site" in request.headers:
            self._transport.close()  # no HTTP, or a web page
            return False
        token, _, rest = request.path.lstrip("/").partition("/")
        sandbox, parts = self._api.sandbox(token), rest.split("?")[0].split("/")
        if sandbox is None or parts[:2] != ["2018-06-01", "runtime"]:
            return self._read(request, None, [], end)
        if request.method == "GET" and parts[2:] == ["invocation", "next"]:
            del self._buffer[:end + 4]
            self._asked = sandbox
            sandbox.ask(self._deliver)
            return True
        length = request.headers.get("content-length", "")
        if (request.method != "POST" or parts[2] != "invocation" or parts[4:] != ["response"] or not length.isdigit()
                or int(length) > BODY_LIMIT or "lambda-runtime-function-response-mode" in request.headers):
            return self._read(request, sandbox, parts[2:], end)
        whole = end + 4 + int(length)
        if len(self._buffer) < whole:
            return False
        body = bytes(self._buffer[end + 4:whole])
        del self._buffer[:whole]
        known = sandbox.answered(parts[3], body, failed=False)
        self._owed += _answer(202, {}, _DONE) if known else _answer(400, {}, _UNKNOWN)
        return True

    def _write(self, answer: bytes) -> None:
        if answer := self._owed + answer:
            self._owed = b""
            self._transport.write(answer)

    def _deliver(self, event: tuple[dict[str, str], bytes] | None) -> None:
        self._asked = None
        if event is None:
            self._write(b"")
            self._transport.close()
        else:
            self._write(_answer(200, {**event[0], "Content-Type": "application/json"}, event[1]))

    def _read(self, request: _Request, sandbox: Serves | None, path: Sequence[str], end: int) -> bool:
        """Begin to read the body of a request. None as the sandbox: whoever asks has no business here."""
        self._body = body = _Body(limit=1 << 20)
        body.set_transport(self._transport)
        body.feed_data(bytes(self._buffer[end + 4:]))
        self._buffer.clear()
        self._reading = asyncio.get_running_loop().create_task(self._serve(request, sandbox, path, body))
        return False

    async def _serve(self, request: _Request, sandbox: Serves | None, path: Sequence[str], body: _Body) -> None:
        gone = (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError,
                ValueError)
        try:
            self._write(await _answered(request, sandbox, path, body))
        except gone:
            self._transport.close()
            return
        self._body = None
        if self._half_closed:
            self._transport.close()
        elif rest := body.rest():
            self.data_received(rest)


class _Body(asyncio.StreamReader):
    """A body as it comes in, and what comes after it."""

    _buffer: bytearray

    def rest(self) -> bytes:
        """What nobody has read."""
        rest, self._buffer = bytes(self._buffer), bytearray()
        return rest


async def _answered(request: _Request, sandbox: Serves | None, path: Sequence[str], reader: _Body) -> bytes:
    """The answer to a request, once its body has been read."""
    if sandbox is None:
        await _whole(request, reader)
        return _answer(403, {}, b'{"errorType":"Forbidden","errorMessage":"no such sandbox"}')
    known = True
    match (request.method, [*path]):
        case ("POST", ["invocation", id, "response"]):
            if request.headers.get("lambda-runtime-function-response-mode", "").lower() == "streaming":
                body = Chunked(reader)
                if not (known := await sandbox.streamed(id, request.headers.get("content-type", ""), body)):
                    async for _ in body:
                        pass
            else:
                known = sandbox.answered(id, await _whole(request, reader), failed=False)
        case ("POST", ["invocation", id, "error"]):
            kind = request.headers.get("lambda-runtime-function-error-type", "")
            causes = base64.b64decode(request.headers.get("sst-causes", "")).decode("utf-8", "replace")
            known = sandbox.answered(id, _error(kind, await _whole(request, reader)), failed=True, causes=causes)
        case ("POST", ["init", "error"]):
            sandbox.init_failed(_error(request.headers.get("lambda-runtime-function-error-type", ""),
                                       await _whole(request, reader)))
        case ("POST", ["sst", "files"]):  # not Lambda's: for functions that run from source
            told = json.loads(await _whole(request, reader) or b"{}")
            sandbox.has_read({name: (m, c, n) for name, (m, c, n) in told["files"].items()}, told["modules"])
        case _:
            await _whole(request, reader)
            return _answer(404, {}, b'{"errorType":"NotFound","errorMessage":"no such operation"}')
    return _answer(202, {}, _DONE) if known else _answer(400, {}, _UNKNOWN)


def _parsed(head: bytes, token: str) -> _Request | None:
    lines = head.decode("latin-1").split("\r\n")
    first = lines[0].split(" ", 2)
    if len(first) != 3:
        return None
    headers = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:] if line)}
    return _Request(first[0], f"/{token}{first[1]}" if token else first[1], headers)


async def _whole(request: _Request, reader: asyncio.StreamReader) -> bytes | None:
    """The whole body; None if it is too large."""
    if request.headers.get("transfer-encoding", "").lower() == "chunked":
        parts, size = [], 0
        async for chunk in Chunked(reader):
            size += len(chunk)
            if size <= BODY_LIMIT:
                parts.append(chunk)
        return b"".join(parts) if size <= BODY_LIMIT else None
    size = int(request.headers.get("content-length") or 0)
    if size <= BODY_LIMIT:
        return await reader.readexactly(size)
    while size:
        size -= len(await reader.readexactly(min(size, 1 << 18)))
    return None


def _answer(status: int, headers: Mapping[str, str], body: bytes) -> bytes:
    head = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
    return (f"HTTP/1.1 {status} {'OK' if status < 400 else 'Refused'}\r\n{head}Content-Length: {len(body)}\r\n\r\n"
            .encode("latin-1") + body)


def _error(kind: str, body: bytes | None) -> bytes:
    """The error document; a runtime may send only its type, in a header."""
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        found = {"errorMessage": (body or b"").decode("utf-8", "replace")}
    if not isinstance(found, dict):
        found = {"errorMessage": str(found)}
    found.setdefault("errorType", kind or "Runtime.Unknown")
    found.setdefault("errorMessage", "")
    return json.dumps(found).encode()
