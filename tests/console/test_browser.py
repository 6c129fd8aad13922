"""The page in a real browser: each page is drawn, nothing of the user's runs, nothing comes from elsewhere."""
from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from sst.console.server import ConsoleServer
from sst.embedded.record_file import RecordFile
from sst.project.project import Project
from tests.browser import needs_browser

from .conftest import DRAWN, fill, shown, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.slow, needs_browser]

INJECTED = [
    '<script>window.hurt=1</script>', '<img src=x onerror="window.hurt=1">', '"><svg onload=window.hurt=1>',
    "javascript:window.hurt=1", "';window.hurt=1;//", "${window.hurt=1}", "</style><script>window.hurt=1</script>",
    "<iframe srcdoc='<script>parent.hurt=1</script>'>", "\u202e<b onmouseover=window.hurt=1>x",
    "<!--><script>window.hurt=1//",
]
PAGES = ["overview", "graph", "graph?sel=Api", "deploys", "invocations", "invocations?filter=failed", "logs", "metrics",
         "drift", "secrets", "cost"]


ASKED = "performance.getEntriesByType('resource').map(e => e.name).filter(n => n.includes('/api/')).sort()"


def test_the_first_page_asks_for_each_thing_once(page: Page, console: ConsoleServer) -> None:
    page.wait_for_selector(".live:has-text('live')")
    page.wait_for_timeout(300)      # what the first news would have asked for again, after 120 ms
    until(page, f"{ASKED}.some((n) => n.endsWith('/plan'))", seconds=20)
    base = f"http://127.0.0.1:{console.port}/api/"
    assert [n for n in page.evaluate(ASKED) if "/events" not in n] == [
        base + name for name in ("app", "browse", "overview", "plan")]


def test_each_page_is_drawn_without_an_error(page: Page, console: ConsoleServer) -> None:
    for name in PAGES:
        shown(page, name)
        page.wait_for_selector(DRAWN)
    assert page.errors == []  # type: ignore[attr-defined]
    origins = page.evaluate("[...new Set(performance.getEntriesByType('resource').map(e => new URL(e.name).origin))]")
    assert origins == [f"http://127.0.0.1:{console.port}"]
    assert page.context.cookies() == [] and "token" not in page.url


def test_a_long_name_pushes_no_column_out_of_the_page(page: Page) -> None:
    shown(page, "overview")
    page.wait_for_selector(".parts b")
    page.evaluate("document.querySelector('.parts b').textContent = 'x'.repeat(300)")
    assert page.evaluate("document.querySelector('.tablewrap').scrollWidth <= "
                         "document.querySelector('.tablewrap').clientWidth")


def test_what_strangers_wrote_does_not_run(page: Page, project: Project) -> None:
    file = RecordFile(project.root / ".sst" / "local" / "console.db")
    rows: list[Any] = []
    for n, text in enumerate(INJECTED):
        begun = {"request": f"hurt-{n}-request", "function": text, "trace": "1-hurt", "parent": "", "span": f"h{n}",
                 "began": 1e9 + n, "trigger": text, "event": json.dumps({"body": text}), "event_size": 1}
        rows += [("invocation", begun), ("invocation", {
            "request": begun["request"], "ms": 1.0, "failed": 1, "error": text, "message": text,
            "response": json.dumps({"errorType": text, "errorMessage": text, "stackTrace": [text]})}),
            ("line", {"request": begun["request"], "function": text, "at": 1e9 + n, "level": text, "text": text}),
            ("call", {"trace": "1-hurt", "parent": f"h{n}", "span": f"hc{n}", "began": 1e9 + n, "ms": 1.0,
                      "service": text, "action": text, "resource": text, "status": 500, "error": text,
                      "function": text})]
    file.write(rows)
    file.close()
    page.reload()
    for n in range(len(INJECTED)):
        shown(page, f"invocations?id=hurt-{n}-request")
        page.wait_for_selector(".detail h1")
    for name in (*PAGES, "invocations?filter=" + INJECTED[0]):
        shown(page, name)
    page.keyboard.press("Control+k")
    page.keyboard.type("script")
    assert page.evaluate("window.hurt") is None and page.locator("main img, main iframe").count() == 0


