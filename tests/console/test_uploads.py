"""examples/uploads in the console: one request over all hops, what failed and where, who may do what, no secret."""
from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tests.browser import needs_browser

from ..e2e.project import SST, Project
from .conftest import until
from .test_accessibility import Checked
from .test_browser import INJECTED

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

UPLOADS = Path(__file__).parents[2] / "examples/uploads"
SECRET = "let-me-in"
LEAK = """    leak = aws.Function("Leak", handler="src/leak.handler", url=True, link=[token],
                        environment={"TOKEN": token.value})
    return {"leak": leak.url, "api": api.url,"""
LEAKS = """
import base64, os

def handler(event, context):
    token = os.environ["TOKEN"]
    print("printed", token, base64.b64encode(b"xy" + token.encode()).decode())
    raise ValueError(f"it is {token}")
"""
EDGES = """
Api -> ApiRouteGetPhotosName/Handler event
Api -> ApiRoutePostPhotosName/Handler event
ApiRouteGetPhotosName/Handler -> Photos grant
ApiRouteGetPhotosName/Handler -> Pictures grant
ApiRoutePostPhotosName/Handler -> Photos grant
ApiRoutePostPhotosName/Handler -> Pictures grant
Badge -> Api address
Done -> DoneSubscriber/Function event
DoneSubscriber/Function -> Photos grant
Pictures -> Pictures/Subscriber event
Pictures/Subscriber -> Done grant
Pictures/Subscriber -> Photos grant
Pictures/Subscriber -> Pictures grant
Tidy -> Tidy/Handler event
Tidy/Handler -> Photos grant
"""
pytestmark = [pytest.mark.long, pytest.mark.emulator, needs_browser]


class Opened:
    """A console over the deployed app, and what was posted to it."""

    def __init__(self, project: Project, url: str) -> None:
        self.project, self.url = project, url
        outputs = json.loads(project.sst("outputs", "--json"))
        self.api, self.leak = outputs["api"], outputs["leak"]

    def get(self, path: str) -> Any:
        return json.loads(self.bytes(path))

    def bytes(self, path: str, body: object = None) -> bytes:
        place, _, token = self.url.partition("/#token=")
        headers = {"authorization": f"Bearer {token}"} | ({} if body is None else {
            "content-type": "application/json", "x-sst-console": "1"})
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(f"{place}/api/{path}", data, headers), timeout=30) as answer:
            return bytes(answer.read())

    def show(self, name: str) -> int:
        """The status of that picture's facts."""
        try:
            with urllib.request.urlopen(f"{self.api}/photos/{name}", timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    def calls(self, part: str) -> int:
        return int(self.get("invocations?filter=" + quote(f'fn:"{part}"'))["count"])

    def plan(self) -> dict[str, str]:
        """What the next deploy does, by component."""
        return {p["name"]: p["op"] for p in self.get("graph?plan=1")["parts"] if p["op"]}

    def post(self, name: str, picture: bytes) -> int:
        asked = urllib.request.Request(f"{self.api}/photos/{name}", picture, {
            "authorization": f"Bearer {SECRET}", "content-type": "image/jpeg"}, method="POST")
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return int(answer.status)


def eventually(look: Callable[[], Any], seconds: float = 40) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    root = tmp_path_factory.mktemp("uploads") / "uploads"
    shutil.copytree(UPLOADS, root, ignore=shutil.ignore_patterns(".sst", ".venv", "__pycache__", "tests"))
    made = Project(root)
    program = (root / "sst_config.py").read_text()
    (root / "sst_config.py").write_text(program.replace("    return {\"api\": api.url,", LEAK))
    (root / "src/leak.py").write_text(LEAKS)
    made.sst("deploy")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SST_"))}
    try:
        with subprocess.Popen([SST, "console", "--stage", "local", "--no-open"], cwd=root, env=environment, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as console:
            assert console.stdout
            yield Opened(made, console.stdout.readline().strip())
            console.terminate()
    finally:
        made.run("local", "reset", "--yes")


@pytest.fixture
def page(browser: Browser, opened: Opened) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1360, "height": 850})
    made = context.new_page()
    made.goto(opened.url)
    made.wait_for_selector("nav")
    yield made
    context.close()


def go(page: Page, hash: str) -> None:
    page.evaluate(f"location.hash = {json.dumps('#/' + hash)}")


