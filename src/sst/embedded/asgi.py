"""An ASGI app on a socket, by uvicorn's protocols: they parse in C. Imported in the launcher's environment alone.

uvicorn's `Server` is not used: it takes the signals of the process for itself, and wakes up ten times a second.
"""
from __future__ import annotations

import asyncio
import re
import ssl
from socket import socket
from typing import Any

from uvicorn import Config
from uvicorn.protocols.http import httptools_impl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

from sst.embedded.cdn.server import LONGEST_HEAD
from sst.embedded.https import sniffing

__all__ = ["serve_app"]

_KEEP_ALIVE_SECONDS = 75
_PART_BYTES = 256 * 1024
"""Of an answer, sent at once."""
_H2C = re.compile(rb"\r\nupgrade:[ \t]*h2c[ \t]*(?=\r\n)", re.IGNORECASE)
httptools_impl.HIGH_WATER_LIMIT = 16 << 20     # bodies are taken whole: to stop reading at 64 KB costs more than memory
STATUS_LINE.update({status: b"HTTP/1.1 %d \r\n" % status for status in range(600, 1000)})  # a function may say these


async def serve_app(app: Any, line: socket, ended: asyncio.Event, *, grace: float, lifespan: bool = False,
                    tls: ssl.SSLContext | None = None) -> None:
    """Answer on ``line`` until ``ended``; then requests that run have ``grace`` seconds. With ``tls``, HTTPS too.

    ``lifespan``: the app is told of start and end; nothing is served if its start fails.
    """
    config = Config(_strict(app), http=_Http, ws="websockets-sansio", ws_ping_interval=None, interface="asgi3",
                    lifespan="on" if lifespan else "off", log_config=None, access_log=False, proxy_headers=False,
                    server_header=False, date_header=False, timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                    reset_contextvars=True)
    config.load()
    life, state = config.lifespan_class(config), ServerState()
    await life.startup()
    if life.should_exit:
        line.close()
        return
    server = await asyncio.get_running_loop().create_server(
        sniffing(lambda: _Http(config, state, life.state), tls), sock=line)
    try:
        await ended.wait()
    finally:
        server.close()
        for connection in list(state.connections):
            connection.shutdown()
        if state.tasks:
            await asyncio.wait(set(state.tasks), timeout=grace)
        for task in list(state.tasks):
            task.cancel()
        for connection in list(state.connections):
            connection.transport.close()
        await life.shutdown()


class _Http(HttpToolsProtocol):  # type: ignore[misc]  # uvicorn is not in the environment that types are checked in
    def data_received(self, data: bytes) -> None:
        """An offer to speak HTTP/2 is passed over, as it may be: the parser would take it, and drop the body."""
        if (self.cycle is None or self.cycle.response_complete) and b"h2c" in data:
            head, end, rest = data.partition(b"\r\n\r\n")
            data = _H2C.sub(b"", head) + end + rest
        super().data_received(data)


def _strict(app: Any) -> Any:
    """The app, with heads as HTTP/1.1 wants them: one ``Host``, no blanks around values, and not too long."""
    async def strict(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        headers = scope["headers"] = [(name, value.strip(b" \t")) for name, value in scope["headers"]]
        if status := _fault(scope, headers):
            await send({"type": "http.response.start", "status": status,
                        "headers": [(b"content-length", b"0"), (b"connection", b"close")]})
            await send({"type": "http.response.body"})
        else:
            await app(scope, receive, _answering(send))

    return strict


def _fault(scope: Any, headers: list[tuple[bytes, bytes]]) -> int:
    """The status that refuses a head, or 0."""
    size = len(scope["raw_path"]) + len(scope["query_string"]) + sum(len(n) + len(v) for n, v in headers)
    if size > LONGEST_HEAD:
        return 431
    hosts = sum(name == b"host" for name, _ in headers)
    return 400 if hosts > 1 or (hosts == 0 and scope["http_version"] == "1.1") else 0


def _answering(send: Any) -> Any:
    """Answers that have no body have no length: uvicorn would wait for so many bytes. Long ones are sent in parts: a
    transport copies what it can't send at once, over and over."""
    async def answering(message: Any) -> None:
        if message.get("status") in (204, 304):
            headers = [(n, v) for n, v in message.get("headers", ()) if n.lower() != b"content-length"]
            message = {**message, "headers": headers}
        body = message.get("body", b"")
        if len(body) > _PART_BYTES:
            view = memoryview(body)
            last = (len(body) - 1) // _PART_BYTES * _PART_BYTES
            for at in range(0, last, _PART_BYTES):
                await send({**message, "body": view[at:at + _PART_BYTES], "more_body": True})
            message = {**message, "body": view[last:]}
        await send(message)

    return answering
