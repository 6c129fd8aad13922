"""Pages that are left open: for half an hour under load, eight at a time, and hidden."""
from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sst.console.server import ConsoleServer
from sst.embedded.record_file import RecordFile
from sst.project.project import Project
from tests.browser import needs_browser

from .conftest import shown, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.long, needs_browser]

MINUTES, CALLS_A_SECOND = 30, 10
GROWTH = 20 * 1024 * 1024
HIDE = "(hidden) => { Object.defineProperty(document, 'hidden', {configurable: true, get: () => hidden}); " \
       "dispatchEvent(new Event('visibilitychange')); }"


@pytest.fixture
def record(project: Project, console: ConsoleServer) -> Iterator[RecordFile]:
    file = RecordFile(Path(project.root, ".sst/local/console.db"), calls=200_000)
    yield file
    file.close()


def called(file: RecordFile, first: int, count: int) -> None:
    rows: list[Any] = []
    for n in range(first, first + count):
        rows += [("invocation", {"request": f"open-{n}-request", "function": "shop-api", "trace": f"1-open-{n}",
                                 "parent": "", "span": f"o{n}", "began": time.time(), "trigger": f"GET /{n}",
                                 "event": '{"n": 1}', "event_size": 8}),
                 ("invocation", {"request": f"open-{n}-request", "ms": 5.0, "took": 5.0, "response": "null"}),
                 ("line", {"request": f"open-{n}-request", "function": "shop-api", "at": time.time(), "level": "INFO",
                           "text": f"line {n}"})]
    file.write(rows)


def test_half_an_hour_under_load(browser: Browser, console: ConsoleServer, record: RecordFile) -> None:
    """The page's clock is moved on; the calls, and the news of them, are real."""
    page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    page.clock.install()
    page.goto(console.url)
    until(page, "document.querySelector('h1') !== null", seconds=20)
    page.evaluate("location.hash = '#/invocations'")
    line = page.context.new_cdp_session(page)

    def heap() -> int:
        line.send("HeapProfiler.collectGarbage")
        return int(line.send("Runtime.getHeapUsage")["usedSize"])

    def caught_up(n: int) -> bool:
        page.clock.run_for(1_000)
        return f"GET /{n - 1}" in page.locator("main").inner_text()

    steps, n = MINUTES * 2, 0
    first = 0
    for step in range(steps):
        called(record, n, 30 * CALLS_A_SECOND)
        n += 30 * CALLS_A_SECOND
        page.clock.run_for(29_000)
        if step in (3, steps - 1):
            deadline = time.monotonic() + 20
            while not caught_up(n):
                assert time.monotonic() < deadline, f"the page is behind after {step} steps"
            if step == 3:
                first = heap()
    grown = heap() - first
    assert grown < GROWTH, f"{grown:,} bytes more after {MINUTES} minutes"
    assert page.evaluate("document.querySelectorAll('*').length") < 1_500
    page.context.close()


def test_eight_tabs(browser: Browser, console: ConsoleServer, record: RecordFile) -> None:
    """A browser allows six connections to one server: tabs that are hidden hold none, and are live once seen."""
    context = browser.new_context()
    pages: list[Page] = []
    for _ in range(8):
        for other in pages:
            other.evaluate(HIDE, True)
        page = context.new_page()
        page.goto(console.url)
        page.wait_for_selector(".live:has-text('live')")
        shown(page, "invocations")
        page.wait_for_selector(".inv")
        pages.append(page)
    called(record, 0, 1)
    pages[-1].wait_for_selector(".inv:has-text('GET /0')")
    for n, page in enumerate(pages):
        pages[n - 1].evaluate(HIDE, True)
        page.evaluate(HIDE, False)
        page.wait_for_selector(".inv:has-text('GET /0')")
    context.close()
