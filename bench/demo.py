"""examples/uploads through the real ``sst`` program, beside the calls it makes made by plain boto3."""
from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .measure import ROOT, Cost, contender, run
from .replay import STEPS
from .report import Report, cells

__all__ = ["run_demo"]

SST = str(Path(sys.executable).with_name("sst"))
WORDS = {"deploy": "first deploy", "noop": "no-op deploy", "value": "one changed value",
         "code": "one changed line of code",
         "remove": "remove"}
NOTE = """Whole `sst` processes on stage local. The first deploy starts the embedded cloud and builds the bundles of \
six functions (their packages were downloaded before). boto3: the same requests on 32 threads, each after those it \
needs; with its clients made, but without planning, state, building or starting a cloud."""


@contextmanager
def project() -> Iterator[Path]:
    """A copy of the example, and its cloud for as long as it is needed."""
    from sst.embedded import cloud as embedded

    folder = Path(tempfile.mkdtemp(prefix="sst-bench-"))
    root = folder / "uploads"
    shutil.copytree(ROOT / "examples" / "uploads", root, ignore=shutil.ignore_patterns(".sst", "__pycache__", ".venv"))
    try:
        yield root
    finally:
        embedded.reset(root)
        shutil.rmtree(folder, ignore_errors=True)


def step(root: Path, name: str) -> Cost:
    for file, old, new in STEPS[name].edits:
        path = root / file
        path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    more = ("--yes",) if name == "remove" else ()
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("SST_", "AWS_"))}
    cost = run([SST, STEPS[name].command, "--stage", "local", "--json", *more], cwd=root, env=environ)
    return Cost(cost.wall, cost.cpu, cost.rss, next((e for e in map(event, cost.output.splitlines()) if "calls" in e),
                                                    {}))


def event(line: str) -> dict[str, object]:
    import json

    return json.loads(line) if line.startswith("{") else {}


def cycle(best: dict[str, Cost]) -> None:
    """All steps in a fresh copy, each kept if it was the fastest yet."""
    with project() as root:
        for name in STEPS:
            cost = step(root, name)
            if name == "deploy" and "deploy" not in best:
                best["cold"] = cost
            if name not in best or cost.wall < best[name].wall:
                best[name] = cost


def floor(times: int) -> dict[str, dict[str, float]]:
    """The calls of each step, recorded once and made again by boto3: the fastest of several, by step."""
    found: dict[str, dict[str, float]] = {}
    with project() as root:
        calls = root.parent / "calls"
        contender("record", root, calls)
        for _ in range(times):
            for name, cost in contender("replay", root, calls).said.items():
                if name not in found or cost["seconds"] < found[name]["seconds"]:
                    found[name] = cost
    return found


def run_demo(report: Report, *, quick: bool, times: int) -> None:
    report.title("The demo app, examples/uploads", NOTE)
    costs: dict[str, Cost] = {}
    for _ in range(times):
        cycle(costs)
    beside = floor(times)
    rows = []
    for name in STEPS:
        cost, calls = costs[name], sum(costs[name].said.get("calls", {}).values())
        plain = beside.get(name)
        ratio = [f"{plain['seconds']:.2f} s", f"{cost.wall / plain['seconds']:.2f}"] if plain else ["-", "-"]
        done = sum(cost.said.get("done", {}).values())
        rows.append((WORDS[name], *cells(cost), done, calls, *ratio))
    report.table(("step", "sst", "cpu", "peak", "changes", "API calls", "boto3", "sst/boto3"), rows)
    first, noop = costs["deploy"].said, costs["noop"]
    report.say(f"- the very first of these first deploys took {costs['cold'].wall:.2f} s")
    made = first["done"]["create"] - beside["deploy"]["builds"]
    once = beside["deploy"]["account"]
    report.say(f"- {first['done']['create']} resources made, {beside['deploy']['builds']:.0f} of them bundles that "
               f"need no call; {once:.0f} calls make the bucket of uploads, once for an account")
    report.figure("no-op deploy", noop.wall, 1.0, "s")
    report.figure("API calls of a no-op deploy", sum(noop.said["calls"].values()), 0, "calls")
    report.figure("API calls a create", (sum(first["calls"].values()) - once) / made, 1.3, "calls")
