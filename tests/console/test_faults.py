"""What goes wrong beside the page: one sentence each, no loop, and the other pages work."""
from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sst.console.server import ConsoleServer
from sst.embedded.record_file import FILE, RecordFile
from sst.project.project import Project, open_project
from tests.browser import needs_browser
from tests.clouds.aws.stand_in import refusal, stand_in

from .conftest import ask, deployed, fill, served, shown, until
from .test_alone import namespaces
from .test_far import KEYS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.long

RECORDING = """
import resource, sys, logging
from pathlib import Path
from sst.embedded.recorder import Recorder
from sst.executor import FunctionVersion, Invocation

logging.basicConfig(stream=sys.stdout)
if sys.argv[2] == "full":
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
folder = Path(sys.argv[1])
to = Recorder(folder)
version = FunctionVersion("arn:aws:lambda:us-east-1:0:function:f", "f", "$LATEST", "python3.11", "h", folder)
for n in range(400):
    to.began(version, b'"%s"' % (b"x" * 4000), f"r{n}", trace="t", parent="", span="s")
    to.ended(Invocation(b"null", "", f"r{n}", duration_ms=1))
    if n % 100 == 0:
        to.flush(20)
to.flush(20)
print("calls went on", to.dropped > 0)
"""


@pytest.mark.parametrize("damage", ["full", pytest.param("read-only", marks=pytest.mark.skipif(
    not namespaces(), reason="needs namespaces"))])
def test_a_disk_that_takes_nothing_stops_no_call(tmp_path: Path, damage: str) -> None:
    """It is told once, and calls go on."""
    (tmp_path / "there").mkdir()
    command = [sys.executable, "-c", RECORDING, str(tmp_path / "there"), damage]
    if damage == "read-only":
        RecordFile(tmp_path / "there" / FILE).close()
        command = ["unshare", "-rm", "sh", "-c",
                   f'mount --bind {tmp_path}/there {tmp_path}/there && mount -o remount,ro,bind {tmp_path}/there && '
                   'exec "$@"', "sh", *command]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "calls went on True" in ran.stdout
    assert 1 <= ran.stdout.count("console.db") <= 2 and "Traceback" not in ran.stdout + ran.stderr


