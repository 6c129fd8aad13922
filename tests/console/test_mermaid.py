"""What `sst graph` and `sst diff --markdown` draw, read by Mermaid itself."""
from __future__ import annotations

import subprocess
import tarfile
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sst.build.cache import keep, machine_cache
from sst.console.mermaid import mermaid
from sst.console.model import View, view_of
from sst.core.picture import Edge, Part, Picture
from tests.browser import needs_browser

from .test_browser import INJECTED

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.long, needs_browser]

VERSION, CONTENT = "11.6.0", "3a93016a73dc82ba890d919f9bbb176f3da9d98341650c0b517f2595cc68fef8"
"""Of mermaid (MIT), and the SHA-256 of its mermaid.min.js."""
NAMES = ["()", "[]", "{}", "|", "<>", "#", ";", "end", '"', "`", "--> x", "subgraph", "click A", "a%%b", "&quot;",
         "é 漢", "graph TD", "style", "a:::b", "rate(1 hour)", "%%{init: {}}%%", "\\", "1. one", "- two", "# three",
         *INJECTED]


def library() -> str:
    """From npm, once a machine."""
    def fetch(part: Path) -> None:
        subprocess.run(["npm", "pack", f"mermaid@{VERSION}", "--silent"], cwd=part, check=True, capture_output=True)
        with tarfile.open(next(part.glob("*.tgz"))) as archive:
            archive.extract("package/dist/mermaid.min.js", part, filter="data")

    file = keep(machine_cache() / "tests", "mermaid", VERSION, fetch) / "package/dist/mermaid.min.js"
    assert sha256(file.read_bytes()).hexdigest() == CONTENT
    return file.read_text(encoding="utf-8")


def test_any_name_can_be_read_and_drawn(browser: Browser) -> None:
    """As a component, its label and the label of an edge; what is drawn has the name as it is."""
    page = browser.new_page()
    page.set_content("<main></main>")
    page.add_script_tag(content=library())
    page.evaluate("mermaid.initialize({startOnLoad: false, securityLevel: 'strict'})")
    for name in NAMES:
        parts = (Part(name, "table", name, name), Part("Other", "function", "Other"))
        edges = Edge(name, "Other", "event", name), Edge("Other", name, "grant", name)
        text = mermaid(view_of(Picture(parts, edges)))
        drawn = page.evaluate("(text) => mermaid.render('one', text).then((made) => made.svg, (e) => `failed: ${e}`)",
                              text)
        assert not drawn.startswith("failed"), (name, text, drawn)
        page.evaluate("(svg) => { document.querySelector('main').innerHTML = svg; }", drawn)
        shown = page.locator("main").inner_text()
        assert "Other" in shown and page.evaluate("window.hurt") is None, name
    whole = View(Picture(tuple(Part(f"N{n}", "table", name, name) for n, name in enumerate(NAMES)),
                         tuple(Edge(f"N{n}", f"N{n + 1}", "event", name) for n, name in enumerate(NAMES[:-1]))))
    assert page.evaluate("(text) => mermaid.parse(text).then(() => '', (e) => String(e))", mermaid(whole)) == ""
    page.close()
