"""Node bundles in ``sst dev``: one of 50 functions is saved, by the session's esbuild and by one that is started
for it."""
from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

from sst.build.esbuild import esbuild
from sst.build.node import check, flags
from sst.build.source import Source
from sst.dev.node import NodeBundler

from .report import Report

__all__ = ["run_dev_node"]

FUNCTIONS = 50
SIZES = (2, 300)
"""Modules that each function imports; many stand for the packages of a real one."""
METHOD = """  method{i}(given: number, more: Record<string, number> = {{}}): number {{
    if (given > {i}) return Object.values(more).reduce((a, b) => a + b, given * {n});
    return this.constructor.name.length + {i} - given;
  }}
"""
NOTE = f"""{FUNCTIONS} functions of the same modules, each of 160 lines; one function is saved and bundled again. \
At once: `esbuild` from the command line with the same options. Both from the call until the bundle is written; \
medians."""


def run_dev_node(report: Report, *, quick: bool, times: int) -> None:
    report.title("Node bundles in sst dev", NOTE)
    rows, ratios = [], []
    for modules in SIZES:
        root = Path(tempfile.mkdtemp(prefix="sst-bench-"))
        try:
            for n in range(modules):
                _write(root / f"lib/m{n}.ts", f"export class C{n} {{\n"
                       + "".join(METHOD.format(n=n, i=i) for i in range(40)) + "}\n")
            _write(root / "lib/all.ts", "".join(f'export * from "./m{n}";\n' for n in range(modules)))
            for n in range(FUNCTIONS):
                _save(root, n, "first")
            first, again, once, held = asyncio.run(_measure(root, 5 if quick else 10 * times))
        finally:
            shutil.rmtree(root, ignore_errors=True)
        ratios.append(again / once)
        rows.append((f"{modules} modules", f"{again:.1f} ms", f"{once:.1f} ms", f"{again / once:.2f}", f"{first:.2f} s",
                     f"{held:.0f} MB"))
    report.table(("one save of 50", "session", "at once", "session / at once", "all 50 at first", "esbuild holds"),
                 rows)
    for modules, ratio in zip(SIZES, ratios, strict=True):
        report.figure(f"rebuild of a function of {modules} modules, session / at once", ratio, 1.0, "times")


async def _measure(root: Path, count: int) -> tuple[float, float, float, float]:
    """All at first (s), medians of a rebuild and of esbuild from the command line (ms), what is held afterwards
    (MB)."""
    bundler = NodeBundler(cache=root / ".sst/cache", folder=root / ".sst/dev/node")
    try:
        await bundler.bundle(_source(root, 0))  # esbuild is there now
        began = time.perf_counter()
        await asyncio.gather(*(bundler.bundle(_source(root, n)) for n in range(FUNCTIONS)))
        first = time.perf_counter() - began
        again, once = [], []
        for n in range(count):
            _save(root, 7, f"number {n}")
            began = time.perf_counter()
            bundle = await bundler.bundle(_source(root, 7))
            again.append((time.perf_counter() - began) * 1000)
            once.append(_once(root))
            assert f"number {n}" in (bundle.folder / "bundle.mjs").read_text()
        return first, median(again), median(once), _held()
    finally:
        await bundler.close()


def _once(root: Path) -> float:
    source = _source(root, 7)
    command = [str(esbuild(lambda text: None)), *flags(source, check(source), root / ".sst/once")]
    began = time.perf_counter()
    subprocess.run(command, cwd=root, check=True)
    return (time.perf_counter() - began) * 1000


def _held() -> float:
    """Resident megabytes of the esbuild that this process has started."""
    found = subprocess.run(["ps", "-o", "rss=,args=", "--ppid", str(os.getpid())], capture_output=True, text=True,
                           check=True).stdout
    return sum(int(line.split()[0]) for line in found.splitlines() if "--service=" in line) / 1024


def _source(root: Path, n: int) -> Source:
    return Source(str(root), f"src/f{n}.handler", "nodejs22.x", host=True)


def _save(root: Path, n: int, word: str) -> None:
    _write(root / f"src/f{n}.ts", f'import * as all from "../lib/all";\nexport const handler = async () => ["{word}", '
                                  'Object.keys(all)];\n')


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
