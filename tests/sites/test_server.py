"""The wrapper of Node servers, by events of a function's URL."""
from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

import sst.runtime
from sst.executor import FunctionVersion, Streaming
from tests.executor.stage import Stage, play

SERVER = Path(sst.runtime.__file__).parent / "site" / "server.mjs"
APP = """
import { serve } from "./server.mjs";
export const handler = await serve(() => import("./app.mjs"%s));
"""
ECHO = """
import http from "node:http";
let connections = 0;
http.createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const body = Buffer.concat(parts);
  response.writeHead(201, {"content-type": "application/json", "x-many": ["1", "2"],
    "set-cookie": ["a=1; Path=/", "b=2"]});
  response.end(JSON.stringify({method: request.method, url: request.url, headers: request.headers, size: body.length,
    bytes: [...body.subarray(0, 4)], encrypted: request.socket.encrypted, address: request.socket.remoteAddress,
    connections, secret: process.env.SST_RESOURCE_Db, sdk: globalThis.SST_KEY_FILE_DATA}));
}).on("connection", () => connections++).listen(process.env.PORT ?? 3000, "0.0.0.0", () => console.log("listens"));
"""


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    cookies: list[str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def app(stage: Stage, source: str, *, given: str = "", files: Mapping[str, bytes] | None = None,
        **more: Any) -> FunctionVersion:
    """A function that serves ``app.mjs``; ``given`` is the name of its export, if it does not listen by itself."""
    pick = f").then((app) => app.{given}" if given else ").then(() => undefined"
    fn = stage.function(APP % pick, file="index.mjs", **more)
    (fn.code / "server.mjs").write_bytes(SERVER.read_bytes())
    (fn.code / "app.mjs").write_text(source)
    for name, content in (files or {}).items():
        (fn.code / name).write_bytes(content)
    return fn


def event(path: str = "/", *, method: str = "GET", body: bytes | None = None, query: str = "",
          cookies: list[str] | None = None, headers: Mapping[str, str] | None = None) -> bytes:
    made: dict[str, Any] = {
        "version": "2.0", "rawPath": path, "rawQueryString": query, "cookies": cookies or [],
        "headers": {"host": "url.on.aws", "x-forwarded-proto": "https", **(headers or {})},
        "requestContext": {"http": {"method": method, "path": path, "sourceIp": "203.0.113.9"}},
        "isBase64Encoded": body is not None}
    return json.dumps(made | ({"body": base64.b64encode(body).decode()} if body is not None else {})).encode()


async def ask(stage: Stage, fn: FunctionVersion, payload: bytes) -> Answer:
    async with opened(stage, fn, payload) as (answer, parts):
        answer.body += b"".join([part async for part in parts])
    return answer


@asynccontextmanager
async def opened(stage: Stage, fn: FunctionVersion, payload: bytes) -> AsyncIterator[tuple[Answer, Streaming]]:
    """Status and headers as soon as they are sent, and what follows."""
    async with stage.executor.stream(fn, payload) as response:
        assert response.kind, response.result and (response.result.payload, stage.lines)
        got = b""
        async for part in response:
            got += part
            if b"\0" * 8 in got:
                break
        prelude, _, body = got.partition(b"\0" * 8)
        made = json.loads(prelude)
        yield Answer(made["statusCode"], made["headers"], made["cookies"], body), response


def test_a_server_sees_the_request_as_the_viewer_sent_it(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = app(stage, ECHO)
        got = await ask(stage, fn, event("/a%20b/%E2%9C%93", method="POST", body=b"\0\xff\xfe\x01", query="q=a%20b&q=c",
                                         cookies=["x=1", "y=2"], headers={"x-forwarded-host": "shop.example.com",
                                                                          "transfer-encoding": "chunked"}))
        assert (got.status, got.cookies, got.headers["x-many"]) == (201, ["a=1; Path=/", "b=2"], "1, 2")
        told = got.json
        assert (told["method"], told["url"]) == ("POST", "/a%20b/%E2%9C%93?q=a%20b&q=c")
        assert told["headers"] == {
            "host": "shop.example.com", "x-forwarded-host": "shop.example.com", "x-forwarded-proto": "https",
            "cookie": "x=1; y=2", "content-length": "4", "connection": "close"}
        assert (told["bytes"], told["encrypted"], told["address"]) == ([0, 255, 254, 1], True, "203.0.113.9")
        plain = await ask(stage, fn, event(headers={"x-forwarded-proto": "http",
                                                    "cloudfront-viewer-address": "2001:db8::7:443"}))
        assert (plain.json["encrypted"], plain.json["address"], plain.json["size"]) == (False, "2001:db8::7", 0)

    play(tmp_path, story)


def test_no_connection_is_kept_while_the_sandbox_sleeps(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = app(stage, ECHO)
        assert [(await ask(stage, fn, event())).json["connections"] for _ in range(3)] == [1, 2, 3]

    play(tmp_path, story)


def test_three_megabytes_arrive(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        got = await ask(stage, app(stage, ECHO), event(method="PUT", body=bytes(range(256)) * 12 * 1024))
        assert got.json["size"] == 3 * 1024 * 1024

    play(tmp_path, story)


def test_links_are_decrypted_before_the_app_is_loaded(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        key, links = bytes(range(32)), {"Db": {"password": "s3cret", "type": "sst.aws.Postgres"}}
        sealed = AESGCM(key).encrypt(bytes(12), json.dumps(links).encode(), None)
        source = "const early = process.env.SST_RESOURCE_Db;\nif (!early) throw new Error('too late');\n" + ECHO
        fn = app(stage, source, files={"resource.enc": sealed}, environment={
            "SST_KEY_FILE": "resource.enc", "SST_KEY": base64.b64encode(key).decode()})
        got = (await ask(stage, fn, event())).json
        assert json.loads(got["secret"]) == links["Db"] and got["sdk"] == links

    play(tmp_path, story)


def test_a_request_without_the_key_of_the_edge_is_refused(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = app(stage, ECHO, environment={"SST_ORIGIN_KEY": "k" * 40})
        for headers in ({}, {"x-sst-key": "k" * 39}, {"x-sst-key": ""}):
            for method, body in (("GET", None), ("POST", b"x")):
                got = await ask(stage, fn, event(method=method, body=body, headers=headers))
                assert (got.status, got.body) == (403, b"Forbidden")
        got = await ask(stage, fn, event(headers={"x-sst-key": "k" * 40}))
        assert got.status == 201 and "x-sst-key" not in got.json["headers"]

    play(tmp_path, story)


def test_parts_are_sent_while_they_are_made(tmp_path: Path) -> None:
    sources = {"plain": """
        import http from "node:http"; import fs from "node:fs";
        http.createServer(async (request, response) => {
          response.write("first");
          while (!fs.existsSync(process.env.GO)) await new Promise((r) => setTimeout(r, 10));
          response.end("last");
        }).listen(3000);""", "fetch": """
        import fs from "node:fs";
        export default { async fetch(request) {
          const go = async (c) => {
            while (!fs.existsSync(process.env.GO)) await new Promise((r) => setTimeout(r, 10));
            c.enqueue(new TextEncoder().encode("last")); c.close();
          };
          const start = (c) => { c.enqueue(new TextEncoder().encode("first")); go(c); };
          return new Response(new ReadableStream({ start }));
        } };"""}

    async def story(stage: Stage) -> None:
        for name, source in sources.items():
            go = tmp_path / f"go-{name}"
            fn = app(stage, source, given="default" if name == "fetch" else "", name=name, environment={"GO": str(go)})
            async with opened(stage, fn, event()) as (answer, parts):
                while answer.body != b"first":
                    answer.body += await anext(aiter(parts))
                assert parts.result is None
                go.touch()
                assert b"".join([part async for part in parts]) == b"last"

    play(tmp_path, story)


def test_an_empty_body_is_an_answer_too(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = app(stage, """
            export default { async fetch(request) {
              const at = new URL(request.url);
              if (at.pathname === "/302") return Response.redirect("https://example.com/there", 302);
              const status = Number(at.pathname.slice(1)) || 200;
              return new Response(at.pathname === "/" ? "text" : null, {status, headers: {"x-at": at.href}});
            } };""", given="default")
        for method, path, status in (("GET", "/204", 204), ("GET", "/304", 304), ("HEAD", "/", 200),
                                     ("GET", "/302", 302), ("GET", "/empty", 200)):
            got = await ask(stage, fn, event(path, method=method))
            assert (got.status, got.body) == (status, b"")
            assert got.headers.get("x-at", got.headers.get("location")) in (f"https://url.on.aws{path}",
                                                                            "https://example.com/there")

    play(tmp_path, story)


def test_an_app_of_fetch_gets_bodies_and_sets_cookies(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = app(stage, """
            export const app = { async fetch(request) {
              const form = await request.formData();
              const headers = new Headers({"content-type": "text/plain"});
              headers.append("set-cookie", "a=1"); headers.append("set-cookie", "b=2, c");
              return new Response(`${form.get("name")} ${request.headers.get("cookie")}`, {headers});
            } };""", given="app")
        got = await ask(stage, fn, event(method="POST", body=b"name=M%C3%BCller", cookies=["s=1", "t=2"],
                                         headers={"content-type": "application/x-www-form-urlencoded"}))
        assert (got.body.decode(), got.cookies) == ("Müller s=1; t=2", ["a=1", "b=2, c"])
        broken = await ask(stage, fn, event(method="POST", body=b"{}", headers={"content-type": "application/json"}))
        assert (broken.status, broken.body) == (500, b"Internal Server Error")
        assert any("TypeError" in line for line in stage.lines)

    play(tmp_path, story)


def test_it_is_kept_warm_without_the_app(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = app(stage, ECHO, environment={"SST_ORIGIN_KEY": "k"})
        made = await stage.call(fn, {"type": "warmer", "delay": 5})
        assert json.loads(made.payload) == {"type": "warmer"}
        assert (await stage.failure(fn, {"Records": []}))["errorType"] == "NotHttp"

    play(tmp_path, story)


def test_an_app_that_does_not_start_says_why(tmp_path: Path) -> None:
    cases = [
        ("export default 5;", "default", "NotAServer", "the app gave neither a listener"),
        ("throw new RangeError('no database');", "", "RangeError", "no database"),
        ("process.exit(3);", "", "Runtime.ExitError", "exit status 3"),
        ("import http from 'node:http'; http.createServer().listen(3).emit('error', new Error('in use'));", "", "Error",
         "in use"),
        ("await new Promise(() => {});", "", "SiteNotStarted", "the app was not loaded within 1 seconds"),
        ("setInterval(() => {}, 1000);", "", "SiteNotStarted",
         "the app started no server, and exports no listener within 1 seconds"),
    ]

    async def story(stage: Stage) -> None:
        for i, (source, given, kind, message) in enumerate(cases):
            fn = app(stage, source, given=given, name=f"f{i}", environment={"SST_LISTEN_TIMEOUT": "1000"})
            error = await stage.failure(fn)
            assert error["errorType"] == kind and message in error["errorMessage"]
        told = [line for line in stage.lines if "the app ended" in line]
        assert len(told) == 1 and "exit status 3 before it listened" in told[0]

    play(tmp_path, story)