@pytest.fixture(scope="module")
def picture(opened: Opened) -> dict[str, Any]:
    """The whole trace of a picture that was posted."""
    from PIL import Image

    made = io.BytesIO()
    Image.new("RGB", (400, 300), (40, 120, 200)).save(made, "JPEG")
    assert opened.post("hill", made.getvalue()) == 202

    def whole() -> Any:
        rows = opened.get("invocations?filter=" + quote('trigger:"POST /photos/hill"'))["rows"]
        trace = opened.get(f"trace/{rows[0]['trace']}") if rows else {"invocations": [], "calls": []}
        ended = [i for i in trace["invocations"] if i["ms"] is not None]
        return trace if len(ended) == 3 and len(trace["calls"]) == 6 else None

    found: dict[str, Any] = eventually(whole)
    return found


def test_one_request_over_all_hops(page: Page, opened: Opened, picture: dict[str, Any]) -> None:
    functions = {i["span"]: i["detail"] for i in picture["invocations"]}
    calls = {c["span"]: c for c in picture["calls"]}
    by = {(functions[c["parent"]], c["action"]) for c in picture["calls"]}
    assert by == {("src/api.upload", "PutObject"), *(("src/thumbnail.handler", a) for a in (
        "GetObject", "PutObject", "PutItem", "SendMessage")), ("src/announce.handler", "UpdateItem")}
    caused = {functions[i["span"]]: calls[i["parent"]]["action"] for i in picture["invocations"]
              if i["parent"] in calls}
    assert caused == {"src/thumbnail.handler": "PutObject", "src/announce.handler": "SendMessage"}
    go(page, "invocations?filter=" + quote('trigger:"POST /photos/hill"'))
    page.wait_for_selector("text=3 function calls, 6 AWS calls")


def test_a_call_is_on_the_page_a_second_after_its_answer(page: Page, opened: Opened, picture: dict[str, Any]) -> None:
    go(page, "invocations")
    page.wait_for_selector(".inv:has-text('POST /photos/hill')")
    page.wait_for_selector(".live:has-text('live')")
    assert opened.show("nobody") == 404
    page.wait_for_selector(".inv:has-text('GET /photos/nobody')", timeout=1_000)


def test_what_failed_and_where(page: Page, opened: Opened, picture: dict[str, Any]) -> None:
    assert opened.post("broken", b"not a picture") == 202
    page.wait_for_selector("h1:has-text('failed for 1 of 2 events')", timeout=40_000)
    page.wait_for_selector("text=UnidentifiedImageError")
    page.click("main code:has-text('src/thumbnail.py:')")
    page.wait_for_selector(".src .hit:has-text('Image.open')")
    assert "library frame" in page.locator(".err").first.inner_text()


def test_the_edges_are_those_of_the_app(opened: Opened, picture: dict[str, Any]) -> None:
    edges = opened.get("graph")["edges"]
    assert {f"{e['source']} -> {e['target']} {e['kind']}" for e in edges} == set(EDGES.split("\n")) - {""}
    use = {(e["source"], e["target"]): e for e in edges}
    assert use["Pictures/Subscriber", "Photos"]["verdict"] == "only writes"


def test_what_was_granted_and_never_used(page: Page, opened: Opened, picture: dict[str, Any]) -> None:
    """Until the address that a function signed is fetched: that is a use of its permission."""
    reader = "ApiRouteGetPhotosName/Handler"

    def verdicts() -> bool:
        return {w["target"]: w["verdict"] for w in opened.get("overview")["wide"] if w["source"] == reader} == {
            "Pictures": "not used in 61 calls", "Photos": "only reads"}

    begun = opened.calls(reader)
    for _ in range(61 - begun):
        assert opened.show("hill") == 200
    eventually(verdicts)
    go(page, "overview")
    page.wait_for_selector("section[aria-label='May do more than it does'] .kv:has-text('Pictures'):has-text("
                           "'not used in 61 calls')")
    with urllib.request.urlopen(f"{opened.api}/photos/hill", timeout=30) as answer:
        signed = json.load(answer)["url"]
    with urllib.request.urlopen(signed, timeout=30) as answer:
        assert answer.read().startswith(b"\x89PNG")
    until(page, "/Pictures\\s+only reads/.test(document.querySelector(\"[aria-label='May do more than it does']\")"
                ".innerText)", seconds=20)
    assert opened.calls(reader) == 62


