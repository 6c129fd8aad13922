"""Origins over HTTP: one request, its answer as a stream, and WebSockets as a tunnel."""
from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from sst.embedded.cdn.message import Answer, Head, Headers

__all__ = ["HOP_BY_HOP", "Connections", "Origin", "OriginError", "Upgraded", "fetch"]

HOP_BY_HOP = frozenset({"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
                        "transfer-encoding", "upgrade"})
_BLOCK = 1 << 16
_IDLE = 1.0
"""Seconds for which a connection waits for the next request. CloudFront waits five:
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/RequestAndResponseBehaviorCustomOrigin.html"""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class OriginError(Exception):
    """``status`` is what CloudFront answers instead: 502 where it can't be reached, 504 where it takes too long."""

    def __init__(self, message: str, status: int = 502) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request goes on to. Times are in seconds."""

    host: str
    port: int
    secure: bool
    read_timeout: float = 30.0
    connect_timeout: float = 10.0
    attempts: int = 3

    @property
    def authority(self) -> str:
        usual = self.port == (443 if self.secure else 80)
        return self.host if usual else f"{self.host}:{self.port}"


@dataclass
class Upgraded:
    """The origin has accepted a WebSocket: bytes go both ways from now on."""

    answer: Answer
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class Connections:
    """Connections that are open between requests. Only requests that change nothing are sent on one of them: the origin
    may close it at that very moment, and then the request is sent once more."""

    def __init__(self) -> None:
        self._idle: dict[Origin, list[tuple[_Connection, float]]] = {}
        self._sweeping = False

    def take(self, origin: Origin) -> _Connection | None:
        idle = self._idle.get(origin, [])
        while idle:
            connection, since = idle.pop()
            if connection.usable and time.monotonic() - since < _IDLE:
                return connection
            connection.writer.close()
        return None

    def give(self, origin: Origin, connection: _Connection) -> None:
        self._idle.setdefault(origin, []).append((connection, time.monotonic()))
        if not self._sweeping:
            self._sweeping = True
            asyncio.get_running_loop().call_later(_IDLE, self._sweep)

    def _sweep(self) -> None:
        now, kept = time.monotonic(), dict[Origin, list[tuple[_Connection, float]]]()
        for origin, idle in self._idle.items():
            for connection, since in idle:
                if now - since < _IDLE:
                    kept.setdefault(origin, []).append((connection, since))
                else:
                    connection.writer.close()
        self._idle, self._sweeping = kept, bool(kept)
        if kept:
            asyncio.get_running_loop().call_later(_IDLE, self._sweep)

    def close(self) -> None:
        for connection, _ in (pair for idle in self._idle.values() for pair in idle):
            connection.writer.close()
        self._idle.clear()


@dataclass
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def usable(self) -> bool:
        return not self.writer.is_closing() and not self.reader.at_eof()


async def fetch(origin: Origin, request: Head, headers: Headers, connections: Connections) -> Answer | Upgraded:
    """Send a request on. Raises `OriginError`."""
    wants = any(n == "upgrade" for n, _ in request.headers)
    keeps = request.method in _SAFE and not request.body and not wants
    text = _text(origin, request, headers, wants=wants, keeps=keeps)
    open_before = connections.take(origin) if keeps else None
    try:
        if open_before:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):     # closed meanwhile
                answer, lasts = await _sent(origin, open_before, text)
                return _streaming(origin, open_before, request, answer, connections if lasts else None)
        connection = await _connected(origin)
        answer, lasts = await _sent(origin, connection, text)
    except TimeoutError:
        raise OriginError(f"{origin.authority} did not answer within {origin.read_timeout:g} s", 504) from None
    except (OSError, asyncio.IncompleteReadError, ValueError) as error:
        raise OriginError(f"{origin.authority} broke off: {error}") from error
    if answer.status == 101:
        return Upgraded(answer, connection.reader, connection.writer)
    return _streaming(origin, connection, request, answer, connections if keeps and lasts else None)


def _text(origin: Origin, request: Head, headers: Headers, *, wants: bool, keeps: bool) -> bytes:
    target = request.path + (f"?{request.query}" if request.query else "")
    sent = [("host", origin.authority), *((n, v) for n, v in headers if n not in HOP_BY_HOP and n != "host")]
    if wants:
        sent += [("connection", "Upgrade"), ("upgrade", "websocket")]
    elif not keeps:
        sent += [("connection", "close")]
    if not wants and (request.body or request.method in ("POST", "PUT", "PATCH")):
        sent = [(n, v) for n, v in sent if n != "content-length"] + [("content-length", str(len(request.body)))]
    lines = [f"{request.method} {target} HTTP/1.1", *(f"{n}: {v}" for n, v in sent), "", ""]
    return "\r\n".join(lines).encode("latin-1") + request.body


async def _sent(origin: Origin, connection: _Connection, text: bytes) -> tuple[Answer, bool]:
    """The head of the answer, and whether the connection lasts beyond it. On any error the connection is closed."""
    try:
        connection.writer.write(text)
        await connection.writer.drain()
        async with asyncio.timeout(origin.read_timeout):    # wait_for of Python 3.11 makes a task
            return await _head(connection.reader)
    except BaseException:
        connection.writer.close()
        raise


def _streaming(origin: Origin, connection: _Connection, request: Head, answer: Answer,
               connections: Connections | None) -> Answer:
    """The answer with its body as a stream, after which the connection waits in ``connections``, if there are any."""
    chunked = "chunked" in answer.get("transfer-encoding").lower()
    if request.method == "HEAD" or answer.status in (204, 304):
        if connections:
            connections.give(origin, connection)
        else:
            connection.writer.close()
        answer.stream = _nothing()
    else:
        answer.stream = _body(origin, connection, answer, connections, chunked=chunked)
    answer.headers = [(n, v) for n, v in answer.headers if n not in HOP_BY_HOP]
    return answer


async def _connected(origin: Origin) -> _Connection:
    context = ssl.create_default_context() if origin.secure else None
    for left in range(origin.attempts - 1, -1, -1):
        try:
            return _Connection(*await asyncio.wait_for(
                asyncio.open_connection(origin.host, origin.port, ssl=context), origin.connect_timeout))
        except TimeoutError:
            if not left:
                raise OriginError(f"{origin.authority} did not accept a connection within "
                                  f"{origin.connect_timeout:g} s", 504) from None
        except OSError as error:
            if not left:
                raise OriginError(f"{origin.authority} can't be reached: {error.strerror or error}") from error
    raise AssertionError


async def _head(reader: asyncio.StreamReader) -> tuple[Answer, bool]:
    while True:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        version, code = lines[0].split(" ", 2)[:2]
        status = int(code)
        if status >= 200 or status == 101:
            pairs = (line.partition(":") for line in lines[1:] if line)
            answer = Answer(status, [(n.strip().lower(), v.strip()) for n, _, v in pairs])
            return answer, version == "HTTP/1.1" and "close" not in answer.get("connection").lower()


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield


async def _chunk(reader: asyncio.StreamReader, seconds: float) -> bytes:
    """The next chunk; empty after the last one and its trailers."""
    async with asyncio.timeout(seconds):
        if size := int((await reader.readline()).split(b";")[0] or b"0", 16):
            return (await reader.readexactly(size + 2))[:-2]
        while (await reader.readline()).strip():
            pass
        return b""


async def _block(reader: asyncio.StreamReader, size: int, seconds: float) -> bytes:
    async with asyncio.timeout(seconds):
        return await reader.read(size)


async def _body(origin: Origin, connection: _Connection, answer: Answer, connections: Connections | None, *,
                chunked: bool) -> AsyncIterator[bytes]:
    length, reader, seconds, whole = answer.get("content-length"), connection.reader, origin.read_timeout, False
    try:
        if chunked:
            while part := await _chunk(reader, seconds):
                yield part
            whole = True
            return
        left = int(length) if length.isdigit() else -1
        while left and (block := await _block(reader, _BLOCK if left < 0 else min(_BLOCK, left), seconds)):
            left -= len(block) if left > 0 else 0
            yield block
        if left > 0:
            raise OriginError("the origin broke off in the middle of its answer")
        whole = not left
    except (TimeoutError, OSError, asyncio.IncompleteReadError, ValueError) as error:
        raise OriginError(f"the origin broke off in the middle of its answer: {error}") from error
    finally:
        if whole and connections and connection.usable:
            connections.give(origin, connection)
        else:
            connection.writer.close()
            with contextlib.suppress(OSError, ssl.SSLError):
                await connection.writer.wait_closed()
