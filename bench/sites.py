"""Sites on stage `local`: a deploy of many files, one changed page, nothing changed; pages a second; routes."""
from __future__ import annotations

import asyncio
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.embedded.test_edge import Counted, event, folder, store_of

from sst.aws.cdn.edge import request_code
from sst.clouds.aws.cloudfront_keys import Changes
from sst.clouds.aws.cloudfront_pages import Rules
from sst.clouds.aws.cloudfront_route import put
from sst.embedded import cloud as embedded
from sst.embedded.cdn.runtime import EdgeFunction

from .http_load import floor, load
from .report import Report

__all__ = ["run_sites"]

PROGRAM = """
import sst
from sst import aws


def config(input):
    return sst.Config(name="bench", region="us-east-1")


def run():
    site = aws.StaticSite("Docs", path="site", error_page="404.html")
    return {"site": site.url, "bucket": site.nodes.assets.name}
"""
SST = Path(sys.executable).with_name("sst")


def run_sites(report: Report, *, quick: bool, times: int) -> None:
    report.title("Sites on stage local", "Wall time of `sst deploy`, with its start; in brackets the time of "
                 "processor that it took, which other work on the machine lengthens less. The load of the whole "
                 f"machine, when the part begins: {os.getloadavg()[0]:.1f}.")
    _routing(report)
    for pages in (1_000,) if quick else (1_000, 10_000):
        root = Path(tempfile.mkdtemp(prefix="sst-bench-"))
        try:
            _deploys(report, root, pages, times)
        finally:
            embedded.reset(root)
            shutil.rmtree(root, ignore_errors=True)


def _deploys(report: Report, root: Path, pages: int, times: int) -> None:
    site = root / "site"
    for n in range(pages - 102):
        page = site / f"docs/s{n % 37}" / f"p{n}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(f"<h1>{n}</h1>" + "x" * 3000)
    (site / "assets").mkdir()
    for n in range(100):
        (site / f"assets/app-{n:08d}.js").write_text("y" * 15_000 + str(n))
    (site / "index.html").write_text("home")
    (site / "404.html").write_text("nothing here")
    (root / "sst_config.py").write_text(PROGRAM)
    embedded.start(root, environment=os.environ)
    first, shown = _sst(root, "deploy", "--stage", "local")
    changed, same = [], []
    for turn in range(times):
        (site / "docs/s0/p0.html").write_text(f"changed {turn}")
        changed.append(_sst(root, "deploy", "--stage", "local")[0])
        same += [_sst(root, "deploy", "--stage", "local")[0] for _ in range(5)]     # short, so more of them
    start = min(_sst(root, "--version")[0] for _ in range(times))
    report.table(["files", "first deploy", "one page changed", "nothing changed", "`sst --version`"],
                 [[f"{pages:,}", *map(str, (first, min(changed), min(same), start))]])
    if pages == 1_000:
        report.figure("first deploy of 1,000 files", first.wall, 4, "s")
        report.figure("one changed page of 1,000", min(changed).wall, 0.8, "s")
        report.figure("no change of 1,000 files", min(same).wall, 0.4, "s")
        _serving(report, root, int(shown.split("site:")[1].split("127.0.0.1:")[1].split()[0]))
        _beside_sync(report, root, shown.split("bucket:")[1].split()[0], min(changed).wall - min(same).wall)
    else:
        report.figure("no change of 10,000 files", min(same).wall, 1, "s")
        kept = json.loads(_sst(root, "state", "export", "--stage", "local")[1])
        whole, site_alone = (len(json.dumps(part, separators=(",", ":"))) / 1000 for part in (kept, [
            r for r in kept["resources"] if r["type"] == "aws.cloudfront.Site"]))
        report.say(f"- the whole state is {whole:.1f} KB, with the text of the edge function")
        report.figure("10,000 files in the state", site_alone, 10, "KB")


def _serving(report: Report, root: Path, port: int) -> None:
    for clients, wanted in ((1, 1_500), (16, 3_000)):
        made = asyncio.run(load(port, clients, 3, "/docs/s1/p1"))
        bare = asyncio.run(floor(clients, 2))
        report.say(f"- pages, {clients} clients: {made.rate:,.0f} a second, to reach {wanted:,}; a plain asyncio "
                   f"server {bare.rate:,.0f}; median {made.p50:.2f} ms, 99 % {made.p99:.2f} ms")
        if made.rate < wanted:
            report.missed.append(f"pages a second of {clients} clients")


def _beside_sync(report: Report, root: Path, bucket: str, ours: float) -> None:
    """The same change by ``aws s3 sync`` to the same emulator, if awscli is there."""
    aws = shutil.which("aws")
    if not aws:
        report.say("- `aws s3 sync`: PyPI's awscli is not installed, so it was not measured")
        return
    cloud = embedded.start(root, environment=os.environ)
    given = {**os.environ, "AWS_ACCESS_KEY_ID": cloud.access_key, "AWS_SECRET_ACCESS_KEY": cloud.secret_key,
             "AWS_ENDPOINT_URL": cloud.endpoint, "AWS_DEFAULT_REGION": "us-east-1"}
    sync = [aws, "s3", "sync", str(root / "site"), f"s3://{bucket}/sync", "--only-show-errors"]
    subprocess.run(sync, env=given, check=True)
    (root / "site/docs/s0/p0.html").write_text("changed once more")
    began = time.perf_counter()
    subprocess.run(sync, env=given, check=True)
    report.figure("one changed page beside `aws s3 sync`", ours / (time.perf_counter() - began), 1 / 3, "x")


def _routing(report: Report) -> None:
    site = store_of(folder([f"docs/p{n}.html" for n in range(1000)]), Rules())
    rows, took = [], {}
    for routes in (4, 400):
        changes = Changes(site.get)
        for n in range(routes - 1):
            put(changes, f"pr-{n // 4}.example.com", f"/p{n % 4}", {"u": "x.test"}, f"{n:08d}")
        put(changes, "docs.example.com", "/", "site", "99999999")
        store = Counted({**site, **changes.puts})
        code = request_code("await route(q,host)", routes=True)
        function = EdgeFunction(code, partial(tuple, ("1", store)), print)   # type: ignore[arg-type]  # two of them
        asked = [event(f"/docs/p{n}", host="docs.example.com") for n in range(1000)]
        function(event("/"))
        store.reads.clear()
        began = time.perf_counter()
        for one in asked:
            function(one)
        took[routes] = time.perf_counter() - began
        rows.append([routes, f"{took[routes] * 1000:.0f} us", f"{len(store.reads) / 1000:.1f}"])
    report.table(["routes", "a decision in QuickJS", "reads"], rows)
    report.figure("a decision with 400 routes beside one with 4", took[400] / took[4], 1.2, "x")
    report.figure("text of the edge function", len(request_code("await route(q,host)", routes=True)) / 1000, 5.5, "KB")


@dataclass(frozen=True, order=True)
class Took:
    """Seconds."""

    wall: float
    processor: float

    def __str__(self) -> str:
        return f"{self.wall:.2f} s ({self.processor:.2f})"


def _sst(root: Path, *words: str) -> tuple[Took, str]:
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    # as an installed package has it: compiled once
    given = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SST_", "PYTHONDONTWRITE"))}
    done = subprocess.run([SST, *words], cwd=root, env=given, text=True, capture_output=True, check=False)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise RuntimeError(f"sst {' '.join(words)}: {done.stdout}{done.stderr}")
    return Took(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime), done.stdout
