"""A Next.js site on stage ``local``, in a real browser: both routers, its cache, images, middleware, server actions."""
from __future__ import annotations

import os
import time
import urllib.request
from collections.abc import Iterator

import pytest
from playwright.sync_api import sync_playwright

from tests.e2e.project import Project, call, eventually, project
from tests.sites import apps
from tests.sites.test_browser import BROWSER

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.skipif(
    not os.environ.get("SST_SITES") or not BROWSER, reason="make sites opens all frameworks in Chromium")]
AGENT = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """As `sst init` writes it, with a link."""
    root = tmp_path_factory.mktemp("next") / "site"
    apps.app("next", root / "web")
    with project(root, {}) as made:
        made.sst("init")
        config = root / "sst_config.py"
        known = 'aws.Nextjs("Web", path="web"'
        assert known in config.read_text()
        config.write_text(config.read_text().replace(known, f'{known}, link=[aws.Bucket("Uploads")]'))
        made.sst("deploy")
        yield made


def made_at(url: str) -> str:
    return call(url, headers=AGENT).body.partition('id="made">')[2].partition("<")[0]


def test_a_browser_goes_through_it(site: Project) -> None:
    url = site.outputs()["url"]
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
        assert page.evaluate("window.same") == 1
        page.goto(f"{url}/form")
        page.wait_for_load_state("networkidle")
        page.fill("input[name=name]", "Bob")
        page.click("button")
        page.wait_for_selector("text=Hello Bob")
        page.goto(f"{url}/old")
        assert page.url == f"{url}/blog/static"
        assert errors == []
        browser.close()


def test_routes_middleware_uploads_and_misses(site: Project) -> None:
    url = site.outputs()["url"]
    assert "Legacy <!-- -->7" in call(f"{url}/legacy?q=7").body
    assert "Post <!-- -->rewritten" in call(f"{url}/rewrite-me").body
    assert call(f"{url}/nowhere").status == 404
    assert call(f"{url}/seen", headers={"cookie": "a=1; b=2"}).json["cookie"] == "a=1; b=2"
    sent = call(f"{url}/upload", method="POST", body=bytes(range(256)) * 12 * 1024,
                headers={"content-type": "application/octet-stream"})
    assert sent.json == {"size": 3 * 1024 * 1024}
    assert call(f"{url}/robots.txt").body.startswith("User-agent")


def test_the_first_part_does_not_wait_for_the_last(site: Project) -> None:
    request = urllib.request.Request(f"{site.outputs()['url']}/slow", headers=AGENT)
    with urllib.request.urlopen(request, timeout=30) as answer:
        got = b""
        while b"first" not in got:
            got += answer.read1(65536)
        assert b'id="last"' not in got
        assert b'id="last"' in got + answer.read()


def test_a_page_is_made_anew_after_its_time(site: Project) -> None:
    url = f"{site.outputs()['url']}/isr"
    first = made_at(url)
    assert first and made_at(f"{site.outputs()['url']}/blog/static") == made_at(f"{site.outputs()['url']}/blog/static")
    eventually(lambda: made_at(f"{url}?{time.monotonic()}") != first)


def test_a_tag_makes_its_pages_anew(site: Project) -> None:
    url = site.outputs()["url"]
    first = made_at(f"{url}/tag?1")
    assert first == made_at(f"{url}/tag?2")
    table = next(t for t in site.client("dynamodb").list_tables()["TableNames"] if "Tags" in t)
    eventually(lambda: site.client("dynamodb").scan(TableName=table)["Count"] > 0)
    assert call(f"{url}/revalidate", method="POST").json == {"revalidated": True}
    eventually(lambda: made_at(f"{url}/tag?{time.monotonic()}") != first)


def test_images_are_made_smaller(site: Project) -> None:
    url = f"{site.outputs()['url']}/_next/image?url=%2Fpicture.png&w=256&q=75"
    with urllib.request.urlopen(urllib.request.Request(url, headers={"accept": "image/webp"}), timeout=60) as answer:
        assert answer.headers["content-type"] == "image/webp"
        assert answer.read()[8:12] == b"WEBP"


def test_nothing_changed_nothing_done(site: Project) -> None:
    assert "no changes" in site.sst("deploy")
    assert not (site.root / "web/open-next.config.ts").exists()
