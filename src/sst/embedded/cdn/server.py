"""HTTP/1.1 for the doors of distributions: pages from memory are answered in one step, without a task for each."""
from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from http import HTTPStatus
from socket import socket

from sst.embedded.cdn.message import Answer, Head
from sst.embedded.cdn.origin import OriginError, Upgraded
from sst.embedded.https import sniffing

__all__ = ["Answers", "serve"]

Answers = Callable[[Head], "Answer | Callable[[], object]"]
LONGEST_HEAD = 32 << 10
LONGEST_BODY = 64 << 20
_REASONS = {s.value: s.phrase for s in HTTPStatus}
_CLOSED = "the viewer went away"


async def serve(line: socket, answers: Answers, ended: asyncio.Event, grace: float,
                tls: ssl.SSLContext | None = None) -> None:
    """Answer on ``line`` until ``ended``; then requests that run have ``grace`` seconds. With ``tls``, HTTPS too."""
    loop = asyncio.get_running_loop()
    open_: set[_Connection] = set()
    server = await loop.create_server(sniffing(lambda: _Connection(answers, open_), tls), sock=line)
    try:
        await ended.wait()
    finally:
        server.close()
        busy = [c.task for c in open_ if c.task]
        if busy:
            await asyncio.wait(busy, timeout=grace)
        for connection in list(open_):
            connection.end()


class _Connection(asyncio.Protocol):
    def __init__(self, answers: Answers, among: set[_Connection]) -> None:
        self._answers, self._among = answers, among
        self._buffer = bytearray()
        self._room = asyncio.Event()
        self._room.set()
        self._tunnel: asyncio.StreamWriter | None = None
        self.task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._secure = transport.get_extra_info("sslcontext") is not None
        self._among.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._among.discard(self)
        self._room.set()
        if self.task:
            self.task.cancel()
        if self._tunnel:
            self._tunnel.close()

    def pause_writing(self) -> None:
        self._room.clear()

    def resume_writing(self) -> None:
        self._room.set()

    def end(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        if self._tunnel:
            self._tunnel.write(data)
            return
        self._buffer += data
        self._next()

    def _next(self) -> None:
        """Answer what has arrived, one request after the other."""
        while self.task is None and not self._transport.is_closing():
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self._buffer) > LONGEST_HEAD:
                    self._refuse(431)
                return
            head = _head(bytes(self._buffer[:end]))
            if head is None:
                self._refuse(400)
                return
            size = _body_size(head, self._buffer, end + 4)
            if size is None or size > LONGEST_BODY:
                self._refuse(400 if size is None else 413)
                return
            if size < 0:
                if head.get("expect").lower() == "100-continue" and len(self._buffer) == end + 4:
                    self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            if size:
                head.body = _body(head, self._buffer, end + 4, size)
            if self._secure:
                head.headers = [*((n, v) for n, v in head.headers if n != "x-forwarded-proto"),
                                ("x-forwarded-proto", "https")]
            del self._buffer[:end + 4 + size]
            self._answer(head)

    def _answer(self, head: Head) -> None:
        try:
            made = self._answers(head)
        except Exception:
            self._refuse(500)
            raise
        if isinstance(made, Answer) and made.stream is None:
            self._send(head, made)
        else:
            self.task = asyncio.get_running_loop().create_task(self._later(head, made))

    async def _later(self, head: Head, made: object) -> None:
        try:
            answer = await made() if callable(made) else made
            if isinstance(answer, Upgraded):
                await self._through(answer)
            else:
                assert isinstance(answer, Answer)
                if answer.stream is None:
                    self._send(head, answer)
                else:
                    await self._stream(head, answer)
        except (OriginError, ConnectionError):
            self._transport.abort()     # so that a viewer does not take a part for the whole
        except asyncio.CancelledError:
            pass
        except Exception:
            self._transport.abort()
            raise
        finally:
            self.task = None
        self._next()

    def _send(self, head: Head, answer: Answer) -> None:
        length = [] if answer.status in (204, 304) else [("content-length", str(len(answer.body)))]
        body = b"" if head.method == "HEAD" or answer.status in (204, 304) else answer.body
        if head.method == "HEAD" and (told := answer.get("content-length")) and not answer.body:
            length = [("content-length", told)]
        self._transport.write(_text(answer.status, [*answer.without("content-length"), *length]) + body)
        self._keep(head)

    async def _stream(self, head: Head, answer: Answer) -> None:
        sized = bool(answer.get("content-length"))
        chunked = not sized and head.method != "HEAD" and answer.status not in (204, 304)
        self._transport.write(_text(answer.status, [*answer.headers, *([("transfer-encoding", "chunked")] if chunked
                                                                       else [])]))
        assert answer.stream
        if answer.body:
            self._part(answer.body, chunked=chunked)
        async with contextlib.aclosing(answer.stream) as parts:     # type: ignore[type-var]  # all are generators
            async for part in parts:
                await self._room.wait()
                if self._transport.is_closing():
                    return
                self._part(part, chunked=chunked)
        if chunked:
            self._transport.write(b"0\r\n\r\n")
        self._keep(head)

    def _part(self, part: bytes, *, chunked: bool) -> None:
        self._transport.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)

    async def _through(self, upgraded: Upgraded) -> None:
        """A WebSocket: bytes go both ways till one side ends."""
        self._transport.write(_text(101, upgraded.answer.headers))
        self._tunnel = upgraded.writer
        if self._buffer:
            self._tunnel.write(bytes(self._buffer))
            self._buffer.clear()
        try:
            while block := await upgraded.reader.read(1 << 16):
                await self._room.wait()
                self._transport.write(block)
        finally:
            self._tunnel.close()
            self._transport.close()

    def _keep(self, head: Head) -> None:
        if head.get("connection").lower() == "close":
            self._transport.close()

    def _refuse(self, status: int) -> None:
        self._transport.write(_text(status, [("content-length", "0"), ("connection", "close")]))
        self._transport.close()