def test_the_plan_on_the_graph(page: Page, opened: Opened) -> None:
    """New, changed and removed components; the same file for the same state."""
    program = opened.project.root / "sst_config.py"
    before = program.read_text()
    try:
        program.write_text(before.replace('visibility_timeout="1 minute"', 'visibility_timeout="2 minutes"').replace(
            "rate(1 hour)", "rate(2 hours)").replace(
            "    return bucket, photos, done", '    aws.Queue("Failed")\n    return bucket, photos, done'))
        assert opened.plan() == {"Done": "update", "Tidy": "update", "Failed": "create"}
        go(page, "graph")
        page.wait_for_selector(".node")
        page.keyboard.press("p")
        page.wait_for_selector(".node:has-text('Failed'):has-text('create')", timeout=20_000)
        page.wait_for_selector(".node:has-text('Done'):has-text('update: visib')")
        program.write_text(before.replace(before[before.index("    aws.Cron("):before.index("    leak = ")], ""))
        assert opened.plan()["Tidy"] == "delete"
    finally:
        program.write_text(before)
    one, two = (opened.project.sst("graph", "--format", form) for form in ("svg", "svg"))
    assert one == two and one.startswith("<svg")


def test_replay_and_save_as_test(page: Page, opened: Opened, picture: dict[str, Any]) -> None:
    go(page, "invocations?filter=" + quote('trigger:"POST /photos/hill"'))
    page.wait_for_selector(".detail h1")
    first = page.locator("section[aria-label='Trace of the request'] .wr.me").count()
    assert first == 1
    page.keyboard.press("r")
    page.wait_for_selector("text=It was called again.", timeout=30_000)
    page.wait_for_selector(".inv:has-text('replay')")
    again = opened.get("invocations?filter=" + quote('trigger:"POST /photos/hill"'))["rows"]
    made, former = again[0], again[-1]
    assert made["replay_of"] == former["request"] and made["status"] == former["status"] == 202
    assert opened.get(f"invocations/{made['id']}")["response"] == opened.get(f"invocations/{former['id']}")["response"]
    page.keyboard.press("e")
    event = json.loads(page.input_value("[role=dialog] textarea"))
    event["pathParameters"]["name"] = "edited"
    event["headers"]["authorization"] = "Bearer a-wrong-one"
    page.fill("[role=dialog] textarea", json.dumps(event))
    page.click("[role=dialog] footer button")
    page.wait_for_selector("[role=dialog] pre:has-text('a wrong token')", timeout=30_000)
    page.keyboard.press("Escape")
    until(page, "!document.querySelector('[role=dialog]')")
    page.keyboard.press("t")
    page.wait_for_selector("[role=dialog] pre")
    page.fill("[role=dialog] input", "posted")
    page.wait_for_selector("text=tests/test_posted.py")
    page.click("text=Write the files")
    page.wait_for_selector("text=pytest tests/test_posted.py")
    assert SECRET not in (opened.project.root / "tests/events/posted.json").read_text()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SST_", "PYTEST_"))}
    ran = subprocess.run([sys.executable, "-m", "pytest", "-q", "tests/test_posted.py"], cwd=opened.project.root,
                         env=environment, capture_output=True, text=True, timeout=240, stdin=subprocess.DEVNULL)
    assert ran.returncode == 0 and "1 passed" in ran.stdout, ran.stdout + ran.stderr


def test_data_of_strangers_does_not_run(page: Page, opened: Opened) -> None:
    client = opened.project.client("s3")
    bucket = next(b["Name"] for b in client.list_buckets()["Buckets"] if "pictures" in b["Name"])
    for n, text in enumerate(INJECTED):
        client.put_object(Bucket=bucket, Key=f"hurt/{n}{text.replace('/', '|')}", Body=text.encode(),
                          ContentType="text/html")
    go(page, "data?name=Pictures&folder=hurt/")
    until(page, f"document.querySelectorAll('tbody tr').length === {len(INJECTED)}")
    for row in range(len(INJECTED)):
        page.locator("tbody button").nth(row).click()
        page.wait_for_selector(".detail h1")
    assert page.evaluate("window.hurt") is None
    assert page.locator(".detail img, .detail iframe, .detail svg").count() == 0


