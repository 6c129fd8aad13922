"""Sites with a server on stage `local`: a page beside the same server alone, and what a change of it costs."""
from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uv
from tests.sites import apps

from sst.build.site.nodejs import node_for
from sst.embedded import cloud as embedded

from .dev import Session
from .http_load import Load, load
from .report import Report
from .site_first_bytes import measure_first_bytes
from .site_starts import measure_starts
from .site_unchanged import calls_of, measure_unchanged, sst

__all__ = ["run_site_servers"]

PROGRAM = """
import sst
from sst import aws


def config(input):
    return sst.Config(name="bench", region="us-east-1")


def run():
    router, token = aws.Router("Main"), sst.Secret("Token", "tok-7f3e9a51")
    pages = aws.StaticSite("Pages", path="pages", router={"instance": router, "path": "/pages"}, dev=DEV)
    web = aws.NodeServer("Web", path="web", entry="dist/main.js", link=[token], dev=False)
    api = aws.FastApi("Api", app="api/main:app", link=[token], static={"/assets": "pages"})
    admin = aws.Flask("Admin", app="admin/main:app")
    shop = aws.Django("Shop", project="shop")
    urls = {"pages": pages.url, "web": web.url, "api": api.url, "admin": admin.url, "shop": shop.url}
    REACT
    return urls
"""
REACT = 'urls["react"] = aws.React("React", path="react", link=[token], dev=False).url'
SLOW = '''

def parts():
    yield "first "
    time.sleep(0.7)
    yield "last"
'''
API = f'''import time

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, StreamingResponse

app = FastAPI()
{SLOW}

@app.get("/slow")
def slow() -> StreamingResponse:
    return StreamingResponse(parts())


@app.get("/", response_class=HTMLResponse)
def home() -> str:
    return "<h1>Home</h1>"
'''
OF_API = '[project]\nname = "api"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = ["fastapi"]\n'
ADMIN = f'''import time

from flask import Flask

app = Flask(__name__)
{SLOW}

app.get("/slow")(parts)
app.get("/")(lambda: "<h1>Home</h1>")
'''
URLS = f'''import time

from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path
{SLOW}

urlpatterns = [path("", lambda request: HttpResponse("<h1>Home</h1>")),
               path("slow", lambda request: StreamingHttpResponse(parts()))]
'''
PAGES = '''import http.server
import pathlib


class Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        page = pathlib.Path("index.html").read_bytes()
        self.send_response(200)
        self.send_header("content-length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *arguments):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Pages).serve_forever()
'''
NOTE = """Express, FastAPI, Flask, Django and React Router behind the whole chain: edge function, function URL, \
wrapper. The floor is the same app behind its own server, `node`, `uvicorn` or `react-router-serve`, measured in turn\
 with it. Saves are in `sst dev`, from the second one on: from the write of the file until a request has the new \
answer; the floor of a page is the dev server asked without the Router."""
SECONDS = 2.0


def run_site_servers(report: Report, *, quick: bool, times: int) -> None:
    report.title("Sites with a server", NOTE)
    folder = Path(tempfile.mkdtemp(prefix="sst-bench-"))
    root = folder / "app"
    try:
        python, port = _project(root), _free_port()
        measure_starts(report, root, python, 3 * times)
        _write(root, dev="None", port=port)
        embedded.start(root, environment=os.environ)
        sst(root, "deploy")
        measure_unchanged(report, root, times, quick=quick)
        apps.app("react_router_8", root / "react")
        _write(root, dev="None", port=port, react=REACT)
        sst(root, "deploy")
        with _alone(root, python) as own:
            _pages(report, root, own)
            measure_first_bytes(report, _outputs(root), own)
        _changes(report, root)
        _write(root, dev=f'{{"command": "python3 ../pages.py", "url": "http://127.0.0.1:{port}"}}', port=port,
               react=REACT)
        _saves(report, root, port, 4 * times)
    finally:
        embedded.reset(root)
        shutil.rmtree(folder, ignore_errors=True)


def _project(root: Path) -> Path:
    """Its files, but for the program; the Python of its environment."""
    apps.app("express", root / "web")
    python = root / ".venv/bin/python"
    for words in (("venv", "-q", "--python", sys.executable, root / ".venv"),
                  ("pip", "install", "-q", "--python", python, "fastapi", "uvicorn", "flask", "django>=5.2,<6")):
        subprocess.run([uv.find_uv_bin(), *words], check=True)
    subprocess.run([python, "-m", "django", "startproject", "shop", "."], cwd=root, check=True)
    files = {"api/main.py": API, "api/pyproject.toml": OF_API, "shop/urls.py": URLS,
             "admin/main.py": ADMIN,
             "admin/pyproject.toml": OF_API.replace('"api"', '"admin"').replace("fastapi", "flask"),
             "requirements.txt": "django>=5.2,<6\n",
             "pages/index.html": "<h1>Home</h1>"}
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return python


def _write(root: Path, *, dev: str, port: int, react: str = "") -> None:
    (root / "sst_config.py").write_text(PROGRAM.replace("DEV", dev).replace("REACT", react))
    (root / "pages.py").write_text(PAGES.replace("PORT", str(port)))


