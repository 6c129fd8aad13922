"""Lambda's Runtime API, served on loopback to every sandbox.

Our own clients get one shared port and a path that only their sandbox knows. Runtimes of others get a port of their
own, for many of them can't do with a path; there the peer must be a process of this user, and no browser.

Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""
from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..machine.process import is_own_peer
from .model import Stamp

__all__ = ["Chunked", "Door", "Gone", "RuntimeApi", "Serves"]

BODY_LIMIT = 6 * 1024 * 1024 + 100
"""Lambda's own figure: 6,291,556 bytes."""
_TOKEN_BYTES = 24


class Gone(Exception):
    """The sandbox has ended and serves no more requests."""


class Serves(Protocol):
    """A sandbox, as the Runtime API sees it."""

    async def next(self) -> tuple[dict[str, str], bytes]:
        """The next event; the first call marks the end of the init phase. Raises `Gone`."""

    def init_failed(self, error: bytes) -> None: ...
    def answered(self, request_id: str, payload: bytes | None, *, failed: bool) -> bool:
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
        self._server = await asyncio.start_server(self._shared, "127.0.0.1", 0, limit=1 << 20, backlog=1024)
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

        async def single(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._serve(reader, writer, token)

        server = await asyncio.start_server(single, "127.0.0.1", 0, limit=1 << 20)
        return Door(self, token, f"127.0.0.1:{server.sockets[0].getsockname()[1]}", server)

    def dismiss(self, token: str) -> None:
        self._sandboxes.pop(token, None)

    async def _shared(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._serve(reader, writer, "")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> None:
        gone = (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError,
                ValueError, Gone)
        with contextlib.suppress(*gone):
            trusted = not token or is_own_peer(*writer.get_extra_info("peername")[:2])
            while trusted:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, path, _ = head[0].split(" ", 2)
                headers = {k.strip().lower(): v.strip() for k, _,
                           v in (line.partition(":") for line in head[1:] if line)}
                if token:
                    path = f"/{token}{path}"
                if "origin" in headers or "sec-fetch-site" in headers:
                    break  # a web page
                await self._answer(_Request(method, path, headers), reader, writer)
        writer.close()

    async def _answer(self, request: _Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        token, _, rest = request.path.lstrip("/").partition("/")
        sandbox, parts = self._sandboxes.get(token), rest.split("?")[0].split("/")
        if sandbox is None or parts[:2] != ["2018-06-01", "runtime"]:
            await _body(request, reader)
            return await _reply(writer, 403, {}, b'{"errorType":"Forbidden","errorMessage":"no such sandbox"}')
        known = True
        match (request.method, parts[2:]):
            case ("GET", ["invocation", "next"]):
                headers, event = await _unless_left(sandbox, reader)
                return await _reply(writer, 200, {**headers, "Content-Type": "application/json"}, event)
            case ("POST", ["invocation", id, "response"]):
                if request.headers.get("lambda-runtime-function-response-mode", "").lower() == "streaming":
                    known = await sandbox.streamed(id, request.headers.get("content-type", ""), Chunked(reader))
                else:
                    known = sandbox.answered(id, await _body(request, reader), failed=False)
            case ("POST", ["invocation", id, "error"]):
                kind = request.headers.get("lambda-runtime-function-error-type", "")
                known = sandbox.answered(id, _error(kind, await _body(request, reader)), failed=True)
            case ("POST", ["init", "error"]):
                sandbox.init_failed(_error(request.headers.get("lambda-runtime-function-error-type", ""),
                                           await _body(request, reader)))
            case ("POST", ["sst", "files"]):  # not Lambda's: for functions that run from source
                told = json.loads(await _body(request, reader) or b"{}")
                sandbox.has_read({name: (m, n) for name, (m, n) in told["files"].items()}, told["modules"])
            case _:
                await _body(request, reader)
                return await _reply(writer, 404, {}, b'{"errorType":"NotFound","errorMessage":"no such operation"}')
        if not known:
            return await _reply(writer, 400, {}, b'{"errorType":"InvalidRequestID","errorMessage":"Invalid request '
                                                 b'ID"}')
        await _reply(writer, 202, {}, b'{"status":"OK"}')


async def _unless_left(sandbox: Serves, reader: asyncio.StreamReader) -> tuple[dict[str, str], bytes]:
    """The next event, unless the one who asked hangs up before there is one: it must not get lost with it."""
    asked, left = asyncio.ensure_future(sandbox.next()), asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait((asked, left), return_when=asyncio.FIRST_COMPLETED)
        if left.done():
            raise ConnectionResetError
        return asked.result()
    finally:
        asked.cancel()
        if not left.done():
            left.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await left


async def _body(request: _Request, reader: asyncio.StreamReader) -> bytes | None:
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


async def _reply(writer: asyncio.StreamWriter, status: int, headers: dict[str, str], body: bytes) -> None:
    head = "".join(f"{k}: {v}\r\n" for k, v in {**headers, "Content-Length": str(len(body))}.items())
    writer.write(f"HTTP/1.1 {status} {'OK' if status < 400 else 'Refused'}\r\n{head}\r\n".encode("latin-1") + body)
    await writer.drain()


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
