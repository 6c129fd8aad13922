"""A Next.js site on stage ``local``, in a real browser: both routers, its cache, images, middleware, server actions;
and the same build in a cluster."""
from __future__ import annotations

import os
import shutil
import time
import urllib.request
from collections.abc import Iterator, Mapping
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import sync_playwright

from tests.browser import launch, needs_browser
from tests.e2e.project import Project, call, eventually, project
from tests.sites import apps
from tests.sites.visitor import AGENT, first_part_comes_first, go_through

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.skipif(
    not os.environ.get("SST_SITES"), reason="make sites opens all frameworks in Chromium"), needs_browser]


@pytest.fixture(scope="module", params=[*filter(apps.chosen, ["next", "next_15"])])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """As `sst init` writes it, with a link."""
    root = tmp_path_factory.mktemp("next") / "site"
    apps.app(request.param, root / "web")
    with project(root, {}) as made:
        made.sst("init")
        config = root / "sst_config.py"
        known = 'aws.Nextjs("Web", path="web"'
        assert known in config.read_text()
        links = f'link=[aws.Bucket("Uploads"), sst.Secret("Token", "{apps.SECRET}")]'
        config.write_text(config.read_text().replace(known, f"{known}, {links}"))
        made.sst("deploy")
        yield made


def made_at(url: str) -> str:
    return call(url, headers=AGENT).body.partition('id="made">')[2].partition("<")[0]


def test_a_browser_goes_through_it(site: Project) -> None:
    go_through(site.outputs()["url"], form="page")


def test_an_action_is_taken_from_the_own_site_alone(site: Project) -> None:
    url, sent = site.outputs()["url"], list[Any]()
    with sync_playwright() as play:
        browser = launch(play)
        page = browser.new_page()
        page.on("request", lambda r: sent.append((r.post_data_buffer, r.all_headers())) if r.method == "POST" else None)
        page.goto(f"{url}/form")
        page.wait_for_load_state("networkidle")
        page.fill("input[name=name]", "Bob")
        page.click("button")
        page.wait_for_selector("text=Hello Bob")
        browser.close()
    body, headers = sent[0]
    headers = {k: v for k, v in headers.items() if not k.startswith(":") and k != "content-length"}
    again = call(f"{url}/form", method="POST", body=body, headers=headers)
    strange = call(f"{url}/form", method="POST", body=body, headers={**headers, "origin": "https://evil.example"})
    told = SimpleCookie("; ".join(v for k, v in again.headers if k == "set-cookie"))
    assert (again.status, told["name"].value, told["token"].value) == (200, "Bob", str(len(apps.SECRET)))
    assert strange.status == 500 and not [v for k, v in strange.headers if k == "set-cookie"]


def test_no_link_is_in_anything_that_a_visitor_gets(site: Project) -> None:
    """The variables of an action go to the browser and back, encrypted; a page of the build was made with the links."""
    url, s3 = site.outputs()["url"], site.client("s3")
    given = {f"{path} {kind}": call(f"{url}{path}", headers={**AGENT, **kind}).body.encode()
             for path in ("/", "/form", "/blog/static") for kind in ({}, {"rsc": "1"})}
    assert b"$ACTION_" in given["/form {}"] and f"{len(apps.SECRET)} characters".encode() in given["/blog/static {}"]
    for bucket in site.leftovers()["buckets"]:
        for found in s3.list_objects_v2(Bucket=bucket).get("Contents", ()):
            given[found["Key"]] = s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
    assert any("_next/static/" in name for name in given) and any(name.endswith(".cache") for name in given)
    assert not [name for name, content in given.items() if apps.SECRET.encode() in content]


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
    first_part_comes_first(site.outputs()["url"])


def test_a_draft_is_seen_by_its_author_alone(site: Project) -> None:
    url = site.outputs()["url"]
    assert "published" in call(f"{url}/drafted").body
    assert dict(call(f"{url}/drafted").headers)["x-cache"] == "Hit from cloudfront"
    bypass = SimpleCookie(next(v for k, v in call(f"{url}/draft").headers if k == "set-cookie"))["__prerender_bypass"]
    draft = call(f"{url}/drafted", headers={"cookie": f"__prerender_bypass={bypass.value}"})
    assert '"made">draft' in draft.body and dict(draft.headers)["x-cache"] == "Miss from cloudfront"
    assert "published" in call(f"{url}/drafted").body


