"""Many resources without a cloud: declare, plan, apply, state, memory; deep and wide graphs."""
from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .measure import best, contender
from .report import Report

if TYPE_CHECKING:
    from sst.core.graph import Graph

__all__ = ["contenders", "run_scale"]

SHAPES = ("mixed", "chain", "fan")


def declare(shape: str, n: int) -> Graph:
    """``mixed``: chains of ten, each with a role's policy to compare; ``chain``: one of n; ``fan``: n users of one."""
    from sst.clouds.aws.ssm import Parameter
    from sst.core.graph import Graph

    graph = Graph("bench", "bench", region="us-east-1", removal="remove")
    with graph.active():
        first = before = Parameter("P0", value="start")
        for i in range(1, n):
            used = {"mixed": before.arn if i % 10 else "start", "chain": before.arn, "fan": first.arn}[shape]
            before = Parameter(f"P{i}", value=used, description=f"number {i}", tags={"number": str(i)})
        graph.seal()
    return graph


def provider() -> Any:
    """The real rows compare; creating makes nothing and answers at once."""
    from sst.clouds.aws.client import Aws
    from sst.clouds.aws.provider import AwsProvider
    from sst.core.model import Operation
    from sst.core.provider import Note, Result

    class Nothing(AwsProvider):
        def create(self, operation: Operation, note: Note) -> Result:
            name = operation.inputs["name"]
            return Result(name, {"arn": f"arn:aws:ssm:us-east-1:000000000000:parameter/{name}", "version": 1})

    return Nothing(Aws(region="us-east-1", credentials=("", ""), environment={}), app="bench", stage="bench",
                   lineage="")


def scale(shape: str, n: str) -> dict[str, Any]:
    """All of it in one process, with the garbage collector at the pace that ``sst`` sets."""
    gc.set_threshold(20_000, 50, 100)
    from sst.engine.deploy import deploy
    from sst.engine.plan import plan
    from sst.state.holder import here
    from sst.state.home import StateHome

    aws, said = provider(), {}
    with tempfile.TemporaryDirectory() as folder:
        home = StateHome.local(Path(folder), "bench")
        stage = home.stage("bench", here("bench"))
        with stage.locked("deploy") as session, clock(said, "apply"):
            deploy(declare(shape, int(n)), session, lambda type: aws, lambda event: None, confirm=lambda plan: None)
            session.save()
        said["journal"] = size_of(home.store, "bench/bench/journal/")
        said["state"] = size_of(home.store, "bench/bench/snapshot/")
        for _ in range(3):
            with clock(said, "load"):
                snapshot = stage.load()
            with clock(said, "declare"):
                graph = declare(shape, int(n))
            with clock(said, "plan"):
                changes = plan(graph, snapshot, lambda type: aws).changes
            if changes or len(snapshot.resources) != int(n):
                raise RuntimeError(f"{len(changes)} changes of {len(snapshot.resources)} where nothing changed")
        home.close()
    return said


class clock:
    """Keeps the least of the times taken under a name."""

    def __init__(self, times: dict[str, float], name: str) -> None:
        self.times, self.name = times, name

    def __enter__(self) -> None:
        self.began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        took = time.perf_counter() - self.began
        self.times[self.name] = min(took, self.times.get(self.name, took))


def size_of(store: Any, prefix: str) -> int:
    return sum(len(store.get(key).data) for key in store.list(prefix))


def contenders() -> Iterator[Callable[..., Mapping[str, Any]]]:
    yield scale


def run_scale(report: Report, *, quick: bool, times: int) -> None:
    report.title("Many resources without a cloud",
                 "One process each. Plan: unchanged resources compared by the real rows; the state "
                 "is the local one. apply: every resource created by a provider that answers at once, with the journal "
                 "on disk.")
    rows, seconds, peaks, sizes = [], {}, {}, {}
    operation = [("mixed", n) for n in ((10, 100, 1000, 2000) if quick
                                        else (10, 100, 1000, 2000, 10_000))] + [("chain", 1000), ("fan", 1000)]
    for shape, n in operation:
        cost = best(times, lambda _: contender("scale", shape, n))  # noqa: B023  # called at once
        s = cost.said
        rows.append((f"{shape} of {n:,}", *(f"{s[k] * 1000:,.1f} ms" for k in ("declare", "plan", "load", "apply")),
                     f"{s['apply'] / n * 1000:.2f} ms", f"{s['state'] / n:,.0f}", f"{s['journal'] / n:,.0f}",
                     f"{cost.rss:.0f} MB"))
        if shape == "mixed":
            seconds[n], peaks[n], sizes[n] = s["declare"] + s["plan"], cost.rss, s["state"] / n
    report.table(("resources", "declare", "plan", "load state", "apply", "apply each", "state bytes each",
                  "journal bytes each",
                  "peak"), rows)
    report.figure("declare + plan of 2,000 unchanged", seconds[2000], 0.3, "s")
    if quick:
        report.say("- left out by --quick: 10,000 resources")
        return
    report.figure("declare + plan of 10,000 beside five times that of 2,000", seconds[10_000] / seconds[2000] / 5, 1.3,
                  "x")
    report.figure("peak memory at 10,000 resources", peaks[10_000], 300, "MB")
    report.figure("state bytes each at 10,000 beside those at 100", sizes[10_000] / sizes[100], 1.1, "x")
