"""What real frameworks build, run by the wrapper; by ``make sites``."""
from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from sst.build.site.assemble import Assembled, assemble
from sst.build.site.frameworks import READERS
from sst.build.site.nodejs import node_for
from sst.build.zip import extract
from sst.executor import FunctionVersion
from tests.executor.stage import Stage, play
from tests.sites import apps
from tests.sites.test_container import VISITOR, running
from tests.sites.test_container import ask as request
from tests.sites.test_server import ask, event, opened

PLAIN = {"express": ("node_server", "dist/main.js"), "hono": ("node_server", "dist/main.js")}
MATRIX = {**PLAIN, "react_router": ("react_router", ""), "react_router_8": ("react_router", ""),
        "svelte_kit": ("svelte_kit", ""), "svelte_kit_2": ("svelte_kit", ""), "astro": ("astro", ""),
        "astro_5": ("astro", ""),
        "nuxt": ("nitro", ""), "remix": ("react_router", ""),
        "tan_stack_start": ("tan_stack_start", ""), "solid_start": ("nitro", ""),
        "solid_start_2": ("nitro", ""), "analog": ("nitro", ""),
        "angular": ("angular", "")}
MATRIX = {name: kind for name, kind in MATRIX.items() if apps.chosen(name)}
PAGES = sorted(MATRIX.keys() - PLAIN.keys())
CHECKED = {"svelte_kit": 403, "svelte_kit_2": 403, "astro": 403, "astro_5": 403, "react_router": 400,
           "react_router_8": 400, "remix": 500}
"""What frameworks answer to a form of another site; the others leave that to the app."""
pytestmark = pytest.mark.skipif(not os.environ.get("SST_SITES"), reason="make sites builds and runs all frameworks")
BROWSER = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36",
           "accept": "text/html", "x-forwarded-host": "shop.example.com"}


def assembled(name: str, cache: Path) -> Assembled:
    site, (reader, entry) = apps.built(name), MATRIX[name]
    return assemble(site, READERS[reader](site, entry), cache, install=(), note=lambda text: None)


def serving(name: str, folder: Path, story: Callable[[Stage, FunctionVersion], Awaitable[None]]) -> None:
    """The app's zip as a function, on the Node that the app needs."""
    made = assembled(name, folder / "cache")
    assert made.code
    extract(made.code, code := folder / "code")
    fn = FunctionVersion(arn=f"arn:aws:lambda:us-east-1:000000000000:function:{name}", name=name, version="$LATEST",
                         runtime="nodejs24.x", handler=made.handler, code=code, timeout=20, memory=1024,
                         log_group=f"/aws/lambda/{name}", environment=(
                             ("NG_ALLOWED_HOSTS", "shop.example.com"),
                             ("SST_RESOURCE_Uploads", '{"name":"the-bucket"}'), ("SST_RESOURCE_Token", '"12345678"')))
    path = f"{node_for(apps.built(name), os.environ['PATH'], lambda text: None)}:{os.environ['PATH']}"

    async def begun(stage: Stage) -> None:
        await story(stage, fn)

    play(folder, begun, host={"PATH": path})


@pytest.mark.slow
@pytest.mark.parametrize("name", MATRIX)
def test_a_page_a_redirect_a_cookie_and_an_upload(tmp_path: Path, name: str) -> None:
    async def story(stage: Stage, fn: FunctionVersion) -> None:
        home = await ask(stage, fn, event("/", headers=BROWSER))
        assert home.status == 200 and b"Home</h1>" in home.body and b"the-bucket" in home.body
        seen = (await ask(stage, fn, event("/seen", cookies=["a=1", "b=2"], headers=BROWSER))).json
        assert seen["cookie"] == "a=1; b=2"
        if name == "express":
            assert (seen["protocol"], seen["host"]) == ("https", "shop.example.com")
        else:
            assert seen["url"] == "https://shop.example.com/seen"
        assert (await ask(stage, fn, event("/nowhere", headers=BROWSER))).status == 404
        upload = await ask(stage, fn, event("/upload", method="POST", body=bytes(range(256)) * 12 * 1024, headers={
            **BROWSER, "origin": "https://shop.example.com", "content-type": "application/octet-stream"}))
        assert upload.json == {"size": 3 * 1024 * 1024}
        old = await ask(stage, fn, event("/cookie" if name in PLAIN else "/old", headers=BROWSER))
        assert old.status == 302 and old.headers["location"] in ("/seen", "/blog/static")

    serving(name, tmp_path, story)


