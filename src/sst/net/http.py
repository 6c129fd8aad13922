"""Pooled HTTP/1.1 connections: keep-alive, proxies, CA bundle. Nothing here knows AWS."""
from __future__ import annotations

import base64
import http.client
import select
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from .. import errors

__all__ = ["ConnectError", "Pool", "ReadError", "Response", "is_loopback"]


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes


class ConnectError(Exception):
    """The request certainly never reached the server."""


class ReadError(Exception):
    """The request may have been carried out: it was sent, or partly, and no whole answer came back."""


def is_loopback(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost") or host.startswith("127.") or host == "::1"


class Pool:
    """Idle connections by origin, shared by all threads.

    ``proxies`` maps ``http`` and ``https`` to a proxy URL, ``no_proxy`` is the usual comma-separated list; loopback
    hosts never go through a proxy. ``ca_bundle`` is a file of trusted certificates. Times are in seconds.
    """

    def __init__(self, *, proxies: Mapping[str, str] | None = None, no_proxy: str = "", ca_bundle: str | None = None,
                 connect_timeout: float = 10, read_timeout: float = 70) -> None:
        self._proxies, self._no_proxy = dict(proxies or {}), [h.strip().lstrip(".").lower()
                                                              for h in no_proxy.split(",") if h.strip()]
        self._ca, self._connect, self._read = ca_bundle, connect_timeout, read_timeout
        self._idle: dict[tuple[str, str, int], list[http.client.HTTPConnection]] = {}
        self._lock = Lock()
        self._tls_context: ssl.SSLContext | None = None

    def send(self, method: str, origin: tuple[str, str, int], target: str, headers: Mapping[str, str],
             body: bytes | IO[bytes] | None, guard: Callable[[], None] | None = None,
             into: IO[bytes] | None = None) -> Response:
        """One request, one whole answer. ``origin`` is (scheme, host, port); raises ``ConnectError`` or ``ReadError``,
        or what ``guard`` raises once all is ready to be sent. The body of a good answer is written to ``into`` as it
        comes, where that is given."""
        connection = self._take(origin)
        try:
            if guard:
                guard()
            if origin[0] == "http" and (proxy := self._proxied(origin)):
                target = f"http://{origin[1]}:{origin[2]}{target}"
                headers = {**headers, **_login(proxy)}
            answer = _exchange(connection.sock, method, target, headers, body)
            content = _copy(answer, into) if into and answer.status < 300 else answer.read()
            reply = Response(answer.status, {k.lower(): v for k, v in answer.getheaders()}, content)
        except (OSError, http.client.HTTPException) as e:
            connection.close()
            raise ReadError(f"{type(e).__name__}: {e}" if str(e) else type(e).__name__) from e
        except BaseException:
            connection.close()
            raise
        if answer.will_close:
            connection.close()
        else:
            with self._lock:
                self._idle.setdefault(origin, []).append(connection)
        return reply

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, {}
        for connections in idle.values():
            for connection in connections:
                connection.close()

    def _take(self, origin: tuple[str, str, int]) -> http.client.HTTPConnection:
        while True:
            with self._lock:
                waiting = self._idle.get(origin)
                connection = waiting.pop() if waiting else None
            if connection is None:
                return self._open(origin)
            if connection.sock is not None and not _readable(connection.sock):
                return connection
            connection.close()      # the server has closed it while it was idle

    def _open(self, origin: tuple[str, str, int]) -> http.client.HTTPConnection:
        scheme, host, port = origin
        proxy = self._proxied(origin)
        at = urlsplit(proxy) if proxy else None
        to = (at.hostname or "", at.port or 8080) if at else (host, port)
        connection: http.client.HTTPConnection
        if scheme == "https":
            connection = http.client.HTTPSConnection(*to, timeout=self._connect, context=self._context())
        else:
            connection = http.client.HTTPConnection(*to, timeout=self._connect)
        if at and scheme == "https":
            connection.set_tunnel(host, port, _login(proxy))
        try:
            connection.connect()
        except (OSError, http.client.HTTPException) as e:
            connection.close()
            via = f" through the proxy {to[0]}:{to[1]}" if at else ""
            raise ConnectError(f"no connection to {host}:{port}{via}: {e}") from e
        assert connection.sock is not None
        connection.sock.settimeout(self._read)
        return connection

    def _proxied(self, origin: tuple[str, str, int]) -> str:
        scheme, host, _ = origin
        proxy = self._proxies.get(scheme, "")
        if not proxy or is_loopback(host):
            return ""
        return "" if self.goes_direct(host) else proxy

    def goes_direct(self, host: str) -> bool:
        """Whether a host is among those that are not asked through a proxy."""
        name = host.lower()
        return any(h == "*" or name == h or name.endswith("." + h) for h in self._no_proxy)

    def _context(self) -> ssl.SSLContext:
        with self._lock:
            if self._tls_context is None:
                try:
                    self._tls_context = ssl.create_default_context(cafile=self._ca)
                except OSError as e:
                    raise errors.UserError(f"the CA bundle {self._ca} can't be read: {e.strerror or e}",
                                           hint="AWS_CA_BUNDLE, or ca_bundle in the AWS config file, names a PEM "
                                                "file") from e
            return self._tls_context


def _login(proxy: str) -> dict[str, str]:
    at = urlsplit(proxy)
    pair = f"{unquote(at.username or '')}:{unquote(at.password or '')}"
    return {"Proxy-Authorization": "Basic " + base64.b64encode(pair.encode()).decode()} if at.username else {}


def _exchange(sock: Any, method: str, target: str, headers: Mapping[str, str],
              body: bytes | IO[bytes] | None) -> http.client.HTTPResponse:
    """Head and a small body leave in one piece: half the packets of ``http.client``'s own way."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
    if not isinstance(body, bytes):
        size = None if body is not None else 0 if method in ("POST", "PUT", "PATCH") else None
    else:
        size = len(body)
    if size is not None:
        lines.append(f"Content-Length: {size}")
    head = "\r\n".join(lines)
    if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1:
        raise errors.ProviderError("a header may not hold a line break", code="BadHeader", sent=False)
    start = f"{head}\r\n\r\n".encode()
    if isinstance(body, bytes) and len(body) < 65536:
        sock.sendall(start + body)
    else:
        sock.sendall(start)
        if isinstance(body, bytes):
            sock.sendall(body)
        elif body is not None:
            while chunk := body.read(262144):
                sock.sendall(chunk)
    answer = http.client.HTTPResponse(sock, method=method)
    answer.begin()
    return answer


def _copy(answer: http.client.HTTPResponse, into: IO[bytes]) -> bytes:
    left = answer.length
    while chunk := answer.read(262144):
        into.write(chunk)
        left = left - len(chunk) if left is not None else None
    if left:
        raise http.client.IncompleteRead(b"", left)
    return b""


def _readable(sock: Any) -> bool:
    if not isinstance(sock, socket.socket) or sock.fileno() < 0:
        return True
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([sock], [], [], 0)[0])