@needs_browser
def test_a_page_of_a_former_console_says_one_sentence_and_asks_no_more(page: Page, console: ConsoleServer) -> None:
    """Also after an upgrade or a reset: each start of a console has a token of its own."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"http://127.0.0.1:{console.port}/#token=of-a-former-console")
    page.reload()
    page.wait_for_selector("text=This page belongs to a console that has ended")
    count = len(asked)
    page.wait_for_timeout(3_500)     # longer than the page waits before it looks again for a console that has ended
    assert len(asked) == count and page.locator("main h1").count() == 1


@needs_browser
def test_a_page_that_is_left_open_over_a_reset(page: Page, project: Project) -> None:
    """`sst local reset` deletes state and records under it; a new cloud begins them anew."""
    shown(page, "invocations")
    page.wait_for_selector(".inv")
    local = project.root / ".sst/local"
    shutil.rmtree(local)
    until(page, "document.querySelector('main').innerText.includes('Nothing was called yet')", seconds=20)
    shown(page, "overview")
    page.wait_for_selector("h1:has-text('Nothing is deployed')")
    local.mkdir(mode=0o700, exist_ok=True)    # the page has looked into it meanwhile
    deployed(project)
    fill(local)
    page.wait_for_selector("h1:has-text('failed for 1 of 1 event')")
    shown(page, "invocations")
    until(page, "document.querySelectorAll('.inv').length === 3")


@needs_browser
def test_a_file_of_a_newer_sst(page: Page, project: Project) -> None:
    import sqlite3

    with sqlite3.connect(project.root / ".sst/local" / FILE) as db:
        db.execute("PRAGMA user_version = 99")
    shown(page, "invocations")
    page.wait_for_selector("[role=alert]:has-text('another version')")
    shown(page, "deploys")
    page.wait_for_selector(".inv")


@needs_browser
def test_a_browser_without_event_source(browser: Browser, console: ConsoleServer, project: Project) -> None:
    context = browser.new_context()
    context.add_init_script("delete window.EventSource; delete window.WebSocket")
    page = context.new_page()
    page.goto(console.url)
    page.wait_for_selector(".live:has-text('live')")
    shown(page, "invocations")
    fill(project.root / ".sst/local", calls=1)
    until(page, "document.querySelectorAll('.inv').length >= 4")
    context.close()


@needs_browser
@pytest.mark.parametrize("code", ["ExpiredToken", "AccessDenied"])
def test_credentials_that_are_refused(browser: Browser, project: Project, code: str) -> None:
    """The state is in AWS: each page that needs it says so, the keys and the menu work, and nothing is asked in a
    loop."""
    (project.root / "sst_config.py").write_text(
        "import sst\n\ndef config(input):\n    return sst.Config(name='shop', region='us-east-1')\n\n"
        "def run():\n    pass\n")
    with stand_in(lambda n: refusal(code, "The security token included in the request is expired")) as aws:
        there = open_project(project.program.file, stage="far", environ={
            **KEYS, "HOME": str(project.root), "XDG_STATE_HOME": str(project.root / "state"),
            "AWS_ENDPOINT_URL": aws.url})
        server = served(there)
        page = browser.new_context().new_page()
        try:
            page.goto(server.url)
            page.wait_for_selector("nav", timeout=20_000)
            for name in ("overview", "deploys", "graph", "data", "secrets", "cost"):
                page.evaluate(f"location.hash = {json.dumps('#/' + name)}")
                page.wait_for_selector("main [role=alert]", timeout=20_000)
                assert "expired" in page.locator("main [role=alert]").first.inner_text()
            shown(page, "invocations")
            page.wait_for_selector("h1:has-text('Calls are recorded on stage local')")
            page.keyboard.press("?")
            page.wait_for_selector("[role=dialog]")
            begun = len(aws.requests)
            time.sleep(3)
            assert len(aws.requests) - begun <= 12
        finally:
            page.context.close()
            server.close()


def test_two_consoles(project: Project) -> None:
    """The second command prints the first one's address, and ends."""
    (project.root / "sst_config.py").write_text("import sst\n\ndef config(input):\n    return sst.Config(name='shop')\n"
                                                "\ndef run():\n    pass\n")
    sst = str(Path(sys.executable).with_name("sst"))
    with subprocess.Popen([sst, "console", "--stage", "local", "--no-open"], cwd=project.root, text=True,
                          stdout=subprocess.PIPE) as first:
        assert first.stdout
        url = first.stdout.readline().strip()
        second = subprocess.run([sst, "console", "--stage", "local", "--no-open"], cwd=project.root, text=True,
                                capture_output=True, timeout=30, check=True)
        assert url in second.stdout
        first.terminate()


def test_it_answers_while_nothing_was_recorded(project: Project) -> None:
    """No state, no records, no cloud: every page has an answer."""
    server = served(project)
    try:
        made: dict[str, Any] = {name: ask(server, f"api/{name}")[0] for name in (
            "app", "overview", "graph", "deploys", "under-way", "invocations", "logs", "metrics", "secrets", "cost",
            "browse", "job", "drift")}
        assert set(made.values()) == {200}, made
    finally:
        server.close()


def test_lines_without_end(project: Project) -> None:
    """30,000 lines of one call are shown as 10,000 with a last one that says so."""
    file = RecordFile(project.root / ".sst/local" / FILE)
    file.close()
    deployed(project)
    from sst.embedded.recorder import CALL_LINES, Recorder
    from sst.executor import FunctionVersion, Invocation

    to = Recorder(project.root / ".sst/local")
    version = FunctionVersion("a", "shop-api", "$LATEST", "python3.11", "h", project.root)
    to.began(version, b"{}", "many", trace="t", parent="", span="s")
    for first in range(0, 30_000, 1_000):
        to.lines("shop-api", "many", [(n, f"line {n}") for n in range(first, first + 1_000)])
        to.flush(20)
    to.ended(Invocation(b"null", "", "many", duration_ms=1))
    to.flush(20)
    server = served(project)
    try:
        lines = ask(server, "api/invocations/many")[1]["lines"]
        assert len(lines) == CALL_LINES + 1 and "sst logs" in lines[-1]["text"]
    finally:
        server.close()
