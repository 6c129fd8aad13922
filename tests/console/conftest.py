"""A console over a small app: its records are written by the recorder's own file, its state by hand."""
from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sst.console.server import ConsoleServer
from sst.console.serving import serve
from sst.core.model import Entry, State
from sst.embedded.record_file import RecordFile
from sst.project.backend import Backend
from sst.project.project import Project, open_project
from tests.browser import launch

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CONFIG = """
import sst
from sst import aws

def config(input):
    return sst.Config(name="shop")

def run():
    bucket = aws.Bucket("Pictures")
    aws.Function("Api", handler="src/api.handler", url=True, link=[bucket])
"""
HOOK = '<img src=x onerror="window.hurt=1">'


def function(name: str, path: str, **values: Any) -> State:
    arn = f"arn:aws:lambda:us-east-1:0:function:{name}"
    return State(f"sst.aws.Function/aws.lambda.Function::{path}/Function", "aws.lambda.Function", name,
                 {"name": name, "role": f"arn:aws:iam::0:role/{name}-role", "handler": "x", **values}, {"arn": arn},
                 base=name, parent=f"sst.aws.Function::{path}", where="sst_config.py:10", provider="aws", stack="web")


def policy(path: str, name: str, *statements: dict[str, Any]) -> State:
    return State(f"sst.aws.Function/aws.iam.RolePolicy::{path}/Policy", "aws.iam.RolePolicy", f"{name}/p",
                 {"role": f"{name}-role", "policy": {"Statement": list(statements)}}, provider="aws")


STATES = [
    State("sst.aws.Bucket/aws.s3.Bucket::Pictures/Bucket", "aws.s3.Bucket", "shop-pictures", {"name": "shop-pictures"},
          {"arn": "arn:aws:s3:::shop-pictures"}, where="sst_config.py:9", provider="aws", stack="data"),
    function("shop-api", "Api"),
    policy("Api", "shop-api", {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"],
                               "Resource": ["arn:aws:s3:::shop-pictures/*"]}),
    function("shop-thumb", "Pictures/Thumb"),
    State("sst.aws.Bucket/aws.s3.BucketNotification::Pictures/Notification", "aws.s3.BucketNotification",
          "shop-pictures", {"bucket": "shop-pictures", "functions": [
              {"arn": "arn:aws:lambda:us-east-1:0:function:shop-thumb", "events": ["s3:ObjectCreated:*"],
               "prefix": "originals/", "suffix": ""}]}, provider="aws"),
]


def fill(folder: Path, *, calls: int = 0) -> None:
    """One request over two hops, of which the second fails twice; then ``calls`` of one line each."""
    file, now = RecordFile(folder / "console.db", calls=200_000), time.time() - 30
    error = {"errorType": "KeyError", "errorMessage": HOOK, "stackTrace": [
        f'  File "{folder.parents[1]}/src/api.py", line 2, in handler\n    raise KeyError\n']}

    def call(n: int, function: str, trace: str, parent: str, span: str, **more: Any) -> list[Any]:
        begun = {"request": f"{n:08d}-request", "function": function, "trace": trace, "parent": parent, "span": span,
                 "began": now + n, "memory_limit": 1024, "runtime": "python3.11", "trigger": "GET /a", "event":
                 '{"a": 1}', "event_size": 8} | {k: more.pop(k) for k in ("trigger", "event") if k in more}
        ended = {"request": begun["request"], "ms": 5.0, "took": 6.0, "memory": 40, "response": "null"}
        return [("invocation", begun), ("invocation", ended | more)]

    failing = {"error": "KeyError", "message": HOOK, "failed": 1, "response": json.dumps(error)}
    put = f"originals/{HOOK}"
    file.write([
        *call(1, "shop-api", "1-one", "", "a1", trigger=f"POST /{HOOK}", event=json.dumps({"body": HOOK}), status=202),
        ("call", {"trace": "1-one", "parent": "a1", "span": "c1", "began": now + 1.001, "ms": 2.0, "service": "s3",
                  "action": "PutObject", "resource": f"shop-pictures/{put}", "status": 200, "function": "shop-api"}),
        *call(2, "shop-thumb", "1-one", "c1", "a2", trigger=f"s3 ObjectCreated:Put {put}", **failing),
        *call(3, "shop-thumb", "1-one", "c1", "a3", trigger=f"s3 ObjectCreated:Put {put}", **failing),
        ("line", {"request": "00000002-request", "function": "shop-thumb", "at": now + 2.002, "level": "ERROR",
                  "text": HOOK})])
    rows = [row for n in range(10, 10 + calls)
            for row in call(n, "shop-api", f"1-{n}", "", f"s{n}", event=json.dumps({"n": n, "pad": "x" * 700}))]
    for first in range(0, len(rows), 20_000):
        file.write(rows[first:first + 20_000])
    file.close()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    root = tmp_path / "shop"
    (root / "src").mkdir(parents=True)
    (root / "sst_config.py").write_text(CONFIG)
    (root / "src" / "api.py").write_text("def handler(event, context):\n    raise KeyError\n")
    (root / ".sst" / "local").mkdir(parents=True, mode=0o700)
    return open_project(root / "sst_config.py", stage="local", environ={})


