"""Sites of each framework on stage ``local``, as ``sst init`` wrote them, in a real browser; by ``make sites``."""
from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.e2e.project import call, project
from tests.sites import apps

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.skipif(
    not os.environ.get("SST_SITES") or not BROWSER, reason="make sites opens all frameworks in Chromium")]

KINDS = {"react_router": "React", "svelte_kit": "SvelteKit", "svelte_kit_2": "SvelteKit", "astro": "Astro",
         "nuxt": "Nuxt", "remix": "Remix", "tan_stack_start": "TanStackStart", "solid_start": "SolidStart",
         "analog": "Analog", "angular": "Angular"}
SERVERS = {"express": 'entry="dist/main.js"', "hono": 'entry="dist/main.js"'}
ROUTES = ("nuxt", "tan_stack_start", "solid_start", "analog", "angular")
"""Whose form is a route without a page."""
CONFIG = '''
import sst
from sst import aws


def config(input: sst.AppInput) -> sst.Config:
    return sst.Config(name="site")


def run() -> dict[str, object]:
    return {"url": aws.KIND("Web", path="web", link=[aws.Bucket("Uploads")]).url}
'''


@pytest.mark.parametrize("name", [*filter(apps.chosen, KINDS)])
def test_a_browser_goes_through_the_site(tmp_path: Path, name: str) -> None:
    apps.app(name, tmp_path / "web")
    with project(tmp_path, {}) as made:
        made.sst("init", "--yes")
        written = (tmp_path / "sst_config.py").read_text()
        assert f'aws.{KINDS[name]}("Web", path="web")' in written
        made.write({"sst_config.py": written.replace('path="web"', 'path="web", link=[aws.Bucket("Uploads")]')})
        made.sst("deploy")
        url = made.outputs()["url"]
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
            page = browser.new_page()
            errors: list[str] = []
            page.on("pageerror", lambda e: errors.append(str(e)))
            page.goto(url)
            assert page.inner_text("h1") == "Home" and "-local-uploads" in page.inner_text("#link")
            page.wait_for_load_state("networkidle")
            page.evaluate("window.same = 1")
            page.click("text=dynamic")
            page.wait_for_selector("text=Post dynamic")
            assert page.evaluate("window.same") == (None if name == "astro" else 1)
            if name != "remix":                 # it prerenders nothing
                page.goto(f"{url}/blog/static")
                first = page.inner_text("#made")
                page.reload()
                assert page.inner_text("#made") == first
            page.goto(f"{url}/old")
            assert page.url.removeprefix(url).rstrip("/") == "/blog/static"
            found = page.goto(f"{url}/nowhere")
            assert found and found.status == 404
            if name not in ROUTES:
                page.goto(f"{url}/form")
                page.wait_for_load_state("networkidle")
                page.fill("input", "Bob")
                page.click("button")
                page.wait_for_selector("text=Hello Bob")
                page.goto(f"{url}/form")
                assert "Bob" in page.inner_text("#cookie")
            assert errors == []
            browser.close()


@pytest.mark.parametrize("name", [*filter(apps.chosen, SERVERS)])
def test_a_server_is_deployed_as_it_was_found(tmp_path: Path, name: str) -> None:
    apps.app(name, tmp_path / "web")
    with project(tmp_path, {}) as made:
        made.sst("init", "--yes")
        assert f'aws.NodeServer("Web", path="web", {SERVERS[name]})' in (tmp_path / "sst_config.py").read_text()
        made.sst("deploy")
        assert "<h1>Home</h1>" in call(made.outputs()["url"]).body
