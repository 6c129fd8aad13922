"""A registry of images on a loopback port, with token authentication, and with faults that a test asks for."""
from __future__ import annotations

import base64
import hashlib
import json
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sst.build.image.image import CONFIG, MANIFEST
from sst.build.image.layer import LAYER
from sst.net.http import Pool

LOGIN = ("tester", "s3cret")


@dataclass
class RegistryServer:
    """``fault(method, path, n)`` may name one for the n-th request of a method: ``drop`` (half of the body is read,
    then the connection ends), ``cut`` (the answer ends in its middle), ``damage`` (what arrives is not what was sent),
    ``busy``."""

    auth: str = ""
    """``bearer`` or ``basic``."""
    port: int = 0
    blobs: dict[str, dict[str, bytes]] = field(default_factory=dict)
    manifests: dict[str, dict[str, tuple[str, bytes]]] = field(default_factory=dict)
    uploads: dict[str, bytearray] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    tokens: int = 0
    pool: Pool = field(default_factory=Pool)
    """For the clients of a test."""
    fault: Callable[[str, str, int], str] = lambda method, path, n: ""

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def count(self, method: str) -> int:
        return len([a for a in self.asked if a.startswith(f"{method} ")])

    def base(self, name: str, tag: str, *, layer: bytes = b"the files of a base", architecture: str = "amd64") -> str:
        """Put a tiny image there; its digest."""
        digest, about = _digest(layer), json.dumps({
            "architecture": architecture, "os": "linux", "config": {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin"],
                                                                    "Cmd": ["python3"]},
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]}}).encode()
        self.blobs.setdefault(name, {}).update({digest: layer, _digest(about): about})
        manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "layers": [
            {"mediaType": LAYER, "digest": digest, "size": len(layer)}], "config": {
                "mediaType": CONFIG, "digest": _digest(about), "size": len(about)}}).encode()
        for version in (tag, _digest(manifest)):
            self.manifests.setdefault(name, {})[version] = MANIFEST, manifest
        return _digest(manifest)


@contextmanager
def serving(**options: Any) -> Iterator[RegistryServer]:
    state = RegistryServer(**options)
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"state": state}))
    state.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.pool.close()
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A client that leaves is no error."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: RegistryServer
    fault = ""

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if self.fault == "cut" else body)
        self.close_connection |= self.fault == "cut"

    def _refuse(self, status: int, code: str, **headers: str) -> None:
        self._answer(status, json.dumps({"errors": [{"code": code, "message": code.lower()}]}).encode(), **headers)

    def handle_any(self) -> None:
        at = urlsplit(self.path)
        self.state.asked.append(f"{self.command} {at.path}")
        fault = self.fault = self.state.fault(self.command, at.path, self.state.count(self.command))
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size // 2 if fault == "drop" else size)
        if fault == "drop" and at.path.startswith("/v2/") and "/uploads/" in at.path and self.command == "PATCH":
            self.state.uploads[at.path.rpartition("/")[2]] += body
        if fault == "drop":
            self.close_connection = True
            return
        if fault == "damage":
            body = body[::-1]
        if fault == "busy":
            return self._refuse(503, "UNAVAILABLE", Retry_After="0")
        if at.path == "/token":
            self.state.tokens += 1
            given = self.headers.get("Authorization", "")
            if given != _basic():
                return self._refuse(401, "UNAUTHORIZED")
            return self._answer(200, json.dumps({"token": f"t-{parse_qs(at.query)['scope'][0]}"}).encode())
        if not self._allowed():
            way = (f'Bearer realm="http://{self.state.host}/token",service="test",scope="{self._scope(at.path)}"'
                   if self.state.auth == "bearer" else 'Basic realm="test"')
            return self._refuse(401, "UNAUTHORIZED", WWW_Authenticate=way)
        self._carry_out(at.path, parse_qs(at.query), body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

    def _scope(self, path: str) -> str:
        name = re.split(r"/(?:blobs|manifests)/", path.removeprefix("/v2/"))[0]
        return f"repository:{name}:pull{',push' if self.command not in ('GET',) else ''}"

    def _allowed(self) -> bool:
        given = self.headers.get("Authorization", "")
        match self.state.auth:
            case "bearer":
                return given.startswith("Bearer t-repository:")
            case "basic":
                return given == _basic()
        return True

    def _carry_out(self, path: str, query: dict[str, list[str]], body: bytes) -> None:
        name, kind, rest = re.fullmatch(r"/v2/(.+?)/(blobs/uploads|blobs|manifests)/(.*)", path).groups()  # type: ignore[union-attr]  # the client asks for nothing else
        blobs, manifests = self.state.blobs.setdefault(name, {}), self.state.manifests.setdefault(name, {})
        if kind == "manifests" and self.command == "PUT":
            for part in [*json.loads(body)["layers"], json.loads(body)["config"]]:
                if part["digest"] not in blobs:
                    return self._refuse(400, "MANIFEST_BLOB_UNKNOWN")
            manifests[rest] = manifests[_digest(body)] = self.headers["Content-Type"], body
            return self._answer(201)
        if kind == "manifests":
            found = manifests.get(rest)
            return (self._answer(200, found[1], Content_Type=found[0]) if found
                    else self._refuse(404, "MANIFEST_UNKNOWN"))
        if kind == "blobs":
            if rest not in blobs:
                return self._refuse(404, "BLOB_UNKNOWN")
            content = blobs[rest]
            begin = int((self.headers.get("Range") or "bytes=0-")[6:-1])
            return self._answer(206 if begin else 200, content[begin:])
        self._upload(name, rest, query, body)

    def _upload(self, name: str, id: str, query: dict[str, list[str]], body: bytes) -> None:
        place = f"/v2/{name}/blobs/uploads/"
        if self.command == "POST":
            mount = query.get("mount", [""])[0]
            if mount and mount in self.state.blobs.get(query["from"][0], {}):
                self.state.blobs[name][mount] = self.state.blobs[query["from"][0]][mount]
                return self._answer(201)
            self.state.uploads[id := uuid.uuid4().hex] = bytearray()
            return self._answer(202, Location=place + id, Range="0-0")
        there = self.state.uploads.get(id)
        if there is None:
            return self._refuse(404, "BLOB_UPLOAD_UNKNOWN")
        if self.command == "GET":
            return self._answer(204, Location=place + id, Range=f"0-{max(0, len(there) - 1)}")
        if self.command == "DELETE":
            self.state.uploads.pop(id)
            return self._answer(204)
        begins = self.headers.get("Content-Range", "").partition("-")[0]
        if begins and int(begins) != len(there):
            return self._refuse(416, "RANGE_INVALID")
        there += body
        if self.command == "PATCH":
            return self._answer(202, Location=place + id, Range=f"0-{len(there) - 1}")
        self.state.uploads.pop(id)
        if _digest(bytes(there)) != query["digest"][0]:
            return self._refuse(400, "DIGEST_INVALID")
        self.state.blobs[name][query["digest"][0]] = bytes(there)
        return self._answer(201)


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _basic() -> str:
    return "Basic " + base64.b64encode(":".join(LOGIN).encode()).decode()
