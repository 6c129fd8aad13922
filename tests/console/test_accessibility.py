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

from .conftest import needs_browser, shown

if TYPE_CHECKING:
    from playwright.sync_api import Browser

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


@pytest.mark.parametrize("width", [1280, 640])
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_axe_finds_nothing(browser: Browser, console: ConsoleServer, theme: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, bypass_csp=True)  # axe is not the page's
    page = context.new_page()
    page.goto(console.url.replace("/#", f"/?theme={theme}#"))
    page.wait_for_selector("h1")
    page.add_script_tag(content=axe())

    def found(where: str) -> list[str]:
        return [f"{where}: {v['id']} {v['nodes'][0]['html'][:200]}" for v in page.evaluate(RULES)["violations"]]

    odd: list[str] = []
    for name in PAGES:
        shown(page, name)
        page.wait_for_selector("main h1, main .canvas, main .rows, main .detail, main .note")
        odd += found(name)
    for key in DIALOGS:
        shown(page, "overview")
        page.keyboard.press(key)
        page.wait_for_selector("[role=dialog]")
        odd += found(f"the dialog of {key}")
        page.keyboard.press("Escape")
    context.close()
    assert odd == []
