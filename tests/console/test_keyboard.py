"""Everything by keyboard: each page is walked with Tab, each action is begun, and dialogs give the focus back."""
from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from sst.console.server import ConsoleServer
from sst.project.project import Project, open_project
from tests.browser import needs_browser

from ..cli.conftest import FILES
from .conftest import DRAWN, served, shown, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.long, needs_browser]

PAGES = ["overview", "graph", "graph?sel=Api", "deploys", "invocations?id=2", "logs", "metrics", "drift", "cost",
         "secrets", "data"]
STOPS = """[...document.querySelectorAll("a[href], button, input, select, textarea, [tabindex='0']")]
  .filter((el) => !el.disabled && el.getBoundingClientRect().width && getComputedStyle(el).visibility !== "hidden")"""
HERE = """() => {
  const el = document.activeElement, all = %s, r = el.getBoundingClientRect();
  if (el === document.body) return null;
  const shown = [el, ...el.querySelectorAll("rect")].map((e) => getComputedStyle(e));
  return {at: all.indexOf(el), name: (el.ariaLabel || el.innerText || el.textContent || el.title || el.placeholder ||
      el.labels?.[0]?.innerText || "").trim().slice(0, 60),
    visible: shown.some((s) => s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0 || s.strokeWidth === "3px"),
    inside: r.bottom > 0 && r.right > 0 && r.top < innerHeight && r.left < innerWidth,
    dialog: el.closest("[role=dialog]") !== null};
}""" % STOPS  # noqa: UP031  # braces are JavaScript's


def walk(page: Page, most: int = 400) -> list[dict[str, Any]]:
    """What has the focus, from the first Tab until it leaves the page."""
    page.evaluate("document.activeElement.blur(); getSelection().removeAllRanges()")
    found: list[dict[str, Any]] = []
    for _ in range(most):
        page.keyboard.press("Tab")
        here = page.evaluate(HERE)
        if here is None or (found and here["at"] == found[0]["at"]):
            return found
        found.append(here)
    raise AssertionError("the focus never leaves the page")


@pytest.mark.parametrize("name", PAGES)
def test_tab_reaches_everything_in_order(page: Page, name: str) -> None:
    shown(page, name)
    page.wait_for_selector(DRAWN)
    until(page, "!document.querySelector('main').innerText.includes('Running the program')", seconds=20)
    if name == "graph?sel=Api":
        page.wait_for_selector(".gside h1")
    found = walk(page)
    count = page.evaluate(f"({STOPS}).length")
    assert [f["at"] for f in found] == list(range(count)), "each once, as they stand"
    assert not [f for f in found if not f["visible"]], "what has the focus is seen"
    assert not [f for f in found if not f["inside"]], "and is in the window"
    assert not [f for f in found if not f["name"]]


def test_what_is_typed_after_ctrl_k_is_looked_for(page: Page) -> None:
    shown(page, "overview")
    page.keyboard.press("Control+k")
    page.wait_for_selector("[role=dialog]")
    page.keyboard.type("logs")
    assert page.locator("[role=dialog] input").input_value() == "logs"
    page.keyboard.press("Enter")
    until(page, "location.hash.startsWith('#/logs')")


def test_names_come_before_what_only_has_the_word_somewhere(page: Page) -> None:
    shown(page, "overview")
    page.keyboard.press("Control+k")
    page.wait_for_selector("[role=dialog]")
    page.keyboard.type("p")
    names = "[...document.querySelectorAll('[role=option]:has(svg) .ell')].map((e) => e.textContent).join()"
    until(page, f"{names} === 'Pictures,Pictures/Thumb,Api'")


def test_a_dialog_keeps_the_focus_and_gives_it_back(page: Page) -> None:
    before = "nav a[href='#/graph']"
    for key, on in (("?", "overview"), ("Control+k", "overview"), ("d", "overview"), ("e", "invocations?id=1"),
                    ("t", "invocations?id=1")):
        shown(page, on)
        page.wait_for_selector("main .detail h1" if key in "et" else "main h1")
        page.focus(before)
        page.keyboard.press(key)
        page.wait_for_selector("[role=dialog]")
        until(page, "!document.querySelector('[role=dialog] .loading')", seconds=20)
        for step in ("Tab", "Shift+Tab"):
            for _ in range(12):
                page.keyboard.press(step)
                here = page.evaluate(HERE)
                assert here and here["dialog"] and here["visible"], (key, step, here)
        page.keyboard.press("Escape")
        until(page, "!document.querySelector('[role=dialog]')")
        assert page.evaluate(f"document.activeElement === document.querySelector({json.dumps(before)})"), key


