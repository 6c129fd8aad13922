"""Origins over HTTP: one request, its answer as a stream, and WebSockets as a tunnel."""
from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass

from sst.embedded.cdn.message import Answer, Head, Headers

__all__ = ["HOP_BY_HOP", "Origin", "OriginError", "Upgraded", "fetch"]

HOP_BY_HOP = frozenset({"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
                        "transfer-encoding", "upgrade"})
_BLOCK = 1 << 16


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


async def fetch(origin: Origin, request: Head, headers: Headers) -> Answer | Upgraded:
    """Send a request on. Raises `OriginError`."""
    reader, writer = await _connected(origin)
    wants = any(n == "upgrade" for n, _ in request.headers)
    try:
        target = request.path + (f"?{request.query}" if request.query else "")
        sent = [("host", origin.authority), *((n, v) for n, v in headers if n not in HOP_BY_HOP and n != "host")]
        if wants:
            sent += [("connection", "Upgrade"), ("upgrade", "websocket")]
        else:
            sent += [("connection", "close")]
            if request.body or request.method in ("POST", "PUT", "PATCH"):
                sent = [(n, v) for n, v in sent if n != "content-length"] + [("content-length",
                                                                                str(len(request.body)))]
        lines = [f"{request.method} {target} HTTP/1.1", *(f"{n}: {v}" for n, v in sent), "", ""]
        writer.write("\r\n".join(lines).encode("latin-1") + request.body)
        await writer.drain()
        answer = await asyncio.wait_for(_head(reader), origin.read_timeout)
    except TimeoutError:
        writer.close()
        raise OriginError(f"{origin.authority} did not answer within {origin.read_timeout:g} s", 504) from None
    except (OSError, asyncio.IncompleteReadError, ValueError) as error:
        writer.close()
        raise OriginError(f"{origin.authority} broke off: {error}") from error
    if answer.status == 101:
        return Upgraded(answer, reader, writer)
    chunked = "chunked" in answer.get("transfer-encoding").lower()
    answer.stream = _body(reader, writer, answer, request.method, origin.read_timeout, chunked=chunked)
    answer.headers = [(n, v) for n, v in answer.headers if n not in HOP_BY_HOP]
    return answer


async def _connected(origin: Origin) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    context = ssl.create_default_context() if origin.secure else None
    for left in range(origin.attempts - 1, -1, -1):
        try:
            return await asyncio.wait_for(asyncio.open_connection(origin.host, origin.port, ssl=context),
                                          origin.connect_timeout)
        except TimeoutError:
            if not left:
                raise OriginError(f"{origin.authority} did not accept a connection within "
                                  f"{origin.connect_timeout:g} s", 504) from None
        except OSError as error:
            if not left:
                raise OriginError(f"{origin.authority} can't be reached: {error.strerror or error}") from error
    raise AssertionError


async def _head(reader: asyncio.StreamReader) -> Answer:
    while True:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ", 2)[1])
        if status >= 200 or status == 101:
            pairs = (line.partition(":") for line in lines[1:] if line)
            return Answer(status, [(n.strip().lower(), v.strip()) for n, _, v in pairs])


async def _body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: Answer, method: str,
                seconds: float, *, chunked: bool) -> AsyncIterator[bytes]:
    length = answer.get("content-length")
    try:
        if method == "HEAD" or answer.status in (204, 304):
            return
        if chunked:
            while size := int((await asyncio.wait_for(reader.readline(), seconds)).split(b";")[0] or b"0", 16):
                yield await asyncio.wait_for(reader.readexactly(size), seconds)
                await reader.readexactly(2)
            return
        left = int(length) if length.isdigit() else -1
        while left and (block := await asyncio.wait_for(reader.read(_BLOCK if left < 0 else min(_BLOCK, left)),
                                                        seconds)):
            left -= len(block) if left > 0 else 0
            yield block
        if left > 0:
            raise OriginError("the origin broke off in the middle of its answer")
    except (TimeoutError, OSError, asyncio.IncompleteReadError, ValueError) as error:
        raise OriginError(f"the origin broke off in the middle of its answer: {error}") from error
    finally:
        writer.close()
        with contextlib.suppress(OSError, ssl.SSLError):
            await writer.wait_closed()