def _text(status: int, headers: list[tuple[str, str]]) -> bytes:
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Unknown')}", *(f"{n}: {v}" for n, v in headers), "", ""]
    return "\r\n".join(lines).encode("latin-1", "replace")


def _head(raw: bytes) -> Head | None:
    lines = raw.decode("latin-1").split("\r\n")
    parts = lines[0].split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1.") or not parts[1].startswith("/"):
        return None
    headers = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            return None
        headers.append((name.lower(), value.strip()))
    if parts[2] == "HTTP/1.0" and not any(name == "connection" for name, _ in headers):
        headers.append(("connection", "close"))
    path, _, query = parts[1].partition("?")
    return Head(parts[0], path, query, headers)


def _body_size(head: Head, buffer: bytearray, start: int) -> int | None:
    """Bytes of the body as they came; -1 if they are not all here, None if the head makes no sense."""
    names = {n for n, _ in head.headers}
    if names.isdisjoint(("content-length", "transfer-encoding")):
        return 0
    length = head.get("content-length")
    if "transfer-encoding" in names:
        if head.get("transfer-encoding").lower() != "chunked" or length:
            return None
        at = start
        while (end := buffer.find(b"\r\n", at)) >= 0:
            try:
                size = int(buffer[at:end].split(b";")[0], 16)
            except ValueError:
                return None
            at = end + 2 + size + 2
            if size == 0:
                return at - start if len(buffer) >= at else -1
            if at - start > LONGEST_BODY:
                return at - start
        return -1
    if not length:
        return 0
    if not length.isdigit():
        return None
    size = int(length)
    return size if size > LONGEST_BODY or len(buffer) >= start + size else -1


def _body(head: Head, buffer: bytearray, start: int, size: int) -> bytes:
    raw = bytes(buffer[start:start + size])
    if not head.get("transfer-encoding"):
        return raw
    made, at = [], 0
    while True:
        end = raw.index(b"\r\n", at)
        length = int(raw[at:end].split(b";")[0], 16)
        if not length:
            break
        made.append(raw[end + 2:end + 2 + length])
        at = end + 2 + length + 2
    head.headers = [(n, v) for n, v in head.headers if n != "transfer-encoding"]
    return b"".join(made)