def test_the_graph(page: Page) -> None:
    shown(page, "graph")
    page.wait_for_selector(".node")
    page.focus(".node")
    for key, count in (("Enter", 1), ("Escape", 0), (" ", 1)):
        page.keyboard.press(key)
        until(page, f"document.querySelectorAll('.node.sel').length === {count}")
    first = page.locator(".gside h1").inner_text()
    page.keyboard.press("ArrowDown")
    until(page, f"document.querySelector('.gside h1').innerText !== {json.dumps(first)}")
    width = "Number(document.querySelector('.canvas > svg').getAttribute('viewBox').split(' ')[2])"
    before = page.evaluate(width)
    page.keyboard.press("+")
    assert page.evaluate(width) < before
    for _ in range(12):
        page.keyboard.press("+")
    page.locator(".node").first.focus()
    box, canvas = page.locator(".node").first.bounding_box(), page.locator(".canvas").bounding_box()
    assert box and canvas and box["x"] + box["width"] > canvas["x"] and box["x"] < canvas["x"] + canvas["width"]
    page.keyboard.press("0")
    assert page.evaluate(width) == pytest.approx(before, rel=0.2)


def test_metrics_at_a_time(page: Page) -> None:
    shown(page, "metrics?span=15m")
    page.focus(".plots")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector(".plot:has-text(': 0')")
    first = page.locator(".plot").first.inner_text()
    page.keyboard.press("ArrowLeft")
    until(page, f"document.querySelector('.plot').innerText !== {json.dumps(first)}")


@pytest.fixture
def deployable(browser: Browser, project: Project) -> Iterator[tuple[Page, ConsoleServer]]:
    (project.root / "files.py").write_text(FILES)
    (project.root / "sst_config.py").write_text(
        "import sst\nfrom files import Data, File\n\ndef config(input):\n    return sst.Config(name='shop', "
        "removal='remove')\n\ndef run():\n    File('A', text='one')\n    Data('B', shape='x')\n")
    server = served(open_project(project.program.file, stage="local", environ={}))
    made = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    made.goto(server.url)
    made.wait_for_selector("h1")
    yield made, server
    made.context.close()
    server.close()


def tab_to(page: Page, text: str) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        here = page.evaluate("(({ role, innerText, ariaLabel }) => role === 'region' ? '' : innerText || "
                             "ariaLabel || '')(document.activeElement)")
        if text in here:
            return
    raise AssertionError(f"Tab does not reach {text}")


def test_deploy_lose_data_and_roll_back(deployable: tuple[Page, ConsoleServer], project: Project) -> None:
    """From the plan to what is done, without a mouse."""
    page, _ = deployable

    def things() -> set[str]:
        return {f.name.split("-")[2] for f in (project.root / "things").iterdir()}

    page.keyboard.press("d")
    page.wait_for_selector("[role=dialog] .kv:has-text('B')")
    tab_to(page, "Deploy")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=dialog] footer:has-text('took')", timeout=20_000)
    page.keyboard.press("Escape")
    assert things() == {"A", "B"}
    file = project.root / "sst_config.py"
    file.write_text(file.read_text().replace("    Data('B', shape='x')\n", "").replace("'one'", "'two'"))
    page.keyboard.press("d")
    page.wait_for_selector("[role=dialog] label:has-text('will be lost')")
    assert page.locator("[role=dialog] button.primary").is_disabled()
    for _ in range(9):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.type") == "checkbox":
            break
    page.keyboard.press("Space")
    tab_to(page, "Deploy")
    page.keyboard.press("Space")
    page.wait_for_selector("[role=dialog] footer:has-text('took')", timeout=20_000)
    page.keyboard.press("Escape")
    assert things() == {"A"}
    page.keyboard.press("g")
    page.keyboard.press("d")
    page.wait_for_selector(".detail h1")
    page.keyboard.press("j")
    until(page, "location.hash.includes('n=1')")
    tab_to(page, "Roll back to this")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=dialog] .kv:has-text('B')")
    tab_to(page, "Roll back")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=dialog] footer:has-text('took')", timeout=20_000)
    assert things() == {"A", "B"}
