"""Responses that are sent while they are made."""
from __future__ import annotations

import asyncio
import json
import shutil
import time
from pathlib import Path

import pytest

import sst
from sst.executor import FunctionVersion, Streaming

from .stage import Stage, play

HTTP = "application/vnd.awslambda.http-integration-response"
PYTHON = """
import os, time
class Streamed:
    prelude = {"statusCode": 201, "headers": {"x": "1"}, "cookies": ["a=b"]}
    def __init__(self, parts): self.parts = parts
    def __iter__(self): return iter(self.parts)
    def close(self): print("closed")
def parts(event):
    yield b"first"
    while event.get("until") and not os.path.exists(event["until"]):
        time.sleep(0.01)
    if event.get("fail"):
        raise KeyError("middle")
    if event.get("exit"):
        os._exit(1)
    for _ in range(event.get("megabytes", 0)):
        yield b"x" * (1 << 20)
    yield b"last"
def handler(event, context):
    return {"plain": 1} if event.get("plain") else Streamed(parts(event))
"""
NODE = """
import fs from "node:fs";
export const handler = awslambda.streamifyResponse(async (event, stream, context) => {
  stream = awslambda.HttpResponseStream.from(stream, {statusCode: 201, headers: {x: "1"}, cookies: ["a=b"]});
  await new Promise((sent) => stream.write("first", sent));
  while (event.until && !fs.existsSync(event.until)) await new Promise((r) => setTimeout(r, 10));
  if (event.fail) throw new TypeError("middle");
  if (event.exit) process.exit(1);
  stream.write("last");
  stream.end();
});
"""
PRELUDE = {"statusCode": 201, "headers": {"x": "1"}, "cookies": ["a=b"]}


def functions(stage: Stage) -> list[FunctionVersion]:
    return [stage.function(PYTHON, name="py"), stage.function(NODE, file="index.mjs", name="node")]


def _over(response: Streaming) -> bool:
    return response.result is not None


def test_the_first_byte_comes_before_the_end(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        for fn in functions(stage):
            go = tmp_path / f"go-{fn.name}"
            async with stage.executor.stream(fn, json.dumps({"until": str(go)}).encode()) as response:
                assert response.kind == HTTP
                parts, got = aiter(response), b""
                while not got.endswith(b"first"):
                    got += await anext(parts)
                assert not _over(response)
                go.touch()
                got += b"".join([part async for part in parts])
            prelude, _, body = got.partition(b"\0" * 8)
            assert (json.loads(prelude), body) == (PRELUDE, b"firstlast")
            assert response.result and response.result.error == "" and response.result.duration_ms > 0
            assert (await stage.executor.invoke(fn, b"{}")).payload.endswith(b"firstlast")
        assert stage.lines.count("closed") == 2

    play(tmp_path, story)


@pytest.mark.parametrize(("event", "kinds"), [({"fail": True}, ("KeyError", "TypeError")),
                                              ({"exit": True}, ("Runtime.ExitError",) * 2)])
def test_a_response_that_breaks_off_says_why_at_its_end(tmp_path: Path, event: dict[str, bool],
                                                        kinds: tuple[str, str]) -> None:
    async def story(stage: Stage) -> None:
        for fn, kind in zip(functions(stage), kinds, strict=True):
            async with stage.executor.stream(fn, json.dumps(event).encode()) as response:
                got = b"".join([part async for part in response])
            assert got.endswith(b"first")
            assert response.result and response.result.error == "Unhandled"
            assert json.loads(response.result.payload)["errorType"] == kind
            assert (await stage.executor.invoke(fn, b"{}")).payload.endswith(b"firstlast")

    play(tmp_path, story)


def test_a_timeout_in_the_middle_ends_the_response(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function(PYTHON, timeout=0.4)
        async with stage.executor.stream(fn, b'{"until": "/nowhere"}') as response:
            assert b"".join([part async for part in response]).endswith(b"first")
        assert response.result and b"Sandbox.Timedout" in response.result.payload

    play(tmp_path, story)


def test_a_handler_that_does_not_stream_gives_all_at_once(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        async with stage.executor.stream(stage.function(PYTHON), b'{"plain": 1}') as response:
            assert response.kind == "" and response.result and response.result.payload == b'{"plain": 1}'
            assert [part async for part in response] == []
        async with stage.executor.stream(stage.function("1/0", name="bad"), b"{}") as response:
            assert response.result and response.result.error == "Unhandled"

    play(tmp_path, story)


def test_a_slow_reader_slows_the_function_and_one_that_leaves_does_not_end_it(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function(PYTHON)
        async with stage.executor.stream(fn, b'{"megabytes": 30}') as response:
            async for _ in response:
                await asyncio.sleep(0.05)
                assert "closed" not in stage.lines
                break
        assert response.result and response.result.error == "" and "closed" in stage.lines
        assert not (await stage.executor.invoke(fn, b"{}")).cold
        assert b"Function.ResponseSizeTooLarge" in (await stage.executor.invoke(fn, b'{"megabytes": 7}')).payload

    play(tmp_path, story)


ASGI = """
import sys
from sst.runtime.web import handler
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 202,
                    "headers": [(b"set-cookie", b"a=b"), (b"content-type", b"text/plain")]})
        for part in (b"one ", scope["path"].encode()):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body"})
handler = handler(app)
"""
URL_EVENT = {
    "version": "2.0",
    "rawPath": "/x",
    "rawQueryString": "",
    "headers": {"host": "a"},
    "isBase64Encoded": False,
    "requestContext": {
        "domainName": "a",
        "stage": "$default",
        "http": {"method": "GET", "path": "/x", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
    },
}


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_web_app_streams_here_and_through_the_wrapper_used_on_aws(tmp_path: Path, wrapped: bool) -> None:
    async def story(stage: Stage) -> None:
        environment = {"SST_STREAMING": "1"} | ({"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"} if wrapped else {})
        fn = stage.function(ASGI, environment=environment)
        shutil.copytree(Path(sst.__file__).parent / "runtime", fn.code / "sst/runtime")
        shutil.copy(Path(sst.__file__).with_name("errors.py"), fn.code / "sst")
        script = 'echo wrapped\nunset SST_PATH SST_PACKAGES\nexec "$1" "$LAMBDA_TASK_ROOT/sst/runtime/client.py"'
        (fn.code / "wrapper").write_text(f"#!/bin/sh\n{script}\n")
        (fn.code / "wrapper").chmod(0o755)
        async with stage.executor.stream(fn, json.dumps(URL_EVENT).encode()) as response:
            got = b"".join([part async for part in response])
        prelude, _, body = got.partition(b"\0" * 8)
        assert json.loads(prelude) == {"statusCode": 202, "headers": {"content-type": "text/plain"}, "cookies": ["a=b"]}
        assert body == b"one /x" and ("wrapped" in stage.lines) == wrapped

    play(tmp_path, story)


@pytest.mark.slow
def test_more_than_200_mb_break_off(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function(PYTHON, timeout=30)
        size, began = 0, time.monotonic()
        async with stage.executor.stream(fn, b'{"megabytes": 201}') as response:
            async for part in response:
                size += len(part)
        assert 199 << 20 < size <= 200 << 20 and time.monotonic() - began < 30
        assert response.result and b"Function.ResponseSizeTooLarge" in response.result.payload
        assert (await stage.executor.invoke(fn, b"{}")).payload.endswith(b"firstlast")

    play(tmp_path, story)
