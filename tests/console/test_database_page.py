"""A database of stage ``local`` in the page: its tables, a query that is mended, a change that is agreed to."""
from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import needs_browser

from ..e2e.project import SST, Project
from .conftest import shown, until
from .test_accessibility import Checked

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.long, pytest.mark.emulator, needs_browser]
CONFIG = """
import sst
from sst import aws

def config(input):
    return sst.Config(name="shop", removal="remove")

def run():
    aws.Postgres("Orders", vpc=aws.Vpc("Net"))
"""


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    made = Project(tmp_path)
    made.write({"sst_config.py": CONFIG})
    made.sst("deploy")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SST_"))}
    try:
        with subprocess.Popen([SST, "console", "--stage", "local", "--no-open"], cwd=tmp_path, env=environment,
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as console:
            assert console.stdout
            yield console.stdout.readline().strip()
            console.terminate()
    finally:
        made.run("local", "reset", "--yes")


def test_a_query_and_a_change(browser: Browser, url: str) -> None:
    page = browser.new_context(viewport={"width": 1360, "height": 850}).new_page()
    page.goto(url)
    page.click("nav a:has-text('Orders')")
    page.wait_for_selector("text=Nothing is in it")
    page.click("button:has-text('Change')")
    page.fill("[role=dialog] textarea", "create table orders as select v as id, 'note ' || v as note "
                                        "from generate_series(1, 30) v")
    page.click("[role=dialog] footer button")
    page.wait_for_selector("text=Done.")
    page.keyboard.press("Escape")
    page.click("tbody button:has-text('public.orders')")
    page.wait_for_selector("td:has-text('note 30')")
    page.fill("textarea.sql", "select id, note from order where id > 28")
    page.press("textarea.sql", "Control+Enter")
    page.wait_for_selector("[role=alert]:has-text('syntax error')")
    page.fill("textarea.sql", "select id, note from orders where id > 28 order by id")
    page.press("textarea.sql", "Control+Enter")
    page.wait_for_selector("text=2 rows")
    page.fill("textarea.sql", "select pg_sleep(9)")
    page.press("textarea.sql", "Control+Enter")
    while not page.locator("[role=alert]:has-text('canceling statement')").count():
        page.evaluate("[...document.querySelectorAll('button')].find((b) => b.innerText === 'Stop')?.click()")
        page.wait_for_timeout(50)
        assert not page.locator("text=1 row,").count(), "it ran to its end"
    page.fill("textarea.sql", "select * from orders order by id")
    page.press("textarea.sql", "Control+Enter")
    page.wait_for_selector("text=30 rows")
    until(page, "document.querySelectorAll('tbody tr').length === 30")
    page.locator("tbody button").nth(6).focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".detail h1:has-text('Row 7')")
    assert page.locator(".values").inner_text().split() == ["id", "7", "note", "note", "7"]
    page.click("button:has-text('Next')")
    page.wait_for_selector(".values:has-text('note 8')")
    assert page.evaluate("location.hash").endswith("row=8") and page.locator("text=30 rows").count() == 1
    page.keyboard.press("Escape")
    until(page, "!document.querySelector('.values')")
    page.fill("textarea.sql", "select null as nothing, repeat('x', 5000) as long, '{\"a\": [1]}'::jsonb as data")
    page.press("textarea.sql", "Control+Enter")
    page.click("tbody button:has-text('–')")
    page.wait_for_selector(".values:has-text('The first 2,000 characters')")
    assert page.locator(".values dd").first.inner_text() == "null" and page.locator(".values .k").inner_text() == '"a"'
    address = page.url
    page.context.close()
    for theme in ("dark", "light"):
        made = Checked(browser, url, theme)
        for hash in ("data?name=Orders", address.partition("#/")[2]):
            shown(made.page, hash)
            made.page.wait_for_selector("h1:has-text('Orders')")
            made.look(hash)
        made.page.click("button:has-text('Change')")
        made.look("the dialog of a change")
        made.close()