def test_what_the_router_of_the_browser_asks_for_is_no_page(site: Project) -> None:
    url = f"{site.outputs()['url']}/drafted?asked"
    data = call(url, headers={**AGENT, "rsc": "1"})
    page = call(url, headers=AGENT)
    assert dict(data.headers)["content-type"].startswith("text/x-component")
    assert dict(page.headers)["content-type"].startswith("text/html") and "published" in page.body


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


def image_at(url: str, path: str, accept: str) -> tuple[str, bytes]:
    """The type and the first bytes of an image that is made smaller."""
    asked = f"{url}/_next/image?url={quote(path, safe='')}&w=256&q=75"
    with urllib.request.urlopen(urllib.request.Request(asked, headers={"accept": accept}), timeout=60) as answer:
        return answer.headers["content-type"], answer.read()[:4]


def test_images_are_made_smaller_in_a_format_that_the_browser_takes(site: Project) -> None:
    url = site.outputs()["url"]
    for kind in ("image/webp", "image/png", "image/webp"):
        first = b"RIFF" if kind == "image/webp" else b"\x89PNG"
        assert image_at(url, "/picture.png", kind) == (kind, first)


def test_nothing_changed_nothing_done(site: Project) -> None:
    assert "no changes" in site.sst("deploy")
    assert not (site.root / "web/open-next.config.ts").exists()


CLUSTER = '''
import sst
from sst import aws


def config(input: sst.AppInput) -> sst.Config:
    return sst.Config(name="site")


def run() -> dict[str, object]:
    site = aws.Nextjs("Web", path="web", link=[aws.Bucket("Uploads")], build_command="true", memory="1 GB",
                      cluster=aws.Cluster("Cluster", vpc=aws.Vpc("Net")), scaling={"min": 2, "max": 2})
    return {"url": site.url, "balancer": site.nodes.balancer.url}
'''


@pytest.fixture(scope="module")
def cluster(site: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, Mapping[str, str]]]:
    """The build of the other tests, and the outputs."""
    root = tmp_path_factory.mktemp("cluster") / "site"
    shutil.copytree(site.root / "web", root / "web", ignore=lambda folder, names: [
        n for n in names if n == "node_modules" and folder == str(site.root / "web")])
    (root / "web/node_modules").mkdir()
    with project(root, {"sst_config.py": CLUSTER}) as made:
        made.sst("deploy")
        yield made, made.outputs()


def test_tasks_of_a_cluster_share_one_cache(cluster: tuple[Project, Mapping[str, str]]) -> None:
    made, outputs = cluster
    url = outputs["url"]
    assert "Home" in call(url, headers=AGENT).body and call(f"{url}/nowhere").status == 404
    assert call(outputs["balancer"]).status == 403
    first = made_at(f"{url}/tag?1")
    assert first and {made_at(f"{url}/tag?{n}") for n in range(2, 6)} == {first}
    table = next(t for t in made.client("dynamodb").list_tables()["TableNames"] if "Tags" in t)
    eventually(lambda: made.client("dynamodb").scan(TableName=table)["Count"] > 0)
    assert call(f"{url}/revalidate", method="POST").json == {"revalidated": True}
    eventually(lambda: made_at(f"{url}/tag?{time.monotonic()}") != first)
    eventually(lambda: len({made_at(f"{url}/tag?{time.monotonic()}") for _ in range(4)}) == 1)
    stale = made_at(f"{url}/isr")
    eventually(lambda: made_at(f"{url}/isr?{time.monotonic()}") != stale)


def test_a_task_streams_takes_large_bodies_and_makes_images(cluster: tuple[Project, Mapping[str, str]]) -> None:
    url = cluster[1]["url"]
    first_part_comes_first(url)
    binary = {"content-type": "application/octet-stream"}
    assert call(f"{url}/upload", method="POST", body=bytes(8 << 20), headers=binary).json == {"size": 8 << 20}
    assert image_at(url, "/picture.png", "image/webp") == ("image/webp", b"RIFF")
    assert call(f"{url}/seen", headers={"cookie": "a=1; b=2"}).json["cookie"] == "a=1; b=2"
