"""A real HTTP server that answers as a test says: throttles, fails, breaks the connection."""
from __future__ import annotations

import json
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

__all__ = ["RESET", "Answer", "StandIn", "stand_in"]


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


RESET = Answer(0)
"""Take the request, then break the connection without an answer."""


def refusal(code: str, message: str = "no", status: int = 400, **headers: str) -> Answer:
    return Answer(status, {"__type": code, "message": message}, {"x-amzn-RequestId": "r-1", **headers})


@dataclass
class StandIn:
    url: str
    requests: list[tuple[str, str, dict[str, str], bytes]]
    ports: set[int]
    """Where connections came from: one for each connection."""

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(b) for _, _, _, b in self.requests]


@contextmanager
def stand_in(decide: Callable[[int], Answer], tls: ssl.SSLContext | None = None) -> Iterator[StandIn]:
    """``decide`` gives the answer to request number 0, 1, 2…"""
    ports: set[int] = set()
    seen: list[tuple[str, str, dict[str, str], bytes]] = []
    lock = Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with lock:
                n = len(seen)
                ports.add(self.client_address[1])
                seen.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            answer = decide(n)
            if answer is RESET:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                self.connection.close()
                return
            data = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            self.send_response_only(answer.status)
            for k, v in {"Content-Type": "application/x-amz-json-1.0", "Content-Length": str(len(data)),
                         **answer.headers}.items():
                self.send_header(k, v)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PUT = do_DELETE = do_HEAD = do_CONNECT = do_POST

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield StandIn(f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}", seen, ports)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
