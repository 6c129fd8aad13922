"""The wrapper of Node servers in a container: a real process behind what stands for a load balancer."""
from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import sst.runtime
from sst.embedded.containers import node
from sst.embedded.ports import free_port
from tests.e2e.project import eventually
from tests.sites.test_server import APP, ECHO

SERVER = Path(sst.runtime.__file__).parent / "site" / "server.mjs"
VISITOR = {"Host": "10.0.0.7:8080", "X-Forwarded-Host": "shop.example.com", "X-Forwarded-Proto": "http",
           "X-Forwarded-For": "6.6.6.6, 203.0.113.9, 130.176.0.1", "X-Sst-Key": "k", "X-Forwarded-Port": "80",
           "Cookie": "x=1"}


@contextmanager
def contained(folder: Path, source: str, pick: str = ").then(() => undefined") -> Iterator[tuple[int, Any]]:
    """The port of an app, and its process."""
    (folder / "server.mjs").write_bytes(SERVER.read_bytes())
    (folder / "app.mjs").write_text(source)
    (folder / "sst-entry.mjs").write_text(APP % pick)
    with running(folder, "sst-entry.mjs", str(shutil.which("node")), {}) as made:
        yield made


@contextmanager
def running(folder: Path, entry: str, program: str, more: Mapping[str, str]) -> Iterator[tuple[int, Any]]:
    """What a container runs, with the variables that it has on stage ``local``."""
    port = free_port(0)
    env = node.variables(program, {8080: port}, {"SST_PORT": "8080", "SST_SITE": "https://shop.example.com", **more})
    with subprocess.Popen(node.line(["node", entry], program), cwd=folder, env=env, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as process:
        try:
            eventually(lambda: process.poll() is not None or _answers(port))
            yield port, process
        finally:
            process.kill()


def _answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def ask(port: int, path: str, *, method: str = "GET", body: bytes | None = None,
        headers: Mapping[str, str] = VISITOR) -> tuple[int, bytes]:
    with closing(HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request(method, path, body, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read()


def test_the_app_sees_the_visitor_and_not_the_load_balancer(tmp_path: Path) -> None:
    with contained(tmp_path, ECHO) as (port, process):
        status, body = ask(port, "/a%20b?q=1", method="POST", body=bytes(range(256)) * 40_000)
        told = json.loads(body)
        assert (status, told["url"], told["size"]) == (201, "/a%20b?q=1", 10_240_000)
        assert (told["encrypted"], told["address"]) == (True, "203.0.113.9")
        seen = {k: v for k, v in told["headers"].items() if k not in ("accept-encoding", "content-length")}
        assert seen == {"host": "shop.example.com", "x-forwarded-proto": "https", "cookie": "x=1",
                        "x-forwarded-host": "shop.example.com", "x-forwarded-for": VISITOR["X-Forwarded-For"]}
        assert ask(port, "/_sst/health", headers={}) == (200, b"ok")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_an_app_of_fetch_has_the_address_that_the_visitor_sees(tmp_path: Path) -> None:
    source = """
        import http from "node:http";
        export default { async fetch(request) {
          const headers = Object.fromEntries(request.headers);
          return Response.json({url: request.url, host: headers.host, key: "x-sst-key" in headers});
        } };
        export const others = http;
        process.on("SIGTERM", () => { console.log("bye"); process.exit(7); });"""
    with contained(tmp_path, source, ").then((app) => app.default") as (port, process):
        told = json.loads(ask(port, "/x?y=%C3%BC")[1])
        assert told == {"url": "https://shop.example.com/x?y=%C3%BC", "host": "shop.example.com", "key": False}
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 7


def test_a_websocket_and_a_slow_answer_get_through(tmp_path: Path) -> None:
    source = """
        import http from "node:http";
        const server = http.createServer((request, response) => {
          response.write("first");
          setTimeout(() => response.end("last"), 300);
        });
        server.on("upgrade", (request, socket) => {
          socket.write("HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: x\\r\\nConnection: Upgrade\\r\\n\\r\\n");
          socket.end(request.headers.host);
        });
        server.listen({ port: 3000, host: "::" });"""
    with contained(tmp_path, source) as (port, process):
        with socket.create_connection(("127.0.0.1", port)) as one:
            one.sendall("".join(["GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: x\r\n",
                                 *(f"{k}: {v}\r\n" for k, v in VISITOR.items()), "\r\n"]).encode())
            said = b"".join(iter(lambda: one.recv(4096), b""))
        assert said.startswith(b"HTTP/1.1 101") and said.endswith(b"shop.example.com")
        with socket.create_connection(("127.0.0.1", port)) as one:
            one.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            eventually(lambda: b"first" in one.recv(65536, socket.MSG_PEEK))
            process.send_signal(signal.SIGTERM)     # what has begun is finished
            assert b"last" in b"".join(iter(lambda: one.recv(4096), b""))
        assert process.wait(10) == 0


def test_an_app_that_does_not_start_ends_its_container_and_says_why(tmp_path: Path) -> None:
    with contained(tmp_path, "throw new RangeError('no database');") as (_, process):
        said = process.stdout.read().decode()
        assert process.wait(10) == 1 and "RangeError: no database" in said
