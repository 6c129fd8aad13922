"""A framework's server in `sst dev`, in its pane and behind the local Router, in a real browser; by ``make sites``."""
from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.browser import launch, needs_browser
from tests.dev.live import Dev, get, write
from tests.sites import apps
from tests.sites.visitor import send

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.skipif(
    not os.environ.get("SST_SITES"), reason="make sites opens frameworks in Chromium"), needs_browser]
SITE = '''
import sst
from sst import aws


def config(input: sst.AppInput) -> sst.Config:
    return sst.Config(name="site")


def run() -> dict[str, object]:
    router = aws.Router("Main")
    web = aws.SvelteKit("Web", path="web", link=[aws.Bucket("Uploads")], router={"instance": router})
    return {"url": web.url}
'''


def test_a_page_of_a_framework_changes_under_the_browser(tmp_path: Path) -> None:
    taken = None
    with suppress(OSError):     # another program has Vite's port, or this one
        taken = socket.create_server(("127.0.0.1", 5173))
    apps.app("svelte_kit", tmp_path / "web")
    write(tmp_path, {"sst_config.py": SITE})
    page_file = tmp_path / "web/src/routes/+page.svelte"
    dev = Dev(tmp_path).ready()
    try:
        url = dev.url("url")
        assert ":5173" not in url
        dev.until(lambda: get(url)[0] == 200, seconds=60)
        own = [line for line in dev.said if line.startswith("[Web]")]
        assert own and not any(":5173" in line for line in own), "it has a pane of its own, and a port"
        with sync_playwright() as play:
            browser = launch(play)
            page = browser.new_page()
            sockets: list[str] = []
            page.on("websocket", lambda s: sockets.append(s.url))
            page.goto(url)
            assert page.inner_text("h1") == "Home" and "-local-uploads" in page.inner_text("#link")
            page.wait_for_load_state("networkidle")
            page.evaluate("window.same = 1")
            page_file.write_text(page_file.read_text().replace("Home", "Changed"))
            page.wait_for_selector("h1:text('Changed')")
            assert page.evaluate("window.same") == 1, "it was replaced in place, not loaded again"
            send(page, url, "page")
            page.goto(f"{url}/seen")
            assert "name=Bob" in page.inner_text("body"), "the form was taken, and its cookie is of this host"
            assert sockets and all(s.startswith(url.replace("http", "ws", 1)) for s in sockets), sockets
            browser.close()
        assert dev.interrupt() == 0
    finally:
        dev.close()
        if taken is not None:
            taken.close()
