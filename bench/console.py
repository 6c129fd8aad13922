"""The console: what recording costs a call, reading 100,000 calls, and the layout of 1,000 components."""
from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from sst.console.layout import lay_out
from sst.console.records import Filter, Records
from sst.console.server import STATIC
from sst.embedded.record_file import FILE, RecordFile
from sst.embedded.recorder import Recorder
from sst.executor import FunctionVersion, Invocation

from .report import Report

__all__ = ["run_console"]

PAD = "x" * 700


def run_console(report: Report, *, quick: bool, times: int) -> None:
    report.title("The console")
    count = 10_000 if quick else 100_000
    with tempfile.TemporaryDirectory() as folder:
        _fill(Path(folder), count)
        size = sum(f.stat().st_size for f in Path(folder).glob(f"{FILE}*")) / 1e6
        records, every = Records(Path(folder) / FILE), Filter.parse("", {})
        listed = _median(lambda: (records.latest(every), records.count(every)), 15)
        report.figure(f"list and count of {count:,} calls", listed, 20, "ms")
        rare = Filter.parse('has:"no such text"', {})
        report.figure(f"search for a text in {count:,} calls", _median(lambda: records.latest(rare), 3), 1000, "ms")
        report.figure(f"file of {count:,} calls", size, 200, "MB")
        _page(report, Path(folder), times)
    report.figure("recording a call, median", _recording(), 0.5, "ms")
    report.figure("layout of 1,000 components", min(_layout() for _ in range(times)), 500, "ms")


CONFIG = "import sst\n\ndef config(input):\n    return sst.Config(name='shop')\n\ndef run():\n    pass\n"
SCROLL = """() => new Promise((done) => {
  const rows = document.querySelector(".rows"), times = [];
  let last = performance.now(), n = 0;
  const step = (now) => {
    times.push(now - last); last = now; rows.scrollTop += 400;
    if (++n < 120) requestAnimationFrame(step); else done(times.slice(5));
  };
  requestAnimationFrame(step);
})"""


def _page(report: Report, folder: Path, times: int) -> None:
    """A console over the recorded calls, as a process; in Chromium, if there is one."""
    root = folder / "shop"
    (root / ".sst/local").mkdir(parents=True, mode=0o700)
    (root / "sst_config.py").write_text(CONFIG)
    for file in folder.glob(f"{FILE}*"):
        file.rename(root / ".sst/local" / file.name)
    report.figure("all that the page loads", sum(f.stat().st_size for f in STATIC.iterdir()) / 1e3, 200, "KB")
    spent = []
    for turn in range(times + 1):
        began = time.perf_counter()
        command = [sys.executable, "-c", "from sst.cli.main import main; main()", "console", "--stage", "local",
                   "--no-open"]
        with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as console:
            try:
                assert console.stdout
                url = console.stdout.readline().strip()
                spent.append((time.perf_counter() - began) * 1000)
                if turn == times:
                    _in_browser(report, url)
            finally:
                console.terminate()
    report.figure("sst console to its URL", median(spent), 800, "ms")


def _in_browser(report: Report, url: str) -> None:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")
    if not chromium:
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        renders = []
        for _ in range(5):
            page = browser.new_context().new_page()
            page.goto(url)
            deadline = time.monotonic() + 60
            while (at := page.evaluate("performance.getEntriesByName('drawn')[0]?.startTime")) is None:
                if time.monotonic() > deadline:
                    raise TimeoutError("the page was not drawn in 60 seconds")
                page.wait_for_timeout(20)
            renders.append(float(at))
        page.evaluate("location.hash = '#/invocations'")
        page.wait_for_selector(".inv")
        frames = sorted(page.evaluate(SCROLL))
        browser.close()
    report.figure("first render, median", median(renders), 400, "ms")
    report.figure("a frame while scrolling through the calls, p95", frames[int(len(frames) * 0.95)], 34, "ms")


def _fill(folder: Path, count: int) -> None:
    file, now = RecordFile(folder / FILE, calls=count), time.time()
    for first in range(0, count, 10_000):
        file.write([row for n in range(first, first + 10_000) for row in (
            ("invocation", {"request": str(n), "function": f"f{n % 20}", "trace": f"1-{n}", "parent": "",
                            "span": f"s{n}", "began": now, "trigger": "GET /a", "event": PAD, "event_size": 700}),
            ("invocation", {"request": str(n), "ms": 5.0, "response": "null", "failed": int(n % 50 == 0)}))])
    file.close()


def _recording() -> float:
    with tempfile.TemporaryDirectory() as folder:
        to, event = Recorder(Path(folder)), f'{{"a": "{PAD}"}}'.encode()
        version = FunctionVersion("arn:aws:lambda:us-east-1:0:function:f", "f", "$LATEST", "python3.11", "h",
                                  Path(folder))
        spent = []
        for n in range(2_000):
            began = time.perf_counter()
            to.began(version, event, str(n), trace="1-t", parent="", span="s")
            to.ended(Invocation(b"null", "", str(n), duration_ms=1))
            spent.append((time.perf_counter() - began) * 1000)
        to.flush(20)
        return median(spent)


def _layout() -> float:
    edges = [(f"N{i - 1 - (i * 7919 % min(i, 24))}", f"N{i}") for i in range(1, 1000)]
    edges += [(f"N{i}", f"N{max(0, i - 1 - (i * 31 % 40))}") for i in range(3, 1000, 3)]
    began = time.perf_counter()
    lay_out({f"N{i}": 170.0 for i in range(1000)}, edges)
    return (time.perf_counter() - began) * 1000


def _median(work: Callable[[], object], count: int) -> float:
    spent = []
    for _ in range(count):
        began = time.perf_counter()
        work()
        spent.append((time.perf_counter() - began) * 1000)
    return median(spent)
