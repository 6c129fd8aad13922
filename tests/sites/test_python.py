"""Python apps as ``sst init`` finds them, with nothing to edit: deployed, and in `sst dev`; by ``make sites``."""
from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from sst.embedded.ports import free_port
from tests.browser import launch, needs_browser
from tests.dev.live import Dev, get
from tests.e2e.project import call, project
from tests.runtime.conftest import environment_of
from tests.sites import apps
from tests.sites.visitor import first_part_waits_for_nothing

__all__ = ["environment_of"]

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.skipif(
    not os.environ.get("SST_SITES"), reason="make sites deploys what sst init finds")]
STARLETTE = """
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from parts import parts
from words import text

app = Starlette(routes=[Route("/", lambda request: PlainTextResponse(text)),
                        Route("/slow", lambda request: StreamingResponse(parts(request.query_params["until"])))])
"""
FAST_API = """
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from fastapi.sse import EventSourceResponse

from parts import parts
from words import text

app = FastAPI()
app.get("/")(lambda: text)


@app.get("/slow")
def slow(until: str):
    return StreamingResponse(parts(until))


@app.get("/events", response_class=EventSourceResponse)
def events(until: str):
    yield from parts(until)
"""
FLASK = """
from flask import Flask, request
from parts import parts
from words import text

app = Flask(__name__)
app.get("/")(lambda: text)


@app.get("/slow")
def slow():
    return parts(request.args["until"])
"""
DJANGO = """
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path

from parts import parts
from words import text

urlpatterns = [path("", lambda request: HttpResponse(text)),
               path("slow", lambda request: StreamingHttpResponse(parts(request.GET["until"])))]
"""
PARTS = """
import time
from pathlib import Path


def parts(until):
    yield "first"
    while not Path(until).exists():
        time.sleep(0.01)
    yield "last"
"""
APPS = {"FastAPI": ("main.py", FAST_API, 'aws.FastApi("Api", app="main:app")'),
        "Starlette": ("app.py", STARLETTE, 'aws.FastApi("Api", app="app:app")'),
        "Flask": ("app.py", FLASK, 'aws.Flask("Api", app="app:app")'),
        "Django": ("shop/urls.py", DJANGO, 'aws.Django("Shop", project="shop")')}


@pytest.mark.parametrize("name", APPS)
def test_an_app_is_deployed_as_it_was_found_and_follows_its_files(tmp_path: Path, name: str,
                                                                  environment_of: Callable[..., Path]) -> None:
    python = environment_of("fastapi", "python-multipart", "django", "flask", "uvicorn")
    (tmp_path / ".venv").symlink_to(python.parents[1])
    file, source, line = APPS[name]
    if name == "Django":
        subprocess.run([python, "-m", "django", "startproject", "shop", "."], cwd=tmp_path, check=True)
    files = {file: source, "words.py": "text = 'found'\n", "parts.py": PARTS, "requirements.txt": f"{name.lower()}\n"}
    with project(tmp_path, files) as made:
        made.sst("init", "--yes")
        assert line in (tmp_path / "sst_config.py").read_text()
        made.sst("deploy")
        url, go = made.outputs()["url"], tmp_path / "go"
        assert "found" in call(url).body
        for path in ("/slow", "/events") if name == "FastAPI" else ("/slow",):
            first_part_waits_for_nothing(url + path, go)
        dev = Dev(tmp_path).ready()
        try:
            url = dev.url("url")
            first_part_waits_for_nothing(f"{url.rstrip('/')}/slow", go)
            dev.save("words.py", "text = 'second, and longer'\n")
            dev.until(lambda: "second" in get(url)[1], seconds=10)
            assert dev.interrupt() == 0
        finally:
            dev.kill()
        if name == "FastAPI":
            through_its_own_server(tmp_path, go)


def through_its_own_server(root: Path, go: Path) -> None:
    config, port = root / "sst_config.py", free_port(0)
    server = f'"command": ".venv/bin/python -m uvicorn main:app --port {port} --reload"'
    known = 'app="main:app"'
    config.write_text(config.read_text().replace(
        known, f'{known}, dev={{{server}, "url": "http://127.0.0.1:{port}"}}'))
    dev = Dev(root).ready()
    try:
        url = dev.url("url").rstrip("/")
        assert f":{port}" not in url
        dev.until(lambda: "second" in get(url)[1], seconds=20)
        first_part_waits_for_nothing(f"{url}/slow", go)
        dev.save("words.py", "text = 'third, and longer still'\n")
        dev.until(lambda: "third" in get(url)[1], seconds=20)
        assert [line for line in dev.said if line.startswith("[Api]")], "it has a pane of its own"
        assert dev.interrupt() == 0
    finally:
        dev.kill()


@needs_browser
def test_the_pages_of_fast_api_call_it_in_a_browser(tmp_path: Path, environment_of: Callable[..., Path]) -> None:
    """``/docs`` is made by JavaScript of a CDN, here from npm; it calls the app where the browser found it."""
    scripts = apps.app("swagger_ui", tmp_path / "npm") / "node_modules/swagger-ui-dist"
    root = tmp_path / "app"
    root.mkdir()
    (root / ".venv").symlink_to(environment_of("fastapi", "python-multipart").parents[1])
    source = "from fastapi import FastAPI\n\napp = FastAPI()\napp.get('/greet/{name}')(lambda name: {'hello': name})\n"
    files = {"main.py": source, "requirements.txt": "fastapi\n", "sst_config.py": SITE}
    with project(root, files) as made, sync_playwright() as play:
        made.sst("deploy")
        browser = launch(play)
        for url in (made.outputs()["own"], made.outputs()["behind"]):
            page = browser.new_page()
            page.route("https://cdn.jsdelivr.net/npm/swagger-ui-dist@5/*",
                       lambda route: route.fulfill(path=scripts / route.request.url.rpartition("/")[2]))
            page.route("https://fastapi.tiangolo.com/*", lambda route: route.abort())
            page.goto(f"{url}/docs")
            page.click(".opblock-summary:has-text('greet')")
            page.click("button:text('Try it out')")
            page.fill("[placeholder=name]", "Müller")
            page.click("button:text('Execute')")
            page.wait_for_selector(".live-responses-table :text('Müller')")
            assert page.inner_text(".request-url pre").strip() == f"{url}/greet/M%C3%BCller"
            page.close()
        browser.close()


SITE = """
import sst
from sst import aws


def config(input: sst.AppInput) -> sst.Config:
    return sst.Config(name="docs")


def run() -> dict[str, object]:
    router = aws.Router("Main")
    return {"own": aws.FastApi("Own", app="main:app").url,
            "behind": aws.FastApi("Behind", app="main:app", router={"instance": router}).url}
"""