def _pages(report: Report, root: Path, own: dict[str, int]) -> None:
    outputs = _outputs(root)
    rows: list[Sequence[object]] = []
    for name, port in own.items():
        _until(f"{outputs[name]}/", "Home")
        ours, theirs = list[Load](), list[Load]()
        for _ in range(3):
            ours.append(asyncio.run(load(int(outputs[name].rpartition(":")[2]), 1, SECONDS)))
            theirs.append(asyncio.run(load(port, 1, SECONDS / 2)))
        four = asyncio.run(load(int(outputs[name].rpartition(":")[2]), 4, SECONDS))
        best, floor = min(load.p50 for load in ours), min(load.p50 for load in theirs)
        rate = max(load.rate for load in ours)
        rows.append((name, f"{best:.2f} ms", f"{floor:.2f} ms", f"{rate:.0f}", f"{four.rate:.0f}"))
        report.figure(f"p50 of a warm page of {name}, more than its own server", best - floor, 4, "ms")
        report.at_least(f"warm pages of {name}, one client", rate, 150, "a second")
    report.table(("a warm page", "p50 behind CDN and wrapper", "p50 of its own server", "one client, a second",
                  "four clients"), rows)


def _changes(report: Report, root: Path) -> None:
    for name, file in (("Express", "web/src/main.js"), ("FastAPI", "api/main.py"), ("Flask", "admin/main.py"),
                       ("Django", "shop/urls.py")):
        source = root / file
        source.write_text(source.read_text().replace("Home", "Changed"))
        calls = calls_of(sst(root, "deploy"))
        report.say(f"- a change of the server alone, {name}: "
                   + ", ".join(f"{n} {call}" for call, n in sorted(calls.items())))
        report.figure(f"calls of a change of the server alone, {name}", sum(calls.values()), 4, "calls")
        report.figure(f"objects of it, beside the code, {name}", calls.get("s3.put_object", 1) - 1, 0, "")


def _saves(report: Report, root: Path, port: int, count: int) -> None:
    with Session(root, mode="mono") as session:   # with the commands of the program
        took = {"pages": list[float](), "the dev server alone": list[float](), "FastAPI": list[float](),
                "Django": list[float]()}
        asked = {"pages": (f"{session.urls['pages']}/", root / "pages/index.html"),
                 "the dev server alone": (f"http://127.0.0.1:{port}/", root / "pages/index.html"),
                 "FastAPI": (session.urls["api"], root / "api/main.py"),
                 "Django": (session.urls["shop"], root / "shop/urls.py")}
        for url, _ in asked.values():
            _until(url, "<h1>")
        for turn in range(count + 1):
            for name, (url, file) in asked.items():
                before = file.read_text()
                start = before.index("<h1>") + 4
                part = file.with_name(".saving")
                part.write_text(before[:start] + f"Turn {turn}" + before[before.index("</h1>"):])
                began = time.perf_counter()
                part.replace(file)
                _until(url, f"Turn {turn}<")
                if turn:    # from the second save on: the first starts what workers are forked from
                    took[name].append((time.perf_counter() - began) * 1e3)
                time.sleep(0.2 if turn else 2)     # till what a save begins is over
    found = {name: statistics.median(times) for name, times in took.items()}
    report.table(("save to new answer", "median"), [(name, f"{ms:.1f} ms") for name, ms in found.items()])
    report.figure("a new page in `sst dev` through the Router, more than its own server",
                  found["pages"] - found["the dev server alone"], 20, "ms")
    for name in ("FastAPI", "Django"):
        report.figure(f"save to new answer of {name}", found[name], 150, "ms")


def _until(url: str, text: str) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                if text in answer.read().decode():
                    return
        except OSError:
            time.sleep(0.02)    # not up yet
    raise RuntimeError(f"{url} never answered {text!r}")


@contextmanager
def _alone(root: Path, python: Path) -> Iterator[dict[str, int]]:
    """The servers without any of it, each on a port of its own."""
    ports = {name: _free_port() for name in ("web", "api", "admin", "shop", "react")}
    node, its = (node_for(root / n, os.environ["PATH"], lambda text: None) / "node" for n in ("web", "react"))
    plain: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    quiet = ("--no-access-log", "--log-level", "warning")
    running = [
        subprocess.Popen([its, "node_modules/@react-router/serve/bin.cjs", "build/server/index.js"], cwd=root / "react",
                         **plain, env={**os.environ, "PORT": str(ports["react"]), "NODE_ENV": "production"}),
        subprocess.Popen([node, "dist/main.js"], cwd=root / "web", **plain,
                         env={**os.environ, "PORT": str(ports["web"]), "NODE_ENV": "production"}),
        subprocess.Popen([python, "-m", "uvicorn", *quiet, "--port", str(ports["api"]), "main:app"],
                         cwd=root / "api", **plain),
        subprocess.Popen([python, "-m", "uvicorn", *quiet, "--port", str(ports["admin"]), "--interface", "wsgi",
                          "main:app"], cwd=root / "admin", **plain),
        subprocess.Popen([python, "-m", "uvicorn", *quiet, "--port", str(ports["shop"]), "--interface", "wsgi",
                          "shop.wsgi:application"], cwd=root, **plain)]
    try:
        for port in ports.values():
            _until(f"http://127.0.0.1:{port}/", "Home")
        yield ports
    finally:
        for process in running:
            process.terminate()
            process.wait()


def _free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _outputs(root: Path) -> dict[str, str]:
    return dict(json.loads((root / ".sst/outputs.json").read_text()))
