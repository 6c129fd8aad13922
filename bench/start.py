"""What the command line costs before it does anything."""
from __future__ import annotations

import re
import sys
from pathlib import Path

from .measure import best, run
from .report import Report, cells

__all__ = ["run_start"]

SST = str(Path(sys.executable).with_name("sst"))


def run_start(report: Report, *, quick: bool, times: int) -> None:
    report.title("Start of the command line")
    operation = {"python -c pass": [sys.executable, "-c", "pass"], "sst version": [SST, "version"],
                 "sst --help": [SST, "--help"],
            "sst deploy --help": [SST, "deploy", "--help"]}
    costs = {name: best(times * 3, lambda _, c=command: run(c)) for name, command in operation.items()}
    bare = costs["python -c pass"].wall
    report.table(("command", "wall", "cpu", "peak", "beside bare python"),
                 [(name, f"{c.wall * 1000:.0f} ms", *cells(c)[1:], f"{c.wall / bare:.1f}") for name,
                  c in costs.items()])
    report.say(f"Best of {times * 3}. The imports that cost most by themselves, by `-X importtime`:\n")
    rows = []
    for name in ("sst --help", "sst deploy --help"):
        code = "import sys; from sst.cli.main import run; run(sys.argv[1:])"
        found = run([sys.executable, "-X", "importtime", "-c", code, *operation[name][1:]]).output
        rows += [(f"`{module}`", name, f"{own / 1000:.1f} ms") for own, module in _dearest(found, 4 if quick else 8)]
    report.table(("module", "in", "own time"), rows)
    report.figure("sst version", costs["sst version"].wall * 1000, 100, "ms")
    report.figure("sst --help", costs["sst --help"].wall * 1000, 100, "ms")


def _dearest(output: str, n: int) -> list[tuple[int, str]]:
    lines = re.findall(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$", output, re.M)
    return sorted(((int(own), module) for own, module in lines), reverse=True)[:n]