def test_an_item_is_edited_and_a_message_is_sent(page: Page, picture: dict[str, Any]) -> None:
    go(page, "data?name=Photos")
    page.click("tbody button:has-text('hill')")
    page.click(".detail button:has-text('Edit')")
    text = page.input_value("[role=dialog] textarea")
    page.fill("[role=dialog] textarea", json.dumps({**json.loads(text), "seen": {"BOOL": True}}))
    page.click("[role=dialog] footer button")
    page.wait_for_selector("text=Done.")
    page.keyboard.press("Escape")
    page.wait_for_selector(".detail pre:has-text('seen')")
    go(page, "data?name=Done")
    page.click("button:has-text('Send')")
    page.click("[role=dialog] footer button")
    page.wait_for_selector("text=Done.")


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing_in_data_and_dialogs(browser: Browser, opened: Opened, picture: dict[str, Any],
                                               theme: str) -> None:
    """Each kind of data, one of its items, and the dialogs of what is done with it."""
    made = Checked(browser, opened.url, theme)

    def look(where: str, *clicks: str) -> None:
        go(made.page, where)
        until(made.page, "!document.querySelector('.loading')")
        for text in clicks:
            made.page.wait_for_selector(text)
            made.page.locator(text).first.click()
            until(made.page, "!document.querySelector('.loading')")
        made.page.wait_for_timeout(100)
        made.look(f"{where} {clicks}")
        made.page.keyboard.press("Escape")

    look("data?name=Pictures")
    look("data?name=Pictures&folder=thumbnails/", "tbody button", ".detail button:has-text('Delete')")
    look("data?name=Pictures&folder=thumbnails/", "tbody button")
    look("data?name=Pictures", "button:has-text('Upload')")
    look("data?name=Photos", "tbody button", ".detail button:has-text('Edit')")
    look("data?name=Photos", "tbody button")
    look("data?name=Photos", "button:has-text('PartiQL')")
    look("data?name=Done", "button:has-text('Send')")
    look("data?name=Tidy", "button:has-text('Run now')")
    look("graph?plan=1")
    look("graph", "button:has-text('As a table')")
    call = f"invocations?id={picture['invocations'][0]['id']}"
    look(call, "button:has-text('Edit and replay')")
    look(call, "button:has-text('Save as test')")
    look("deploys")
    made.close()


def test_a_secret_is_in_no_byte(opened: Opened, picture: dict[str, Any]) -> None:
    """It is in a header, a body, an environment, a line, an error and base64, of recorded calls."""
    opened.post("secret", f"a picture of {SECRET}".encode())
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(urllib.request.Request(f"{opened.leak}/{SECRET}?q={SECRET}", SECRET.encode(), {
            "authorization": f"Bearer {SECRET}", "x-other": f"{SECRET}"}), timeout=30)
    eventually(lambda: [r for r in opened.get("invocations?filter=" + quote('fn:"Leak"'))["rows"]
                        if r["ms"] is not None])
    forms = {SECRET, b64encode(SECRET.encode()).decode().rstrip("="), *(
        b64encode((" " * n + SECRET).encode()).decode()[4:-4] for n in (1, 2))}
    eventually(lambda: [r for r in opened.get("invocations?filter=" + quote('trigger:"POST /photos/secret"'))["rows"]
                        if r["ms"] is not None])
    rows = opened.get("invocations?filter=" + quote('fn:"Leak"'))["rows"]
    ids = [r["id"] for r in opened.get("invocations?limit=40")["rows"]]
    answers = [opened.bytes(path) for path in (
        "app", "overview", "graph", "plan", "deploys", "deploys/1", "invocations", "logs", "secrets", "metrics",
        "browse", "job", "browse/Photos", "browse/Pictures", *(f"invocations/{n}" for n in ids))]
    opened.project.sst("console", "--export", "app.html")
    files = [file.read_bytes() for file in (opened.project.root / ".sst/local").glob("console.db*")]
    commands = [opened.project.sst(*words).encode() for words in (
        ("invocations", "--json"), ("trace", rows[0]["request"], "--json"), ("graph", "--format", "json"))]
    for content in (*answers, *files, *commands, (opened.project.root / "app.html").read_bytes()):
        assert not [form for form in forms if form.encode() in content]
    assert any(b"[secret UploadToken]" in content or b"[masked]" in content for content in answers)
    assert re.search(rb"hill", b"".join(files))
