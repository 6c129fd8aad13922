"""A server of Node behind the CDN of stage `local`: its page beside the same server alone, and its deploys."""
from __future__ import annotations

import http.client
import os
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.sites import apps

from sst.build.site.nodejs import node_for
from sst.embedded import cloud as embedded

from .report import Report

__all__ = ["measure_node_site"]

PROGRAM = """
import sst
from sst import aws


def config(input):
    return sst.Config(name="bench", region="us-east-1")


def run():
    return {"web": aws.NodeServer("Web", path="web", entry="dist/main.js").url}
"""
REQUESTS = 400


def measure_node_site(report: Report, times: int, sst: Callable[..., tuple[Any, str]]) -> None:
    """``sst`` runs a command in a project: how long it took, and what it printed."""
    root = Path(tempfile.mkdtemp(prefix="sst-bench-"))
    try:
        apps.app("express", root / "web")
        (root / "sst_config.py").write_text(PROGRAM)
        embedded.start(root, environment=os.environ)
        first, shown = sst(root, "deploy", "--stage", "local")
        same = min(sst(root, "deploy", "--stage", "local")[0] for _ in range(times))
        diff = min(sst(root, "diff", "--stage", "local")[0] for _ in range(times))
        port = int(shown.split("web:")[1].split("127.0.0.1:")[1].split()[0])
        behind = _median(port)
        with _alone(root / "web") as own:
            report.table(["a page of Express, one client", "p50"],
                         [["behind CDN, function URL and wrapper", f"{behind:.2f} ms"],
                          ["`node dist/main.js`", f"{(alone := _median(own)):.2f} ms"]])
        report.figure("p50 of a page, more than the server alone", behind - alone, 4, "ms")
        source = root / "web/src/main.js"
        source.write_text(source.read_text().replace("Home", "Changed"))
        changed, said = sst(root, "deploy", "--stage", "local")
        report.table(["first deploy", "only the server changed", "nothing changed", "`sst diff`"],
                     [[*map(str, (first, changed, same, diff))]])
        report.figure("no change of a site with a server", same.wall, 0.5, "s")
        report.figure("sst diff of a site with a server", diff.wall, 0.5, "s")
        updated = re.search(r"(\d+) updated", said)
        report.figure("resources that change with the server", int(updated[1]) if updated else 99, 2, "")
    finally:
        embedded.reset(root)
        shutil.rmtree(root, ignore_errors=True)


def _median(port: int) -> float:
    """Milliseconds of a request on a kept connection, the first ones left out."""
    line, took = http.client.HTTPConnection("127.0.0.1", port, timeout=30), list[float]()
    for _ in range(REQUESTS):
        began = time.perf_counter()
        line.request("GET", "/")
        answer = line.getresponse()
        assert answer.status == 200 and b"Home" in answer.read()
        took.append((time.perf_counter() - began) * 1e3)
    line.close()
    return statistics.median(took[REQUESTS // 4:])


@contextmanager
def _alone(site: Path) -> Iterator[int]:
    """The server without any of it, on a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    node = node_for(site, os.environ["PATH"], lambda text: None) / "node"
    process = subprocess.Popen([node, "dist/main.js"], cwd=site, text=True, stdout=subprocess.PIPE,
                               env={**os.environ, "PORT": str(port), "NODE_ENV": "production"})
    try:
        assert process.stdout and "listening" in process.stdout.readline()
        yield port
    finally:
        process.terminate()
        process.wait()
        if process.stdout:
            process.stdout.close()
