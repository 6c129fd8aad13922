"""The cloud that all of these tests ask, the processes that die in them, and the figures they leave."""
from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from sst.clouds.aws.client import Aws
from sst.embedded import cloud as embedded
from sst.embedded.cloud import Cloud

from .forge import Forge

FULL = bool(os.environ.get("SST_TORTURE"))
"""Set by ``make torture``: every boundary and every fault. Without it a sample is run, in less than a minute of CPU."""
full = pytest.mark.skipif(not FULL, reason="part of make torture")
ROUNDS = int(os.environ.get("SST_TORTURE") or 1)
"""How often what is random is done."""


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Iterator[Counter[str]]:
    """What was done to it, for the report at the end; it travels with the test's own report, so that many processes can
    run them."""
    done: Counter[str] = Counter()
    yield done
    for name, n in done.items():
        record_property(name, n)


@pytest.fixture(scope="session")
def forge() -> Iterator[Forge]:
    with Forge() as forge:
        yield forge


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud of their own: everything in it is counted."""
    root = tmp_path_factory.mktemp("torture")
    yield embedded.start(root, environment=os.environ)
    embedded.reset(root)


@pytest.fixture(scope="session")
def given(cloud: Cloud) -> dict[str, Any]:
    """The cloud, for a process of the forge."""
    return {**asdict(cloud), "folder": str(cloud.folder)}


@pytest.fixture
def aws(cloud: Cloud) -> Iterator[Aws]:
    """To ask the cloud what there is."""
    with Aws(region=cloud.region, endpoint=cloud.endpoint, credentials=(cloud.access_key, cloud.secret_key),
             environment={}) as aws:
        yield aws


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "app"


def pytest_terminal_summary(terminalreporter: Any) -> None:
    figures: Counter[str] = Counter()
    for report in (r for some in terminalreporter.stats.values() for r in some if getattr(r, "when", "") == "teardown"):
        figures.update({name: n for name, n in report.user_properties if isinstance(n, int)})
    if figures:
        terminalreporter.section("torture")
        for name, count in sorted(figures.items()):
            terminalreporter.write_line(f"{count:>9,}  {name}")
