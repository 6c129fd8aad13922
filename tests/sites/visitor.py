"""What a visitor of each app of `tests.sites.apps` does, in a real browser and with plain requests."""
from __future__ import annotations

import time
import urllib.request
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page, sync_playwright

from tests.browser import launch

__all__ = ["AGENT", "UPLOAD", "first_part_comes_first", "first_part_waits_for_nothing", "go_through",
           "send"]

AGENT = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"}
"""Of a browser: React waits for the whole page where it sees another."""
UPLOAD = 3 * 1024 * 1024
_SENT = """async () => {
  const body = Uint8Array.from({ length: 3 * 1024 * 1024 }, (_, i) => i);
  const headers = { "content-type": "application/octet-stream" };
  const answer = await fetch("/upload", { method: "POST", body, headers });
  return (await answer.json()).size;
}"""
_FORM = """() => {
  document.body.innerHTML = '<form method="post" action="/form"><input name="name"><button>Send</button></form>';
}"""


def go_through(url: str, *, form: Literal["page", "route"], loads: bool = False, prerenders: bool = True) -> None:
    """``form``: ``/form`` is a page with a form and its action, or a route that a form is sent to. ``loads``: links
    load a page instead of changing it in place. ``prerenders``: whether ``/blog/static`` is made by the build."""
    with sync_playwright() as play:
        browser = launch(play)
        page = browser.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda e: errors.append(str(e)))
        page.goto(url)
        assert page.inner_text("h1") == "Home" and "-local-uploads" in page.inner_text("#link")
        page.wait_for_load_state("networkidle")
        page.evaluate("window.same = 1")
        page.click("text=dynamic")
        page.wait_for_selector("text=Post dynamic")
        assert page.evaluate("window.same") == (None if loads else 1)
        page.goto(f"{url}/blog/beside")
        assert page.inner_text("h1") == "Post beside"
        if prerenders:
            page.goto(f"{url}/blog/static")
            first = page.inner_text("#made")
            page.reload()
            assert page.inner_text("#made") == first
        page.goto(f"{url}/old")
        assert page.url.removeprefix(url).rstrip("/") == "/blog/static"
        found = page.goto(f"{url}/nowhere")
        assert found and found.status == 404
        send(page, url, form)
        page.goto(f"{url}/seen")
        assert "name=Bob" in page.inner_text("body"), "the browser sends the cookie that the form's answer has set"
        assert page.evaluate(_SENT) == UPLOAD
        assert errors == []
        browser.close()


def send(page: Page, url: str, form: Literal["page", "route"]) -> None:
    """Send the form of ``/form``, which shows and keeps the name."""
    if form == "route":
        page.evaluate(_FORM)
    else:
        page.goto(f"{url}/form")
        page.wait_for_load_state("networkidle")
    page.fill("input[name=name]", "Bob")
    page.click("button")
    page.wait_for_selector("text=Bob")


def first_part_comes_first(url: str, path: str = "/slow") -> None:
    """The page's last part takes 700 ms. Its first byte takes less than 200 ms once the server is awake: the shortest
    of some tries, since other programs run too."""
    shortest = 60.0
    for _ in range(6):
        began = time.perf_counter()
        with urllib.request.urlopen(urllib.request.Request(f"{url}{path}", headers=AGENT), timeout=60) as answer:
            got = answer.read1(65536)
            shortest = min(shortest, time.perf_counter() - began)
            while b"first" not in got:
                got += answer.read1(65536)
            assert not got.rstrip().endswith(b"last") and b'"last">last' not in got
            assert b"last" in got + answer.read()
        if shortest < 0.2:
            return
    raise AssertionError(f"the first byte took {shortest * 1000:.0f} ms")


def first_part_waits_for_nothing(url: str, go: Path) -> None:
    """The app makes the last part once the file ``go`` is there, and it is written after the first part has come."""
    with urllib.request.urlopen(f"{url}?until={go}", timeout=30) as answer:
        got = b""
        while b"first" not in got:
            part = answer.read1(65536)
            assert part, f"{url} ended with {got!r}"
            got += part
        assert b"last" not in got and not go.exists()
        go.touch()
        assert b"last" in answer.read()
    go.unlink()
