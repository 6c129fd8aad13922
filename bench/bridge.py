"""Live functions of an AWS stage: a call that goes to the developer's machine and back, beside one that runs where
it is deployed."""
from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.dev.bridge.stage import Stage, new_stage

from sst.embedded import cloud as embedded

from .report import Report

__all__ = ["run_bridge"]

CODE = {
    "Python": ("python3.11", "def handler(event, context):\n    return 'here'\n"),
    "Node": ("nodejs20.x", "export const handler = async () => 'here';\n"),
}
PATIENT = 20_000
NOTE = ("The embedded cloud stands in for AWS, and all of it shares this machine. On AWS a call pays instead two round "
        "trips between the "
        "region and the developer.")


def run_bridge(report: Report, *, quick: bool, times: int) -> None:
    report.title("Live functions over the bridge", NOTE)
    folder = Path(tempfile.mkdtemp(prefix="sst-bench-"))
    cloud = embedded.start(folder, environment=os.environ)
    try:
        stage = new_stage(cloud, folder)
        rows, worst = [], 0.0
        for language, (runtime, code) in CODE.items():
            direct, live, large = _costs(stage, runtime, code, 50 if quick else 200)
            worst = max(worst, live / direct)
            rows.append((language, f"{direct * 1000:.1f} ms", f"{live * 1000:.1f} ms", f"{live / direct:.1f}",
                         f"{large * 1000:.0f} ms"))
        report.table(("median of a warm call", "direct", "live", "ratio", "live, 1 MB of event"), rows)
        report.say(f"A hundred at once, each in a process of its own on both sides: {_together(stage):.1f} s.")
        report.figure("a live call beside a direct one", worst, 12, "times")
        for language, (runtime, _) in CODE.items():
            asking = min(_in_vain(stage, runtime) for _ in range(times))
            report.figure(f"{language}: what asking costs a call while nobody is there", asking, 200, "ms")
    finally:
        embedded.reset(folder)


def _costs(stage: Stage, runtime: str, code: str, count: int) -> tuple[float, float, float]:
    direct = stage.function(runtime, until=1)
    live = stage.function(runtime, wait=PATIENT)
    with stage.caller(direct) as plainly:
        costs = _median(plainly, None, count)
    with stage.laptop(code, runtime), stage.caller(live) as call:
        assert call(None) == "here"
        return costs, _median(call, None, count), _median(call, os.urandom(500_000).hex(), 10)


def _median(call: Callable[[object], Any], event: object, count: int) -> float:
    took = []
    call(event)
    for _ in range(count):
        began = time.perf_counter()
        call(event)
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def _in_vain(stage: Stage, runtime: str) -> float:
    """Milliseconds by which a call that asks takes longer than those after it, which do not."""
    with stage.caller(stage.function(runtime)) as call:
        call(None)  # it asked when it started, and rests for five seconds
        time.sleep(5.5)
        began = time.perf_counter()
        call(None)
        return (time.perf_counter() - began - _median(call, None, 20)) * 1000


def _together(stage: Stage) -> float:
    runtime, code = CODE["Python"]
    name = stage.function(runtime, wait=120_000)
    with stage.laptop(code, runtime), stage.caller(name) as call, ThreadPoolExecutor(100) as threads:
        began = time.perf_counter()
        assert set(threads.map(call, [None] * 100)) == {"here"}
        return time.perf_counter() - began