def deployed(project: Project) -> None:
    backend = opened(project)
    with backend.stage.locked("deploy") as session:
        for state in STATES:
            session.write(Entry("made", state.urn, state=state))
        session.save()
    backend.close()


def opened(project: Project) -> Backend:
    def none() -> Any:
        raise AssertionError("no page starts a cloud")

    return Backend(project, none)


def served(project: Project, **options: Any) -> ConsoleServer:
    return serve(project, opened, lambda: open_project(project.program.file, stage="local", environ={}), **options)


@pytest.fixture
def console(project: Project) -> Iterator[ConsoleServer]:
    deployed(project)
    fill(project.root / ".sst" / "local")
    server = served(project)
    yield server
    server.close()


def ask(server: ConsoleServer, path: str, body: object = None, method: str = "",
        **headers: str | None) -> tuple[int, Any, dict[str, str]]:
    """Status, JSON (or bytes), headers. ``headers`` replace those of the page; None leaves one out."""
    own = {"authorization": f"Bearer {server.token}"} | (
        {"content-type": "application/json", "x-sst-console": "1"} if body is not None else {})
    sent = {k: v for k, v in (own | {k.replace("_", "-"): v for k, v in headers.items()}).items() if v is not None}
    data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}/{path}", data, sent, method=method or None)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            status, content, got = answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        status, content, got = error.code, error.read(), dict(error.headers)
    return status, json.loads(content) if got["Content-Type"] == "application/json" else content, got


# the page in a real browser

DRAWN = "main h1, main .canvas, main .rows, main .detail, main .note"
"""There once a page has its data."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """While it is there this thread has a running event loop: `asyncio.run` of other tests would refuse to start."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        made = launch(playwright, "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
        yield made
        made.close()


@pytest.fixture
def page(browser: Browser, console: ConsoleServer) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    made = context.new_page()
    made.errors = []  # type: ignore[attr-defined]  # ours
    made.on("pageerror", lambda error: made.errors.append(str(error)))  # type: ignore[attr-defined]
    made.on("console", lambda message: message.type == "error" and made.errors.append(message.text))  # type: ignore[attr-defined]
    made.goto(console.url)
    made.wait_for_selector("h1")
    yield made
    context.close()


def shown(page: Page, hash: str) -> None:
    page.evaluate(f"location.hash = {json.dumps('#/' + hash)}")
    until(page, "!document.querySelector('.loading')")


def until(page: Page, expression: str, *, seconds: float = 20) -> None:
    """`Page.wait_for_function` evaluates text in the page, which its policy forbids."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < deadline, expression
        page.wait_for_timeout(30)
