"""Errors as the page shows them, and requests that begin in a Node function: of code that is deployed, and live."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tests.browser import needs_browser

from ..dev.live import Dev
from ..e2e.project import SST, Project
from .test_uploads import eventually, go

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.long, pytest.mark.emulator, needs_browser,
              pytest.mark.skipif(not shutil.which("npm"), reason="needs npm")]
FILES = {
    "sst_config.py": """
import sst
from sst import aws

def config(input):
    return sst.Config(name="failing", removal="remove")

def run():
    bucket = aws.Bucket("Pictures")
    bucket.subscribe({"handler": "src/thumb.handler", "link": [bucket]}, events=["s3:ObjectCreated:*"])
    made = {name: aws.Function(name, handler=handler, url=True, link=[bucket]) for name, handler in {
        "Group": "src/errors.group", "Chain": "src/errors.chain", "Fast": "src.web:app", "Up": "functions/up.handler",
    }.items()}
    return {name: f.url for name, f in made.items()}
""",
    "pyproject.toml": '[project]\nname = "failing"\nversion = "1"\nrequires-python = ">=3.11"\n'
                      'dependencies = ["fastapi", "boto3"]\n',
    "package.json": '{"name": "failing", "version": "1.0.0", "type": "module", "dependencies": '
                    '{"@aws-sdk/client-s3": "^3.700.0"}}',
    "src/errors.py": """
def parse(text):
    return int(text)

def group(event, context):
    found = []
    for text in ("one", "two"):
        try:
            parse(text)
        except ValueError as error:
            found.append(error)
    raise ExceptionGroup("two are no numbers", found)

def chain(event, context):
    try:
        parse("three")
    except ValueError as error:
        raise RuntimeError("the order is not readable") from error
""",
    "src/web.py": """
from fastapi import FastAPI

app = FastAPI()

@app.get("/prices/{name}")
def price(name: str) -> dict[str, int]:
    return {"price": {"apple": 3}[name]}
""",
    "src/thumb.py": """
import boto3
from sst import Resource

s3 = boto3.client("s3")

def handler(event, context):
    for record in event["Records"]:
        s3.get_object(Bucket=Resource.Pictures.name, Key=record["s3"]["object"]["key"])
""",
    "functions/up.mjs": """
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";

const s3 = new S3Client({});
const pictures = JSON.parse(process.env.SST_RESOURCE_Pictures);

export const handler = async (event) => {
  await s3.send(new PutObjectCommand({ Bucket: pictures.name, Key: event.rawPath.slice(1), Body: "a picture" }));
  return { statusCode: 202 };
};
""",
}


class Opened:
    """A console over the app, and the addresses of its functions."""

    def __init__(self, project: Project, url: str) -> None:
        self.project, self.url = project, url

    def call(self, name: str, path: str = "") -> int:
        try:
            with urllib.request.urlopen(f"{self.project.outputs()[name].rstrip('/')}/{path}", timeout=60) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    def get(self, path: str) -> Any:
        place, _, token = self.url.partition("/#token=")
        asked = urllib.request.Request(f"{place}/api/{path}", headers={"authorization": f"Bearer {token}"})
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return json.load(answer)

    def uploaded(self, name: str) -> None:
        """A Node function puts an object, of which a Python one is told: their trace is exact."""
        assert self.call("Up", name) == 202

        def whole() -> Any:
            rows = self.get("invocations?filter=" + quote(f'trigger:"GET /{name}"'))["rows"]
            trace = self.get(f"trace/{rows[0]['trace']}") if rows else {"invocations": [], "calls": []}
            ended = [i for i in trace["invocations"] if i["ms"] is not None]
            return trace if len(ended) == len(trace["calls"]) == 2 else None

        trace = eventually(whole)
        up, thumb = trace["invocations"]
        put, got = trace["calls"]
        assert (up["title"], put["action"], put["resource"]) == ("Up", "PutObject", name)
        assert (put["parent"], thumb["parent"], got["parent"]) == (up["span"], put["span"], thumb["span"])
        assert got["action"] == "GetObject" and thumb["detail"] == "src/thumb.handler"


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    made = Project(tmp_path_factory.mktemp("failing") / "failing")
    made.write(FILES)
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"], cwd=made.root,
                   check=True, capture_output=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SST_"))}
    made.sst("deploy")
    try:
        with subprocess.Popen([SST, "console", "--stage", "local", "--no-open"], cwd=made.root, env=environment,
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as console:
            assert console.stdout
            yield Opened(made, console.stdout.readline().strip())
            console.terminate()
    finally:
        made.run("local", "reset", "--yes")


@pytest.fixture
def page(browser: Browser, opened: Opened) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    made = context.new_page()
    made.goto(opened.url)
    made.wait_for_selector("nav")
    yield made
    context.close()


def failure(page: Page, opened: Opened, name: str, path: str = "") -> list[str]:
    """The cards of an error, as they are shown."""
    assert opened.call(name, path) in (500, 502)
    eventually(lambda: opened.get("invocations?filter=" + quote(f'failed fn:"{name}"'))["rows"])
    go(page, "invocations?filter=" + quote(f'failed fn:"{name}"'))
    page.wait_for_selector(".err .src .hit")
    cards: list[str] = page.locator(".err").all_inner_texts()
    return cards


def test_a_group_has_its_members(page: Page, opened: Opened) -> None:
    cards = failure(page, opened, "Group")
    whole = "\n".join(cards)
    assert len(cards) == 3 and "ExceptionGroup" in whole and "two are no numbers" in whole
    assert "'one'" in whole and "'two'" in whole and whole.count("src/errors.py:3") == 2


def test_an_error_has_its_cause(page: Page, opened: Opened) -> None:
    first, second = failure(page, opened, "Chain")
    assert "ValueError" in first and "src/errors.py:3" in first
    assert "which caused" in second and "RuntimeError" in second and "src/errors.py:18" in second
    assert page.locator(".err .hit").last.inner_text().endswith('raise RuntimeError("the order is not readable") '
                                                                "from error")


def test_the_users_own_frame_comes_before_those_of_a_framework(page: Page, opened: Opened) -> None:
    [card] = failure(page, opened, "Fast", "prices/pear")
    assert "KeyError" in card and "src/web.py:8" in card and "library frames folded" in card
    assert card.index("src/web.py:8") < card.index("library frames folded")
    assert 'return {"price"' in page.locator(".err .hit").inner_text()


def test_a_request_that_begins_in_node(opened: Opened) -> None:
    opened.uploaded("deployed.jpg")


def test_the_same_in_sst_dev(opened: Opened) -> None:
    dev = Dev(opened.project.root)
    try:
        dev.until("ready:", seconds=60)
        opened.uploaded("live.jpg")
        [row] = opened.get("invocations?filter=" + quote('trigger:"GET /live.jpg"'))["rows"]
        assert row["title"] == "Up" and dev.until("live.jpg")
    finally:
        dev.interrupt()
        dev.kill()
