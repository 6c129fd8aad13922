"""Python apps as ``sst init`` finds them, with nothing to edit: deployed, and in `sst dev`; by ``make sites``."""
from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.dev.live import Dev, get
from tests.e2e.project import call, project
from tests.runtime.conftest import environment_of
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
    python = environment_of("fastapi", "python-multipart", "django", "flask")
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