@pytest.mark.slow
@pytest.mark.parametrize("name", MATRIX)
def test_in_a_container_it_sees_the_visitor_too(tmp_path: Path, name: str) -> None:
    made = assembled(name, tmp_path / "cache")
    assert made.code
    extract(made.code, code := tmp_path / "code")
    more = {"NG_ALLOWED_HOSTS": "shop.example.com", "SST_RESOURCE_Uploads": '{"name":"the-bucket"}',
            "SST_RESOURCE_Token": '"12345678"', "HOME": str(tmp_path)}
    node = node_for(apps.built(name), os.environ["PATH"], lambda text: None) / "node"
    with running(code, f"{made.handler.rpartition('.')[0]}.mjs", str(node), more) as (port, _):
        headers = {k: v for k, v in BROWSER.items() if k != "x-forwarded-host"} | VISITOR
        status, home = request(port, "/", headers=headers)
        assert status == 200 and b"Home</h1>" in home and b"the-bucket" in home
        seen = json.loads(request(port, "/seen", headers={**headers, "Cookie": "a=1; b=2"})[1])
        assert seen["cookie"] == "a=1; b=2"
        if name == "express":
            assert (seen["protocol"], seen["host"]) == ("https", "shop.example.com")
        else:
            assert seen["url"] == "https://shop.example.com/seen"
        sent = request(port, "/upload", method="POST", body=bytes(8 * 1024 * 1024), headers={
            **headers, "Origin": "https://shop.example.com", "Content-Type": "application/octet-stream"})
        assert json.loads(sent[1]) == {"size": 8 * 1024 * 1024}
        assert request(port, "/nowhere", headers=headers)[0] == 404


@pytest.mark.slow
@pytest.mark.parametrize("name", MATRIX)
def test_the_first_part_does_not_wait_for_the_last(tmp_path: Path, name: str) -> None:
    async def story(stage: Stage, fn: FunctionVersion) -> None:
        async with opened(stage, fn, event("/slow", headers=BROWSER)) as (answer, parts):
            while b"first" not in answer.body:
                answer.body += await anext(aiter(parts))
            assert not answer.body.rstrip().endswith(b"last") and b'"last">last' not in answer.body
            assert parts.result is None
            answer.body += b"".join([part async for part in parts])
        assert b"last" in answer.body

    serving(name, tmp_path, story)


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_a_form_is_taken_from_the_own_site_alone(tmp_path: Path, name: str) -> None:
    async def story(stage: Stage, fn: FunctionVersion) -> None:
        form = {**BROWSER, "content-type": "application/x-www-form-urlencoded"}
        sent = await ask(stage, fn, event("/form", method="POST", body=b"name=M%C3%BCller",
                                          headers={**form, "origin": "https://shop.example.com"}))
        assert sent.status == 200 and "Müller" in sent.body.decode() and sent.cookies[0].startswith("name=M%C3%BCller")
        if name in CHECKED:
            strange = await ask(stage, fn, event("/form", method="POST", body=b"name=x",
                                                 headers={**form, "origin": "https://evil.example"}))
            assert strange.status == CHECKED[name] and not strange.cookies

    serving(name, tmp_path, story)


@pytest.mark.parametrize("name", MATRIX)
def test_a_prerendered_page_is_a_file_and_no_link_is_in_the_files(tmp_path: Path, name: str) -> None:
    made = assembled(name, tmp_path / "cache")
    names = {p.relative_to(made.static).as_posix() for p in made.static.rglob("*") if p.is_file()}
    assert ("robots.txt" in names) == (name in PAGES)
    assert bool(names & {"blog/static/index.html", "blog/static.html"}) == (name in PAGES and name != "remix")
    assert not any(n.endswith((".gz", ".br")) for n in names)
    for file in made.static.rglob("*"):
        assert not file.is_file() or apps.SECRET.encode() not in file.read_bytes()
    again = assembled(name, tmp_path / "cache")
    assert again == made