def test_a_new_call_appears_by_itself(page: Page, project: Project) -> None:
    shown(page, "invocations")
    page.wait_for_selector(".inv")
    before = page.locator(".inv").count()
    file = RecordFile(project.root / ".sst" / "local" / "console.db")
    file.write([("invocation", {"request": "new-request", "function": "shop-api", "trace": "1-new", "parent": "",
                                "span": "new", "began": time.time() + 60, "trigger": "GET /new"})])
    file.close()
    until(page, f"document.querySelectorAll('.inv').length > {before}")
    assert "GET /new" in page.locator(".inv").first.inner_text()


def test_by_keyboard_alone(page: Page) -> None:
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_selector(".inv[aria-selected=true]")
    first = page.locator(".detail h1").inner_text()
    page.keyboard.press("j")
    page.keyboard.press("j")
    until(page, f"document.querySelector('.detail h1')?.innerText !== {json.dumps(first)}")
    page.keyboard.press("e")
    page.wait_for_selector("[role=dialog] textarea")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("failed")
    page.keyboard.press("Enter")
    until(page, "location.hash.includes('filter=failed')")
    page.keyboard.press("Tab")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("g")
    page.keyboard.press("g")
    page.wait_for_selector(".node")
    page.keyboard.press("?")
    page.wait_for_selector("[role=dialog]")


def test_a_page_that_was_left_open_says_one_sentence(page: Page, console: ConsoleServer, project: Project) -> None:
    page.goto(f"http://127.0.0.1:{console.port}/#token=of-a-former-console")
    page.reload()
    page.wait_for_selector("text=This page belongs to a console that has ended")
    page.goto(console.url)
    page.reload()
    page.wait_for_selector("nav")
    console.close()
    page.wait_for_selector("text=The console does not answer")


def test_a_browser_that_keeps_nothing(browser: Browser, console: ConsoleServer) -> None:
    context = browser.new_context()
    context.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new Error('blocked') }})")
    page = context.new_page()
    page.goto(console.url)
    page.wait_for_selector("nav")
    context.close()


def test_another_servers_page_reads_nothing(browser: Browser, console: ConsoleServer) -> None:
    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<h1>other</h1>")

        def log_message(self, format: str, *args: object) -> None:
            pass

    other = ThreadingHTTPServer(("127.0.0.1", 0), Other)
    Thread(target=other.serve_forever, daemon=True).start()
    try:
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{other.server_port}")
        for headers in ({}, {"authorization": f"Bearer {console.token}"}):
            answer = page.evaluate("([url, headers]) => fetch(url, {headers}).then(r => r.text(), e => e.message)",
                                   [f"http://127.0.0.1:{console.port}/api/overview", headers])
            assert answer == "Failed to fetch"
        page.close()
    finally:
        other.shutdown()
        other.server_close()


def test_a_long_list_is_a_short_page(page: Page, project: Project) -> None:
    fill(project.root / ".sst" / "local", calls=3_000)
    shown(page, "invocations")
    page.wait_for_selector(".inv")
    for _ in range(12):
        page.evaluate("document.querySelector('.rows').scrollTop += 5000")
        page.wait_for_timeout(40)
    assert page.evaluate("document.querySelectorAll('*').length") < 1500


def test_deploy_by_keyboard(page: Page, project: Project) -> None:
    """The plan of a program that does not load is told in the dialog; Escape brings the page back."""
    (project.root / "sst_config.py").write_text("def config(input:\n")
    page.keyboard.press("d")
    page.wait_for_selector("[role=dialog] [role=alert]")
    assert "sst_config.py" in page.locator("[role=dialog]").inner_text()
    assert page.evaluate("document.activeElement.closest('[role=dialog]') !== null")
    page.keyboard.press("Escape")
    until(page, "!document.querySelector('[role=dialog]')")
    for key, title in (("m", "Metrics"), ("s", "The app has no secrets")):
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.wait_for_selector(f"h1:has-text('{title}')")
