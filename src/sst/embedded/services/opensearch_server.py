"""A search engine in memory (osmem-server) with what it lacks: a password, and data that outlives it.

``opensearch_server.py PROGRAM DATA PORT GENERATION``, with the hash of ``user:password`` in ``SST_LOGIN``. Requests
that change something are carried out one by one, and written to ``DATA/writes`` before they are answered; a start
repeats them. What the engine can't search by, vectors, is refused. Run as a file of its own: standard library only.
"""
from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_READING = frozenset({"_search", "_msearch", "_count", "_mget", "_analyze", "_explain", "_validate", "_field_caps",
                      "_refresh", "_flush", "_cache", "_search_shards", "_termvectors", "_mtermvectors", "_render",
                      "_rank_eval", "_bulk_get", "_pit", "scroll", "template"})
"""Last words of paths that change nothing, whatever the method."""
_VECTORS = (b'"knn_vector"', b'"knn"')


class Engine:
    """The program, and the file of writes. ``answer`` gives status, headers and body."""

    def __init__(self, program: str, data: Path) -> None:
        self._process = subprocess.Popen(
            [program, "-addr", "127.0.0.1:0", "-no-stdin-watch", "-parent-pid", str(os.getpid())],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env={"LANG": "C.UTF-8"})
        assert self._process.stdout
        self._at = urlsplit(json.loads(self._process.stdout.readline())["url"]).netloc
        self._lock, self._lines = threading.Lock(), threading.local()
        self._writes = data / "writes"
        self._repeat()
        self._file = self._writes.open("ab")
        threading.Thread(target=self._watch, daemon=True).start()

    def answer(self, method: str, path: str, kind: str, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        if not _changes(method, path):
            return self._send(method, path, kind, body)
        with self._lock:
            status, headers, said = self._send(method, path, kind, body)
            if status < 400:
                self._keep(*_again(method, path, body, said), kind)
        return status, headers, said

    def _keep(self, method: str, path: str, body: bytes, kind: str) -> None:
        line = json.dumps([method, path, kind, base64.b64encode(body).decode()])
        self._file.write(line.encode() + b"\n")
        self._file.flush()
        os.fdatasync(self._file.fileno()) if hasattr(os, "fdatasync") else os.fsync(self._file.fileno())

    def _repeat(self) -> None:
        """Carry out all writes again. A last line that was cut off was never answered."""
        if not self._writes.exists():
            return
        whole = 0
        with self._writes.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                method, path, kind, body = json.loads(line)
                self._send(method, path, kind, base64.b64decode(body))
                whole += len(line)
        os.truncate(self._writes, whole)

    def _send(self, method: str, path: str, kind: str, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        line: HTTPConnection | None = getattr(self._lines, "line", None)
        if line is None:
            line = self._lines.line = HTTPConnection(self._at, timeout=120)
        try:
            line.request(method, path, body or None, {"Content-Type": kind} if kind else {})
            answer = line.getresponse()
            said = answer.read()
        except OSError:
            line.close()
            raise
        return answer.status, [(k, v) for k, v in answer.getheaders() if k.lower().startswith(("content-type", "x-"))
                               ], said

    def _watch(self) -> None:
        self._process.wait()
        os._exit(1)


def _changes(method: str, path: str) -> bool:
    last = urlsplit(path).path.rstrip("/").rpartition("/")[2]
    return method in ("PUT", "POST", "DELETE") and last not in _READING


def _again(method: str, path: str, body: bytes, said: bytes) -> tuple[str, str, bytes]:
    """The request that makes the same again: with the ids that the engine has given to documents."""
    at, _, query = path.partition("?")
    words = at.strip("/").split("/")
    try:
        if words[-1] == "_bulk":
            return method, path, _with_ids(body, json.loads(said)["items"])
        if words[-1] == "_doc" and method == "POST":
            return "PUT", f"{at.rstrip('/')}/{json.loads(said)['_id']}" + (f"?{query}" if query else ""), body
    except (ValueError, KeyError, TypeError):
        pass
    return method, path, body


def _with_ids(body: bytes, items: list[dict[str, Any]]) -> bytes:
    """The lines of a bulk request; those that failed are left out."""
    lines, made = iter([line for line in body.split(b"\n") if line.strip()]), []
    for item in items:
        action = json.loads(next(lines))
        (what, about), = action.items()
        source = [] if what == "delete" else [next(lines)]
        (done,) = item.values()
        if done.get("status", 500) < 400:
            made += [json.dumps({what: {**about, "_index": done["_index"], "_id": done["_id"]}}).encode(), *source]
    return b"\n".join(made) + b"\n" if made else b""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    engine: Engine
    login: str

    def _handle(self) -> None:
        body = self._body()
        scheme, _, given = self.headers.get("Authorization", "").partition(" ")
        try:
            told = hashlib.sha256(base64.b64decode(given)).hexdigest() if scheme.lower() == "basic" else ""
        except ValueError:
            told = ""
        if not hmac.compare_digest(told, self.login):
            self._say(401, [("WWW-Authenticate", 'Basic realm="OpenSearch Security"')], b"Unauthorized")
        elif body and any(word in body for word in _VECTORS) and "_doc" not in self.path and "_bulk" not in self.path:
            self._say(400, [("Content-Type", "application/json")], json.dumps({"status": 400, "error": {
                "type": "unsupported_operation_exception",
                "reason": "k-NN does not run on stage local: its engine has no vectors"}}).encode())
        else:
            try:
                self._say(*self.engine.answer(self.command, self.path, self.headers.get("Content-Type", ""), body))
            except OSError as error:
                self._say(503, [("Content-Type", "text/plain")], str(error).encode())

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_OPTIONS = do_PATCH = _handle

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(parts)

    def _say(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the log is for failures."""


class Server(ThreadingHTTPServer):
    daemon_threads = True


def main(arguments: list[str]) -> None:
    program, data, port = arguments[0], Path(arguments[1]), int(arguments[2])
    Handler.login, Handler.engine = os.environ.pop("SST_LOGIN"), Engine(program, data)
    Server(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
