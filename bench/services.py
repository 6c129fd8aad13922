"""A service of stage ``local``: deploys, and whether a request fails while it is updated and while its replicas are
killed."""
from __future__ import annotations

import json
import os
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from tests.e2e.project import Project, project

from .report import Report

__all__ = ["run_services"]

RATE = 50
CONFIG = '''
import sst
from sst import aws

def config(input):
    return sst.Config(name="bench", home="local")

def run():
    cluster = aws.Cluster("Cluster", vpc=aws.Vpc("Net"))
    api = aws.Service("Api", cluster=cluster, handler="main.py:app", scaling={"min": 2, "max": 2},
                      load_balancer={"ports": [{"listen": "80/http", "forward": "8080/http"}]})
    return {"url": api.url}
'''
MAIN = '''
import os
from fastapi import FastAPI
app = FastAPI()

@app.get("/")
def index():
    return {"version": VERSION, "pid": os.getpid()}

VERSION = "0"
'''
PYPROJECT = ('[project]\nname = "bench"\nversion = "1"\nrequires-python = ">=3.11"\n'
             'dependencies = ["fastapi", "uvicorn"]\n')


def run_services(report: Report, *, quick: bool, times: int) -> None:
    report.title("A service of stage local",
                 "A FastAPI app in two replicas behind the load balancer; its packages are installed already. Deploys "
                 "are whole `sst deploy` processes, until they have ended, and so until all replicas run the new code.")
    files = {"sst_config.py": CONFIG, "main.py": MAIN, "pyproject.toml": PYPROJECT}
    updates, kills = (4, 2) if quick else (20, 5)
    with project(_folder(), files) as app:
        app.sst("deploy")
        first = _least(times, lambda: app.sst("remove", "--yes"), lambda: app.sst("deploy"))
        url, number = str(app.outputs()["url"]), iter(range(1, 1000))
        change = _least(times, lambda: app.write({"main.py": _version(next(number))}), lambda: app.sst("deploy"))
        with _load(url) as updating:
            for _ in range(updates):
                wanted = next(number)
                app.write({"main.py": _version(wanted)})
                app.sst("deploy")
                assert _ask(url)["version"] == str(wanted)
        with _load(url) as killing:
            for _ in range(kills):
                os.kill(int(_ask(url)["pid"]), signal.SIGKILL)
                _until_two(url)
        calls = _calls(app)
    report.table(("API calls, beside asking who calls", "calls"), list(calls.items()))
    report.table(("what", "requests", "failed"), [
        (f"{updates} rolling updates", sum(updating.values()), _failed(updating)),
        (f"{kills} times kill -9 of a replica", sum(killing.values()), _failed(killing))])
    for name, limit in (("a Vpc without NAT", 20), ("a first service with cluster, balancer and 2 rules", 18),
                        ("a code change", 2), ("nothing to do", 0)):
        report.figure(f"API calls of {name}", calls[name], limit, "calls")
    report.figure("deploy of a service with two replicas", first, 6, "s")
    report.figure("a changed line, live in all replicas", change, 3, "s")
    report.figure(f"failed requests at {RATE}/s in {updates} rolling updates", _failed(updating), 0, "requests")
    report.figure(f"failed requests at {RATE}/s in {kills} times kill -9 of a replica", _failed(killing), 0, "requests")


def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="sst-bench-"))


def _calls(app: Project) -> dict[str, int]:
    """By what was deployed, from nothing: a network, then a service in it, then its changed code, then nothing."""
    rules = [{"listen": "80/http", "forward": "8080/http"},
             {"listen": "80/http", "redirect": "81/http", "conditions": {"path": "/old"}},
             {"listen": "80/http", "forward": "8080/http", "conditions": {"path": "/api/*"}}]
    service = CONFIG.replace('[{"listen": "80/http", "forward": "8080/http"}]', repr(rules)).replace(
        "scaling=", "wait=False, scaling=")
    network = CONFIG.partition("    cluster =")[0] + '    aws.Vpc("Net")\n'
    steps = (("a Vpc without NAT", {"sst_config.py": network}),
             ("a first service with cluster, balancer and 2 rules", {"sst_config.py": service}),
             ("a code change", {"main.py": _version(-1)}), ("nothing to do", {}))
    app.sst("remove", "--yes")
    found = {}
    for name, files in steps:
        app.write(files)
        said = [json.loads(line) for line in app.sst("deploy", "--json").splitlines() if line.startswith("{")]
        made = next(event["calls"] for event in said if "calls" in event)
        found[name] = sum(count for call, count in made.items() if call != "sts.get_caller_identity")
    return found


def _version(number: int) -> str:
    return MAIN.replace('VERSION = "0"', f'VERSION = "{number}"')


def _least(times: int, before: Callable[[], object], work: Callable[[], object]) -> float:
    took = []
    for _ in range(times):
        before()
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return min(took)


def _ask(url: str) -> dict[str, str]:
    with urlopen(url, timeout=30) as answer:
        found: dict[str, str] = json.load(answer)
    return found


def _until_two(url: str) -> None:
    deadline = time.monotonic() + 60
    while len({_ask(url)["pid"] for _ in range(8)}) < 2:
        assert time.monotonic() < deadline, "the replica was not replaced within a minute"


def _failed(seen: Counter[str]) -> int:
    return sum(count for status, count in seen.items() if status != "200")


@contextmanager
def _load(url: str) -> Iterator[Counter[str]]:
    """So many requests a second, each on a connection of its own; how they were answered."""
    seen, ended, lock = Counter[str](), threading.Event(), threading.Lock()

    def ask() -> None:
        try:
            with urlopen(url, timeout=60) as answer:
                status = str(answer.status)
        except HTTPError as e:
            status = str(e.code)
        except OSError as e:
            status = type(e).__name__
        with lock:
            seen[status] += 1

    def run() -> None:
        asking, due = list[threading.Thread](), time.monotonic()
        while not ended.is_set():
            due += 1 / RATE
            asking = [*(t for t in asking if t.is_alive()), threading.Thread(target=ask)]
            asking[-1].start()
            time.sleep(max(0.0, due - time.monotonic()))
        for thread in asking:
            thread.join()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()
