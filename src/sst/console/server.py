"""The console's server: one port on loopback, a thread for each connection, JSON below ``/api``, files for the rest."""
from __future__ import annotations

import json
import re
import secrets
import select
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from ..errors import SstError
from ..events import error_to_json
from .guard import HEADERS, refusal

__all__ = ["ConsoleServer", "Forbidden", "NotThere", "Route"]

STATIC = Path(__file__).with_name("static")
_KINDS = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
          ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
_BODY_LIMIT = 8 * 1024 * 1024
_BEAT_SECONDS, _LOOK_SECONDS = 15.0, 0.05
_STREAMS = 32

Route = Callable[..., Any]
"""Gets what the path names, then ``query``, or ``body`` of a POST; gives what is sent as JSON."""


class NotThere(SstError):
    """Nothing has this name or number."""

    code = "unknown-name"


class Forbidden(SstError):
    """The console may not do this, on this stage or now."""

    code = "not-allowed"


class ConsoleServer(ThreadingHTTPServer):
    """``routes``: ``GET /api/trace/{root}`` -> function. ``news`` gives a value that changes whenever something
    happened; a stream sends each new one. ``warm`` reads what the first page needs, ``release`` ends what the routes
    use. ``port`` 0 takes a free one. Raises ``OSError`` if the port is taken."""

    server_name = "127.0.0.1"
    daemon_threads = True
    allow_reuse_address = True  # the port of a console that has just ended

    def __init__(self, routes: Mapping[str, Route], news: Callable[[], object], *, port: int = 0,
                 note: Callable[[str], None] = lambda text: None, warm: Callable[[], object] = lambda: None,
                 release: Callable[[], object] = lambda: None) -> None:
        self.token = secrets.token_urlsafe(32)
        self.routes: list[tuple[str, str, Route]] = [(key.partition(" ")[0], key.partition(" ")[2], route)
                                                     for key, route in routes.items()]
        self.news, self.note, self.warm, self._release = news, note, warm, release
        self.streams = threading.BoundedSemaphore(_STREAMS)
        self.ended = threading.Event()
        super().__init__(("127.0.0.1", port), _Handler)

    def server_bind(self) -> None:
        """Without asking a name server who 127.0.0.1 is."""
        TCPServer.server_bind(self)
        self.server_port = int(self.server_address[1])

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        """With the token in the fragment, which no server and no proxy sees."""
        return f"http://127.0.0.1:{self.port}/#token={self.token}"

    def start(self) -> None:
        """Serve from a thread."""
        threading.Thread(target=self.serve_forever, name="console", daemon=True, args=(0.1,)).start()

    def close(self) -> None:
        self.ended.set()
        self.shutdown()
        self.server_close()
        self._release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError):  # a browser that went away
            self.note(f"the console failed to answer: {type(error).__name__}: {error}")


class _Handler(BaseHTTPRequestHandler):
    server: ConsoleServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "sst", ""
    timeout = 75

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_GET  # names of http.server

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the token must be in no log, and the terminal is the user's."""

    def _answer(self) -> None:
        if self.server.ended.is_set():
            self.close_connection = True
            return self._json(503, {"error": "the console has ended", "code": "ended"})
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        size = int(headers.get("content-length") or 0) if (headers.get("content-length") or "0").isdigit() else -1
        if size < 0 or size > _BODY_LIMIT or "transfer-encoding" in headers:
            self.close_connection = True
            return self._json(413, {"error": "the request is too large", "code": "too-large"})
        content = self.rfile.read(size)
        if reason := refusal(self.command, parts.path, headers, port=self.server.port, token=self.server.token):
            return self._json(403, {"error": reason, "code": "refused"})
        if not parts.path.startswith("/api/"):
            return self._file(parts.path)
        if parts.path == "/api/events" and self.command == "GET":
            return self._stream()
        query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        status, answer = self._called(parts.path, query, content)
        self._json(status, answer)

    def _called(self, path: str, query: Mapping[str, str], content: bytes) -> tuple[int, Any]:
        for method, pattern, route in self.server.routes:
            found = re.fullmatch(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern), path)
            if not found or method != ("GET" if self.command == "HEAD" else self.command):
                continue
            named = {name: unquote(value) for name, value in found.groupdict().items()}
            try:
                body = json.loads(content or b"{}") if method == "POST" else None
                if method == "POST" and not isinstance(body, dict):
                    raise ValueError
            except ValueError:
                return 400, {"error": "the body is no JSON object", "code": "bad-body"}
            try:
                return 200, route(**named, **({"body": body} if method == "POST" else {"query": query}))
            except NotThere as error:
                return 404, _told(error)
            except Forbidden as error:
                return 403, _told(error)
            except SstError as error:
                return 409, _told(error)
            except Exception as error:  # one page must not end the others
                self.server.note(f"{path}: {type(error).__name__}: {error}")
                return 500, {"error": f"{type(error).__name__}: {error}", "code": "internal",
                             "hint": "this is a bug in sst; the other pages work"}
        return 404, {"error": f"there is no {self.command} {path}", "code": "no-route"}

    def _file(self, path: str) -> None:
        name = unquote(path).lstrip("/") or "index.html"
        file = STATIC / name
        if not re.fullmatch(r"[a-z0-9_-]+\.[a-z]+", name) or not file.is_file():
            return self._json(404, {"error": "there is no such file", "code": "no-file"})
        self._send(200, _KINDS[file.suffix], file.read_bytes())

    def _json(self, status: int, answer: Any) -> None:
        text = json.dumps(answer, ensure_ascii=True, separators=(",", ":"), default=str)
        self._send(status, "application/json", text.encode())

    def _send(self, status: int, kind: str, content: bytes) -> None:
        self._head(status, {"Content-Type": kind, "Content-Length": str(len(content))})
        if self.command != "HEAD":
            self.wfile.write(content)

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status, HTTPStatus(status).phrase)
        for name, value in {**headers, **HEADERS}.items():
            self.send_header(name, value)
        self.end_headers()

    def _stream(self) -> None:
        """A line of JSON for each change, and an empty object now and then."""
        if not self.server.streams.acquire(blocking=False):
            return self._json(503, {"error": "too many pages are open", "code": "busy"})
        try:
            self.close_connection = True
            self._head(200, {"Content-Type": "application/x-ndjson", "Connection": "close"})
            for line in self._news():
                self.wfile.write(json.dumps(line).encode() + b"\n")
                self.wfile.flush()
        finally:
            self.server.streams.release()

    def _news(self) -> Iterator[Any]:
        seen: object = None
        told = 0.0
        while not self.server.ended.is_set():
            try:
                now = self.server.news()
            except SstError as error:
                now = {"error": error.message}
            if now != seen:
                seen, told = now, time.monotonic()
                yield {"news": now}
            elif time.monotonic() - told > _BEAT_SECONDS:
                told = time.monotonic()
                yield {}
            if select.select([self.connection], (), (), _LOOK_SECONDS)[0]:
                return  # the page is gone: it has nothing more to say


def _told(error: SstError) -> dict[str, Any]:
    """As ``--json`` tells errors, with ``error`` for the page."""
    return {"error": error.message, **error_to_json(error)}
