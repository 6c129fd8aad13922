"""N queues, N roles and N log groups at once; N parameters, each made from the one before."""
from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import terraform
from .contender import KEYS
from .measure import Cost, contender, server
from .report import Report, cells

__all__ = ["run_chain", "run_wide"]

APPS = itertools.count()
Place = tuple[str, str, str, str]
"""Name, endpoint, access key, secret key."""


@contextmanager
def places(latencies: tuple[float, ...], emulator: bool) -> Iterator[Iterator[Place]]:
    """Each place once, running only while it is used."""
    def one_by_one() -> Iterator[Place]:
        for latency in latencies:
            with server(latency) as url:
                yield (f"null server, {latency * 1000:.0f} ms", url, *KEYS)
        if emulator:
            from sst.embedded import cloud as embedded

            root = Path(tempfile.mkdtemp())
            try:
                cloud = embedded.start(root, environment=os.environ)
                yield ("embedded cloud", cloud.endpoint, cloud.access_key, cloud.secret_key)
            finally:
                embedded.reset(root)
                shutil.rmtree(root, ignore_errors=True)
    walk = one_by_one()
    try:
        yield walk
    finally:
        walk.close()  # type: ignore[attr-defined]


def once(name: str, shape: str, n: int, place: Place) -> Cost:
    """What it leaves in the embedded cloud is deleted."""
    app = f"b{next(APPS)}"
    cost = contender(name, shape, n, place[1], app, *place[2:])
    if place[2] != KEYS[0]:
        contender("clean", app, *place[1:])
    return cost


def compare(report: Report, shape: str, n: int, place: Place, times: int) -> tuple[list[object], float, Cost]:
    """The best of each; they take turns, so that a busy moment of the machine is not on one of them alone."""
    turns = [[once(name, shape, n, place) for name in ("engine", "boto3", "raw")] for _ in range(times)]
    ours, floor = (min(costs, key=lambda c: c.wall) for costs in list(zip(*turns, strict=True))[:2])
    limit = min((t[2] for t in turns), key=lambda c: c.said["seconds"])
    ratio = ours.wall / floor.wall
    row = [f"{place[0]}, {shape}-{n}", *cells(ours), f"{ours.said['calls'] / ours.said['resources']:.2f}",
           *cells(floor),
           f"{limit.said['seconds']:.2f} s", f"{ratio:.2f}", f"{ours.cpu / floor.cpu:.2f}",
           f"{ours.wall / limit.said['seconds']:.1f}"]
    return row, ratio, ours


HEAD = ("where", "sst", "cpu", "peak", "calls each", "boto3", "cpu", "peak", "raw", "sst/boto3", "cpu sst/boto3",
        "sst/raw")
NOTE = ("Whole processes, from start to end, imports and all. sst: plan and durable journal too, 48 steps at a time, "
        "of which some always "
        "wait for the journal; boto3: the same calls alone, on {threads}; raw: requests made beforehand, signed and "
        "sent by our transport "
        "on as many, that time alone.")


def run_wide(report: Report, *, quick: bool, times: int) -> None:
    report.title("wide-N: N queues + N roles + N log groups", NOTE.format(threads="32 threads"))
    rows = []
    ratios: dict[str, float] = {}
    peak = 0.0
    with places((0.0, 0.03), emulator=True) as walk:
        for place in walk:
            for n in (100,) if quick else (10, 100, 300):
                row, ratio, ours = compare(report, "wide", n, place, times if n == 300 else min(times, 2))
                rows.append(row)
                ratios[place[0]], peak = ratio, max(peak, ours.rss)
                if n == 10 and place[2] != KEYS[0]:
                    beside_terraform(report, n, place, ours)
    if quick:
        report.say("- left out by --quick: wide-10, wide-300 (wide-100 stands for it), Terraform\n")
    else:
        report.say("")
    report.table(HEAD, rows)
    for name, ratio in ratios.items():
        report.figure(f"wide-{100 if quick else 300} beside boto3, {name}", ratio, 1.0, "x")
    report.figure(f"peak memory at {300 if quick else 900} resources", peak, 120, "MB")


def beside_terraform(report: Report, n: int, place: Place, ours: Cost) -> None:
    """Terraform waits after each queue for AWS to be consistent, here too; so it runs once."""
    found = terraform.find()
    if isinstance(found, str):
        report.say(f"- beside Terraform: not measured, {found}")
        return
    theirs = terraform.wide(found, n, place[1], *place[2:])
    report.say(f"- beside Terraform ({found[1].name}), wide-{n} on the embedded cloud: {theirs.wall:.2f} s wall, "
               f"{theirs.cpu:.2f} s CPU, "
               f"{theirs.rss:.0f} MB; sst/Terraform {ours.wall / theirs.wall:.2f}")


def run_chain(report: Report, *, quick: bool, times: int) -> None:
    report.title("chain-N: N parameters, each made from an output of the one before",
                 NOTE.format(threads="one thread"))
    rows = []
    with places((0.0, 0.01), emulator=True) as walk:
        for place in walk:
            for n in (20,) if quick else (20, 100):
                rows.append(compare(report, "chain", n, place, min(times, 2))[0])
    if quick:
        report.say("- left out by --quick: chain-100\n")
    report.table(HEAD, rows)
