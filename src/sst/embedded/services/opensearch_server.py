"""A search engine in memory (osmem-server) with what it lacks: a password, and data that outlives it.

``opensearch_server.py PROGRAM DATA PORT GENERATION``, with the hash of ``user:password`` in ``SST_LOGIN``. Requests
that change something are carried out one by one, and written to ``DATA/writes`` before they are answered; a start
repeats them. When the file has grown, what is there takes the place of how it came about. What the engine can't search
by, vectors, is refused. Run as a file of its own: standard library only.
"""
from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, urlsplit

_READING = frozenset({"_search", "_msearch", "_count", "_mget", "_analyze", "_explain", "_validate", "_field_caps",
                      "_refresh", "_flush", "_cache", "_search_shards", "_termvectors", "_mtermvectors", "_render",
                      "_rank_eval", "_bulk_get", "_pit", "scroll", "template"})
"""Last words of paths that change nothing, whatever the method."""
_VECTORS = (b'"knn_vector"', b'"knn"')


_GROWN = 2 << 20
"""Bytes of writes below which the file stays as it is."""
_PAGE = 500
"""Documents of a request."""
_ABOUT_DATA = frozenset({"_bulk", "_aliases", "_alias", "_reindex", "_delete_by_query", "_update_by_query", "_all"})
"""First words of paths whose effect is in the indices themselves."""
_GIVEN = frozenset({"creation_date", "uuid", "provided_name", "version", "replication"})
"""Settings that an index has by itself."""
_SETTINGS = ("_index_template", "_template", "_component_template", "_cluster/settings")

Send = Callable[[str, str, str, bytes], tuple[int, list[tuple[str, str]], bytes]]


