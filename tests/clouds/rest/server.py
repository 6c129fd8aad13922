"""A small REST API: monitors of a web site, as JSON. Names are unique; ``region`` can't be changed."""
from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

__all__ = ["rest_api"]


class _Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    monitors: dict[str, dict[str, Any]]
    numbers: count[int]
    lock: Lock

    def _answer(self, status: int, body: Any = None) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return found

    def do_POST(self) -> None:
        asked = self._body()
        with self.lock:
            if any(m["name"] == asked["name"] for m in self.monitors.values()):
                self._answer(409, {"message": f"there is a monitor {asked['name']}"})
                return
            id = f"m{next(self.numbers)}"
            self.monitors[id] = {"region": "eu", "interval": 60, **asked, "id": id, "token": f"token of {id}"}
        self._answer(201, self.monitors[id])

    def do_GET(self) -> None:
        at = urlsplit(self.path)
        if name := parse_qs(at.query).get("name"):
            self._answer(200, [m for m in self.monitors.values() if m["name"] == name[0]])
        elif found := self.monitors.get(at.path.rpartition("/")[2]):
            self._answer(200, found)
        else:
            self._answer(404, {"message": "there is no such monitor"})

    def do_PATCH(self) -> None:
        id = self.path.rpartition("/")[2]
        self.monitors[id] |= self._body()
        self._answer(200, self.monitors[id])

    def do_DELETE(self) -> None:
        self._answer(204 if self.monitors.pop(self.path.rpartition("/")[2], None) else 404)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def rest_api() -> Iterator[str]:
    """Its address."""
    api = type("Api", (_Api,), {"monitors": {}, "numbers": count(1), "lock": Lock()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), api)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
