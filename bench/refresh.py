"""ReadFiles all of a stage: one thing after the other, or 32 at a time with their tags together."""
from __future__ import annotations

import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sst.clouds.aws.client import Aws
from sst.clouds.aws.provider import AwsProvider
from sst.clouds.aws.service import Request, Service
from sst.core.model import Op, Operation, Snapshot, State
from sst.embedded import cloud as embedded
from sst.engine.refresh import drifts

from .report import Report

__all__ = ["run_refresh"]

DELAY = 0.03
"""Seconds that each call takes longer, as on the way to AWS."""


class Far(Aws):
    def _once(self, model: Service, operation: str, prepared: Request, *rest: Any) -> dict[str, Any]:
        time.sleep(DELAY)
        return super()._once(model, operation, prepared, *rest)


class Single:
    """The provider without a way to read many."""

    def __init__(self, provider: AwsProvider) -> None:
        self.read: Callable[[State], Any] = provider.read


def run_refresh(report: Report, *, quick: bool, times: int) -> None:
    report.title("Refresh", f"Queues with a tag in the embedded cloud, each call {DELAY * 1000:.0f} ms longer; all "
                                "calls counted.")
    n, root = 100 if quick else 300, Path(tempfile.mkdtemp())
    try:
        cloud = embedded.start(root, environment=os.environ)
        with Far(region=cloud.region, endpoint=cloud.endpoint, credentials=(cloud.access_key, cloud.secret_key),
                 environment={}) as aws:
            provider = AwsProvider(aws, app="bench", stage="test", lineage="l")
            with ThreadPoolExecutor(32) as pool:
                states = list(pool.map(lambda i: _queue(provider, i), range(n)))
            before = Snapshot(resources={s.urn: s for s in states})
            rows = [(what, *_read(aws, before, given, parallel, times)) for what, given, parallel in (
                ("one after the other", Single(provider), 1), ("32 at a time", Single(provider), 32),
                ("32 at a time, tags together", provider, 32))]
    finally:
        embedded.reset(root)
        shutil.rmtree(root, ignore_errors=True)
    report.table((f"{n} queues", "wall", "calls", "calls a queue"),
                 [(w, f"{s:.2f} s", c, f"{c / n:.2f}") for w, s, c in rows])


def _queue(provider: AwsProvider, i: int) -> State:
    urn, name = f"aws.sqs.Queue::Q{i}", f"bench-test-Q{i}-{uuid.uuid4().hex[:8]}"
    operation = Operation(urn, Op.CREATE, "aws.sqs.Queue", name, uuid.uuid4().hex,
                          {"name": name, "tags": {"n": str(i)}})
    made = provider.create(operation, lambda text: None)
    return State(urn, operation.type, made.id, operation.inputs, made.outputs, base=name)


def _read(aws: Aws, before: Snapshot, provider: Any, parallel: int, times: int) -> tuple[float, int]:
    best, calls = float("inf"), 0
    for _ in range(1 if parallel == 1 else times):
        counted, began = aws.counts.total(), time.monotonic()
        assert not drifts(before, lambda type: provider, lambda event: None, parallel=parallel)
        best, calls = min(best, time.monotonic() - began), aws.counts.total() - counted
    return best, calls