class Program:
    """The engine; it ends with us."""

    def __init__(self, program: str) -> None:
        self._process = subprocess.Popen(
            [program, "-addr", "127.0.0.1:0", "-no-stdin-watch", "-parent-pid", str(os.getpid())],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env={"LANG": "C.UTF-8"})
        assert self._process.stdout
        self._at = urlsplit(json.loads(self._process.stdout.readline())["url"]).netloc
        self._lines = threading.local()

    def send(self, method: str, path: str, kind: str, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
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

    def wait(self) -> None:
        self._process.wait()

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


class Engine:
    """The program, and the file of writes. ``answer`` gives status, headers and body."""

    def __init__(self, program: str, data: Path) -> None:
        self._name, self._program = program, Program(program)
        self._lock = threading.Lock()
        self._writes, self._compact = data / "writes", data / "writes.new"
        self._compact.unlink(missing_ok=True)
        self._size = _repeat(self._writes, self._program.send)
        self._limit = _GROWN
        self._busy = self.behind = False
        self._file = self._writes.open("ab", buffering=0)
        threading.Thread(target=self._watch, daemon=True).start()
        with self._lock:
            self._look()

    def answer(self, method: str, path: str, kind: str, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        if not _changes(method, path):
            return self._program.send(method, path, kind, body)
        with self._lock:
            if self.behind:
                raise OSError("the server starts again")
            status, headers, said = self._program.send(method, path, kind, body)
            if status < 400:
                self._keep(_line(*_again(method, path, body, said), kind))
                self._look()
        return status, headers, said

    def _keep(self, line: bytes) -> None:
        """Write it down. If that fails (a full disk), the engine has done what the file does not have: it must start
        anew from the file, whose last line is cut off at most."""
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[self._file.write(rest):]
            _sync(self._file)
        except OSError:
            self.behind = True
            raise
        self._size += len(line)

    def _look(self) -> None:
        if self._size > self._limit and not self._busy:
            self._busy = True
            threading.Thread(target=self._shorten, daemon=True).start()

    def _shorten(self) -> None:
        """Write down what there is, and take that file if another engine makes the same of it. Writes that come
        meanwhile are in both files. Killed at any moment, one of the two is whole."""
        try:
            with self._lock:
                before = self._size
                with self._compact.open("wb") as file:
                    there = _export(self._program.send, self._writes, file)
            if there is None or not self._same(there):
                raise ValueError("no requests make what there is")
            with self._lock:
                self._take_place(before)
        except (OSError, HTTPException, ValueError, KeyError) as error:
            sys.stderr.write(f"the file of writes can't be shortened: {error}\n")
            self._limit = 2 * self._size
        finally:
            self._compact.unlink(missing_ok=True)
            with self._lock:
                self._busy = False
                self._look()        # at what was written meanwhile

    def _take_place(self, before: int) -> None:
        new = self._compact.open("ab")
        self._limit = max(_GROWN, 2 * new.tell())
        try:
            with self._writes.open("rb") as old:
                old.seek(before)
                shutil.copyfileobj(old, new)
            new.flush()
            _sync(new)
            size, writes = new.tell(), self._compact.open("ab", buffering=0)
            self._compact.replace(self._writes)
        finally:
            new.close()
        self._file.close()
        self._file, self._size = writes, size
        _sync_folder(self._writes.parent)

    def _same(self, there: Any) -> bool:
        other = Program(self._name)
        try:
            _repeat(self._compact, other.send)
            return bool(_what_is_there(other.send) == there)
        finally:
            other.end()

    def _watch(self) -> None:
        self._program.wait()
        os._exit(1)


def _line(method: str, path: str, body: bytes, kind: str) -> bytes:
    return json.dumps([method, path, kind, base64.b64encode(body).decode()]).encode() + b"\n"


def _sync(file: BinaryIO) -> None:
    os.fdatasync(file.fileno()) if hasattr(os, "fdatasync") else os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _repeat(writes: Path, send: Send) -> int:
    """Carry out all writes again; how long the file is. A last line that was cut off was never answered."""
    whole = 0
    if writes.exists():
        with writes.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                method, path, kind, body = json.loads(line)
                send(method, path, kind, base64.b64decode(body))
                whole += len(line)
        os.truncate(writes, whole)
    return whole


def _export(send: Send, writes: Path, file: BinaryIO) -> Any:
    """Write the requests that make what there is, and return `_what_is_there`; None for what no request makes."""
    indices = _indices(send)
    if indices is None:
        return None
    for name, about in sorted(indices.items()):
        file.write(_line("PUT", f"/{quote(name)}", json.dumps(about).encode(), "application/json"))
    digests = {}
    for name in sorted(indices):
        made = hashlib.sha256()
        for documents in _documents(send, name):
            lines = []
            for one in documents:
                made.update(_digest(one))
                lines += [{"index": {"_index": name, "_id": one["_id"], "version": one["_version"],
                                     "version_type": "external",
                                     **({"routing": one["_routing"]} if "_routing" in one else {})}}, one["_source"]]
            file.write(_line("POST", "/_bulk", "".join(json.dumps(x) + "\n" for x in lines).encode(),
                             "application/x-ndjson"))
        digests[name] = made.hexdigest()
    for line in _settings(writes):
        file.write(line)
    file.flush()
    _sync(file)
    return indices, digests, _said_settings(send)


def _what_is_there(send: Send) -> Any:
    indices, digests = _indices(send) or {}, {}
    for name in sorted(indices):
        made = hashlib.sha256()
        for documents in _documents(send, name):
            for one in documents:
                made.update(_digest(one))
        digests[name] = made.hexdigest()
    return indices, digests, _said_settings(send)


def _asked(send: Send, method: str, path: str, body: Any = None) -> Any:
    status, _, said = send(method, path, "application/json", json.dumps(body).encode() if body is not None else b"")
    if status >= 400 and status != 404:
        raise ValueError(f"{method} {path}: {status} {said[:200]!r}")
    return json.loads(said)


def _indices(send: Send) -> dict[str, Any] | None:
    """What each index is made with; None where one is closed, or belongs to a data stream."""
    _asked(send, "POST", "/_refresh")
    closed = [i for i in _asked(send, "GET", "/_cat/indices?format=json&expand_wildcards=all") if i["status"] != "open"]
    if closed or _asked(send, "GET", "/_data_stream").get("data_streams"):
        return None
    found = _asked(send, "GET", "/_all?expand_wildcards=all")
    return {name: {**about, "settings": {"index": {k: v for k, v in about["settings"]["index"].items()
                                                   if k not in _GIVEN}}} for name, about in found.items()}


def _documents(send: Send, index: str) -> Iterator[list[dict[str, Any]]]:
    """All of an index, by their ids, in pages."""
    after: list[Any] = []
    while True:
        page = _asked(send, "POST", f"/{quote(index)}/_search", {
            "size": _PAGE, "sort": [{"_id": "asc"}], "version": True, "query": {"match_all": {}},
            **({"search_after": after} if after else {})})["hits"]["hits"]
        if not page:
            return
        yield page
        after = page[-1]["sort"]


def _digest(document: dict[str, Any]) -> bytes:
    return json.dumps([document["_id"], document["_version"], document.get("_routing"), document["_source"]],
                      sort_keys=True).encode()


def _settings(writes: Path) -> list[bytes]:
    """The writes that are about no index: of templates and settings the last one of each path, and what is not known
    here as it was."""
    kept: dict[Any, bytes] = {}
    with writes.open("rb") as file:
        for number, line in enumerate(file):
            method, path, _, _ = json.loads(line)
            at = urlsplit(path).path.strip("/")
            if not at.startswith("_") or at.partition("/")[0] in _ABOUT_DATA:
                continue
            key: Any = at if at.startswith(_SETTINGS) and at != "_cluster/settings" else number
            kept.pop(key, None)     # the last one is last
            if method != "DELETE" or key == number:
                kept[key] = line
    return list(kept.values())


def _said_settings(send: Send) -> Any:
    return [_asked(send, "GET", f"/{path}") for path in _SETTINGS]


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
    wbufsize = -1
    disable_nagle_algorithm = True      # an answer is sent at once
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
                if self.engine.behind:
                    self.wfile.flush()
                    os._exit(1)

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
