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

__all__ = ["environment_of"]

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.skipif(
    not os.environ.get("SST_SITES"), reason="make sites deploys what sst init finds")]
STARLETTE = """
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from words import text

app = Starlette(routes=[Route("/", lambda request: PlainTextResponse(text))])
"""
FAST_API = "from fastapi import FastAPI\nfrom words import text\n\napp = FastAPI()\napp.get('/')(lambda: text)\n"
FLASK = "from flask import Flask\nfrom words import text\n\napp = Flask(__name__)\napp.get('/')(lambda: text)\n"
DJANGO = "from django.http import HttpResponse\nfrom django.urls import path\nfrom words import text\n\n" \
         "urlpatterns = [path('', lambda request: HttpResponse(text))]\n"
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
    files = {file: source, "words.py": "text = 'first'\n", "requirements.txt": f"{name.lower()}\n"}
    with project(tmp_path, files) as made:
        made.sst("init", "--yes")
        assert line in (tmp_path / "sst_config.py").read_text()
        made.sst("deploy")
        assert "first" in call(made.outputs()["url"]).body
        dev = Dev(tmp_path).ready()
        try:
            url = dev.url("url")
            dev.save("words.py", "text = 'second, and longer'\n")
            dev.until(lambda: "second" in get(url)[1], seconds=10)
            assert dev.interrupt() == 0
        finally:
            dev.kill()
