"""Custom runtimes: somebody else's client of the Runtime API, started as ``bootstrap``."""
from __future__ import annotations

import asyncio
import json
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from .stage import Stage, play

BOOTSTRAP = f"#!/bin/sh\nexec {sys.executable} -I \"$LAMBDA_TASK_ROOT/runtime.py\"\n"
RUNTIME = """
import http.client, json, os, sys, time
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
def ask(method, path, body=None, headers={}):
    api.request(method, "/2018-06-01/runtime" + path, body, headers, encode_chunked="Transfer-Encoding" in headers)
    answer = api.getresponse()
    return answer.headers, answer.read(), answer.status
if os.environ["_HANDLER"] == "bad":
    ask("POST", "/init/error", '{"errorMessage": "no such handler", "errorType": "My.NoHandler"}')
    sys.exit(1)
while True:
    headers, body, _ = ask("GET", "/invocation/next")
    id = headers["Lambda-Runtime-Aws-Request-Id"]
    event = json.loads(body)
    print("got", event, flush=True)
    if event == "fail":
        ask("POST", f"/invocation/{id}/error", "{}", {"Lambda-Runtime-Function-Error-Type": "My.Error"})
    elif event == "stream":
        ask("POST", f"/invocation/{id}/response", iter([b"a", b"b"]),
            {"Lambda-Runtime-Function-Response-Mode": "streaming", "Transfer-Encoding": "chunked",
             "Content-Type": "text/plain"})
    elif event == "wrong":
        _, _, status = ask("POST", "/invocation/other/response", "1")
        ask("POST", f"/invocation/{id}/response", json.dumps(status))
    else:
        facts = [os.environ["AWS_LAMBDA_RUNTIME_API"], os.getcwd(), headers["Lambda-Runtime-Deadline-Ms"],
                 headers["Lambda-Runtime-Trace-Id"]]
        ask("POST", f"/invocation/{id}/response", json.dumps(facts))
"""


def test_a_bootstrap_serves_calls(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        stage.function(RUNTIME, file="runtime.py")
        fn = stage.function(BOOTSTRAP, file="bootstrap", runtime="provided.al2023", handler="any")
        address, cwd, deadline, trace = await stage.value(fn, {"a": 1})
        assert address.startswith("127.0.0.1:") and address.removeprefix("127.0.0.1:").isdigit()
        assert cwd == str(fn.code) and int(deadline) > 0 and trace.startswith("Root=1-")
        assert await stage.failure(fn, "fail") == {"errorType": "My.Error", "errorMessage": ""}
        assert await stage.value(fn, "wrong") == 400
        async with stage.executor.stream(fn, b'"stream"') as response:
            assert response.kind == "text/plain" and b"".join([part async for part in response]) == b"ab"
        assert not (await stage.call(fn)).cold
        assert "got {'a': 1}" in stage.lines

    play(tmp_path, story)


def test_an_init_error_of_its_own(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        stage.function(RUNTIME, file="runtime.py")
        fn = stage.function(BOOTSTRAP, file="bootstrap", runtime="provided.al2023", handler="bad")
        assert await stage.failure(fn) == {"errorMessage": "no such handler", "errorType": "My.NoHandler"}

    play(tmp_path, story)


def test_without_a_bootstrap_the_answer_says_what_is_missing(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        error = await stage.failure(stage.function("", runtime="provided.al2023"))
        assert error["errorType"] == "Runtime.InvalidEntrypoint"
        assert error["errorMessage"].endswith("needs an executable called bootstrap in the bundle or in a layer")

    play(tmp_path, story)


def test_a_wrapper_in_a_layer_starts_the_runtime(tmp_path: Path) -> None:
    (tmp_path / "layer/bin").mkdir(parents=True)
    wrapper = tmp_path / "layer/bin/wrap"
    wrapper.write_text('#!/bin/sh\nexport WRAPPED=yes\nexec "$@"\n')
    wrapper.chmod(0o755)

    async def story(stage: Stage) -> None:
        source = "import os\ndef handler(event, context): return os.environ['WRAPPED']"
        layers = (tmp_path / "layer",)
        fn = stage.function(source, environment={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/bin/wrap"}, layers=layers)
        assert await stage.value(fn) == "yes"
        missing = stage.function(source, name="g", environment={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/bin/none"},
                                 layers=layers)
        assert "names /opt/bin/none, which is in no layer" in (await stage.failure(missing))["errorMessage"]

    play(tmp_path, story)


@pytest.mark.parametrize(("path", "headers", "status"), [
    ("/wrong-token/2018-06-01/runtime/invocation/next", {}, 403), ("/2018-06-01/runtime/invocation/next", {}, 403),
    ("{token}/2018-06-01/runtime/other", {}, 404), ("{token}/2018-06-01/runtime/invocation/next",
                                                    {"Origin": "http://a.example"}, 0)])
def test_the_runtime_api_is_for_its_sandbox_alone(tmp_path: Path, path: str, headers: dict[str, str],
                                                  status: int) -> None:
    async def story(stage: Stage) -> None:
        fn = stage.function("import os\ndef handler(event, context): return os.environ['AWS_LAMBDA_RUNTIME_API']")
        address, _, token = (await stage.value(fn)).partition("/")
        url = f"http://{address}{path.format(token='/' + token)}"
        assert await asyncio.to_thread(_status, url, headers) == status

    play(tmp_path, story)


PIPELINED = r"""
import json, os, socket
at = os.environ["AWS_LAMBDA_RUNTIME_API"]
host, _, port = at.partition(":")
line = socket.create_connection((host, int(port)))
answers = line.makefile("rb")
def read():
    status, headers = answers.readline().split()[1], {}
    while name := answers.readline().strip():
        key, _, value = name.decode().partition(": ")
        headers[key.lower()] = value
    return int(status), headers, answers.read(int(headers["content-length"]))
ask = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n"
line.sendall(ask)
before = []
while True:
    _, headers, event = read()
    body = json.dumps([json.loads(event), before]).encode()
    post = b"POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\ncontent-length: %d\r\n\r\n"
    id = headers["lambda-runtime-aws-request-id"].encode()
    wrong = post % (b"other", 1) + b"1"
    text = wrong + post % (id, len(body)) + body + ask
    for part in ([text] if event != b'"slow"' else [text[:-9], text[-9:]]):
        line.sendall(part)
        if len(part) == len(text) - 9:
            before = [read()[0], read()[0]]
    if event != b'"slow"':
        before = [read()[0], read()[0]]
"""


def test_a_runtime_may_ask_for_the_next_event_together_with_its_response(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        stage.function(PIPELINED, file="runtime.py")
        fn = stage.function(BOOTSTRAP, file="bootstrap", runtime="provided.al2023", handler="any")
        assert await stage.value(fn, 1) == [1, []]
        assert await stage.value(fn, "slow") == ["slow", [400, 202]]
        assert await stage.value(fn, 3) == [3, [400, 202]]

    play(tmp_path, story)


def _status(url: str, headers: dict[str, str]) -> int:
    """0: it hung up."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as e:
        with e:
            assert json.loads(e.read())["errorType"]
        return e.code
    except (OSError, ValueError):
        return 0
