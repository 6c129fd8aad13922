"""Bundles of many functions: what is unchanged, one changed line, and memory."""
from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .demo import SST
from .measure import Cost, best, run
from .report import Report

__all__ = ["run_builds"]

CONFIG = """import sst
from sst import aws

def config(input):
    return sst.Config(name="builds")

def run():
    for n in range({n}):
        aws.Function(f"F{{n}}", handler=f"src/f{{n}}.handler", logging=False)
"""
WALK = """import os
for folder, _, names in os.walk("src"):
    for name in names:
        os.stat(os.path.join(folder, name))
"""
NOTE = """Whole `sst` processes on stage local. Floors of the same run: a Python that walks the project and looks at \
each file; `sst diff` of an app with one function and one file; a Python that reads the zip."""


@contextmanager
def project(functions: int, files: int, size: int = 0) -> Iterator[Path]:
    from sst.embedded import cloud as embedded

    root = Path(tempfile.mkdtemp(prefix="sst-bench-"))
    (root / "sst_config.py").write_text(CONFIG.format(n=functions), encoding="utf-8")
    for n in range(functions):
        (root / "src").mkdir(exist_ok=True)
        (root / f"src/f{n}.py").write_text(f"def handler(event, context):\n    return {n}\n", encoding="utf-8")
    for n in range(files):
        place = root / f"src/d{n % 50}/m{n}.py"
        place.parent.mkdir(exist_ok=True)
        place.write_text(f"x = {n}\n" * 5, encoding="utf-8")
    for n in range(files):
        place = root / f"ignored/d{n % 50}/m{n}.txt"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    (root / ".gitignore").write_text("ignored/\n", encoding="utf-8")
    if size:
        (root / "src/model.bin").write_bytes(os.urandom(size))
    try:
        yield root
    finally:
        embedded.reset(root)
        shutil.rmtree(root, ignore_errors=True)


def sst(root: Path, command: str) -> Cost:
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("SST_", "AWS_"))}
    return run([SST, command, "--stage", "local"], cwd=root, env=environ)


def run_builds(report: Report, *, quick: bool, times: int) -> None:
    report.title("Bundles of many functions", NOTE)
    rows = []
    with project(1, 0) as root:
        sst(root, "deploy")
        start = best(times, lambda _: sst(root, "diff"))
        rows.append(("sst diff, 1 function, 1 file", start))
    with project(40, 5000) as root:
        sst(root, "deploy")
        time.sleep(2.5)  # until the times of the files count as settled
        sst(root, "diff")
        walk = best(times, lambda _: run([sys.executable, "-c", WALK], cwd=root))
        same, diff = best(times, lambda _: sst(root, "deploy")), best(times, lambda _: sst(root, "diff"))
        rows += [("walk of 5,040 files", walk), ("no-op deploy, 40 functions, 5,040 files", same),
                 ("sst diff of it", diff)]
    with project(100, 0, 100_000) as root:
        sst(root, "deploy")

        def changed(n: int) -> Cost:
            (root / "src/f7.py").write_text(f"def handler(event, context):\n    return {n}\n", encoding="utf-8")
            return sst(root, "deploy")

        line = best(times, changed)
        rows.append(("one changed line, 100 functions", line))
    with project(30, 0, 30_000_000) as root:
        whole = sst(root, "deploy")
        (zipped,) = (root / ".sst/cache/zips").glob("*.zip")
        reads = run([sys.executable, "-c", f"open({str(zipped)!r}, 'rb').read()"])
        rows += [("first deploy, 30 functions, 30 MB", whole), ("a Python that reads the zip", reads)]
        limit = 200 + 4 * zipped.stat().st_size / 1e6
    report.table(("what", "wall", "CPU", "peak"),
                 [(name, f"{c.wall:.2f} s", f"{c.cpu:.2f} s", f"{c.rss:.0f} MB") for name, c in rows])
    report.figure("CPU of a no-op deploy, 40 functions, 5,040 files", same.cpu, 1.0, "s")
    report.figure("CPU of sst diff of it", diff.cpu, 1.0, "s")
    report.figure("CPU of a changed line, 100 functions", line.cpu, 3.0, "s")
    report.figure("peak of a deploy of 30 functions with a zip of 30 MB", whole.rss, limit, "MB")
