"""Sites of each framework on stage ``local``, in a real browser; by ``make sites``."""
from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.e2e.project import project
from tests.sites import apps

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.skipif(
    not os.environ.get("SST_SITES") or not BROWSER, reason="make sites opens all frameworks in Chromium")]

KINDS = {"react_router": "React", "svelte_kit": "SvelteKit", "astro": "Astro", "nuxt": "Nuxt", "remix": "Remix",
         "tan_stack_start": "TanStackStart", "solid_start": "SolidStart"}
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
    with project(tmp_path, {"sst_config.py": CONFIG.replace("KIND", KINDS[name])}) as made:
        made.sst("deploy")
        url = made.outputs()["url"]
        with sync_playwright() as play:
            browser = play.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
            page = browser.new_page()
            errors: list[str] = []
            page.on("pageerror", lambda e: errors.append(str(e)))
            page.goto(url)
            assert page.inner_text("h1") == "Home" and page.inner_text("#link").startswith("site-local-uploads")
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
            if name not in ("nuxt", "tan_stack_start", "solid_start"):     # their form is a route without a page
                page.goto(f"{url}/form")
                page.wait_for_load_state("networkidle")
                page.fill("input", "Bob")
                page.click("button")
                page.wait_for_selector("text=Hello Bob")
                page.goto(f"{url}/form")
                assert "Bob" in page.inner_text("#cookie")
            assert errors == []
            browser.close()
