"""The page of deploys in a real browser: what a deploy said is what it shows, also of one that was killed."""
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sst.console.server import ConsoleServer
from sst.console.serving import serve
from sst.project.project import open_project
from tests.browser import needs_browser

from ..cli.conftest import Project, project  # noqa: F401  # a fixture: in place of the console's
from .conftest import ask, opened, shown, until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.long, needs_browser]
STEPS = 'a = File("A", text="one")\nb = File("B", text=a.path)\nFile("C", text=b.path)\nFile("D")'


def console_of(project: Project) -> ConsoleServer:  # noqa: F811
    def opens() -> Any:
        return open_project(project.root / "sst_config.py", stage="dev", environ=project.environment)

    return serve(opens(), opened, opens)


@pytest.fixture
def server(project: Project) -> Iterator[ConsoleServer]:  # noqa: F811
    project.environment["XDG_STATE_HOME"] = str(project.root.parent / "state")
    project.program(STEPS)
    made = console_of(project)
    ask(made, "api/do/unlock", {"confirm": "dev"})
    yield made
    made.close()


@pytest.fixture
def page(browser: Browser, server: ConsoleServer) -> Iterator[Page]:
    made = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    made.goto(server.url)
    made.wait_for_selector("h1")
    yield made
    made.context.close()


def begun(project: Project) -> Any:  # noqa: F811
    """A deploy that has begun to write A, which waits for a file named go."""
    process = project.start("deploy", "--yes", "--json")
    assert process.stdout
    for line in process.stdout:
        if json.loads(line)["event"] == "step_note":
            return process
    raise AssertionError("it ended")


def test_it_shows_what_the_deploy_said(page: Page, server: ConsoleServer, project: Project) -> None:  # noqa: F811
    """Each step as long as its event says; the critical path is the longest chain of dependencies."""
    events = project.run("deploy", "--yes", "--json").events
    said = {e["key"]: e["seconds"] for e in events if e["event"] == "step_done"}
    record = ask(server, "api/deploys/1")[1]
    steps = {s["key"]: s for s in record["steps"]}
    assert {*said} == {*steps} and len(said) == 4
    for key, seconds in said.items():
        assert steps[key]["end"] - steps[key]["start"] == pytest.approx(seconds, abs=0.005)
    names = {s["key"]: s["name"] for s in record["steps"]}
    assert [names[k] for k in record["critical"]] == ["A", "B", "C"]
    shown(page, "deploys")
    page.wait_for_selector(".crit")
    assert [c.split()[0] for c in page.locator(".crit .chip").all_inner_texts()] == ["A", "B", "C"]
    drawn = {row.split("\n")[1]: row for row in page.locator("[aria-label='Steps'] .wr").all_inner_texts()}
    assert {*drawn} == {*"ABCD"}
    assert "4 created" in page.locator(".detail h1").inner_text()
    assert all(row.rstrip().endswith("ms") for row in drawn.values())


def test_a_deploy_that_was_killed_is_cut_off(page: Page, project: Project) -> None:  # noqa: F811
    project.program(STEPS.replace('text="one"', "slow=True"))
    process = begun(project)
    shown(page, "deploys")
    page.wait_for_selector(f"[role=status]:has-text('sst deploy by {_user(process)}'):has-text('runs since')")
    process.kill()
    process.communicate()
    page.wait_for_selector(".note.bad:has-text('was cut off'):has-text('A')")
    Path(project.root, "go").touch()
    project.run("deploy", "--yes")
    until(page, "!document.querySelector('.list .note')")
    page.wait_for_selector(".inv:has-text('version 1')")


def _user(process: Any) -> str:
    import getpass

    return getpass.getuser()


def test_what_changed_since_a_version(page: Page, project: Project) -> None:  # noqa: F811
    project.run("deploy", "--yes")
    project.program(STEPS.replace("one", "two") + '\nFile("E")')
    project.run("deploy", "--yes")
    shown(page, "deploys?n=1")
    page.click("button:has-text('What changed since')")
    page.wait_for_selector("[aria-label='Differences'] .kv:has-text('text'):has-text('one → two')")
    assert "E" in page.locator("[aria-label='Differences']").inner_text()
    page.keyboard.press("Escape")
    page.click("button:has-text('Roll back to this')")
    page.wait_for_selector("[aria-label='Plan'] .kv:has-text('A'):has-text('text')")
    assert project.things["A"]["text"] == "two", "the plan is shown first"


def test_two_browsers_press_deploy(browser: Browser, server: ConsoleServer, project: Project) -> None:  # noqa: F811
    """Of one console the second is told that a job runs; of another console, who holds the lock."""
    project.program('File("A", slow=True)')
    other = console_of(project)
    ask(other, "api/do/unlock", {"confirm": "dev"})
    pages = [browser.new_context().new_page() for _ in range(3)]
    try:
        for page, url in zip(pages, (server.url, server.url, other.url), strict=True):
            page.goto(url)
            page.wait_for_selector("h1")
            page.keyboard.press("d")
            page.wait_for_selector("[role=dialog] .kv:has-text('A')")
        first, second, third = pages
        first.click("[role=dialog] button.primary")
        first.wait_for_selector("[role=dialog] :text('writing slowly')")
        second.click("[role=dialog] button.primary")
        second.wait_for_selector("[role=dialog] [role=alert]:has-text('sst deploy --stage dev runs already')")
        third.click("[role=dialog] button.primary")
        third.wait_for_selector("[role=dialog] [role=alert]:has-text('the lock')")
        Path(project.root, "go").touch()
        first.wait_for_selector("[role=dialog] footer:has-text('took')", timeout=20_000)
        assert set(project.things) == {"A"}
    finally:
        Path(project.root, "go").touch()
        for page in pages:
            page.context.close()
        other.close()
