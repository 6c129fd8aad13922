"""axe finds nothing to object to (WCAG 2.1 A and AA), on any page, in both themes, on a wide and a narrow window."""
from __future__ import annotations

import subprocess
import tarfile
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sst.build.cache import keep, machine_cache
from sst.console.server import ConsoleServer
from sst.core.model import Entry, State
from sst.project.project import Project
from tests.browser import needs_browser

from .conftest import DRAWN, opened, served, shown

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.long, needs_browser]

AXE, CONTENT = "4.14.1", "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
"""The version of axe-core (MPL-2.0), and the SHA-256 of its axe.min.js."""
PAGES = ["overview", "graph", "graph?sel=Api", "deploys", "invocations", "invocations?id=2", "invocations?filter=none",
         "logs", "metrics", "drift", "cost", "secrets", "data"]
DIALOGS = ["?", "d", "Control+k"]
RULES = "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']})"


def axe() -> str:
    """From npm, once a machine."""
    def fetch(part: Path) -> None:
        subprocess.run(["npm", "pack", f"axe-core@{AXE}", "--silent"], cwd=part, check=True, capture_output=True)
        with tarfile.open(next(part.glob("*.tgz"))) as archive:
            archive.extract("package/axe.min.js", part, filter="data")

    file = keep(machine_cache() / "tests", "axe", AXE, fetch) / "package/axe.min.js"
    assert sha256(file.read_bytes()).hexdigest() == CONTENT
    return file.read_text(encoding="utf-8")


class Checked:
    """A page of a console in one theme, in a context of its own, since axe is not the page's own script."""

    def __init__(self, browser: Browser, url: str, theme: str, width: int = 1280) -> None:
        self.page: Page = browser.new_context(viewport={"width": width, "height": 800}, bypass_csp=True).new_page()
        self.page.goto(url.replace("/#", f"/?theme={theme}#"))
        self.page.wait_for_selector("h1")
        self.page.add_script_tag(content=axe())
        self.odd: list[str] = []

    def look(self, where: str) -> None:
        self.odd += [f"{where}: {v['id']} {v['nodes'][0]['html'][:200]}"
                     for v in self.page.evaluate(RULES)["violations"]]

    def close(self) -> None:
        self.page.context.close()
        assert self.odd == []


@pytest.mark.parametrize("width", [1280, 640])
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing(browser: Browser, console: ConsoleServer, theme: str, width: int) -> None:
    made = Checked(browser, console.url, theme, width)
    for name in PAGES:
        shown(made.page, name)
        made.page.wait_for_selector(DRAWN)
        made.look(name)
    for key in DIALOGS:
        shown(made.page, "overview")
        made.page.keyboard.press(key)
        made.page.wait_for_selector("[role=dialog]")
        made.look(f"the dialog of {key}")
        made.page.keyboard.press("Escape")
    made.close()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing_in_costs(browser: Browser, project: Project, theme: str) -> None:
    """With prices, one that is unknown, and a plan that changes them."""
    backend = opened(project)
    with backend.stage.locked("deploy") as session:
        for name, size in (("Orders", "db.t4g.micro"), ("Huge", "db.x9.huge")):
            state = State(f"sst.aws.Postgres/aws.rds.Instance::{name}/Instance", "aws.rds.Instance", name.lower(), {
                "engine": "postgres", "instance_class": size, "allocated_storage": 20}, provider="aws")
            session.write(Entry("made", state.urn, state=state))
        session.save()
    backend.close()
    server = served(project)
    try:
        made = Checked(browser, server.url, theme)
        shown(made.page, "cost")
        made.page.wait_for_selector("text=Orders")
        made.look("cost")
        made.page.click("button:has-text('What the next deploy')")
        made.page.wait_for_selector("text=removed")
        made.look("the plan's cost")
        made.close()
    finally:
        server.close()
