"""The strict cloud over moto's server or the emulator of stage ``local``, and a client that sleeps by its clock."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from sst.clouds.aws.client import Aws
from sst.embedded.cloud import Cloud
from tests.clouds.aws.world import World

from .clock import Clock
from .cloud import StrictCloud, strict_cloud
from .moto_cloud import moto_cloud

pytest.register_assert_rewrite("tests.clouds.aws.life")

HOUR = 3700.0
FULL = bool(os.environ.get("SST_STRICT"))
"""Set by ``make strict``: every row over both emulators, and what takes minutes."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """By ``make strict``, begin with whole apps, which take longest."""
    if FULL:
        items.sort(key=lambda item: (item.path.name == "test_rows.py", item.path.name != "test_smoke.py"))
    left_out = [] if FULL else [i for i in items if i.get_closest_marker("strict")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [i for i in items if not i.get_closest_marker("strict")]


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    with moto_cloud() as endpoint:
        yield endpoint


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def strict(request: pytest.FixtureRequest, clock: Clock) -> Iterator[StrictCloud]:
    """Over the emulator that the test's parameter names: ``moto`` or ``local``; ``local`` by default."""
    if getattr(request, "param", "local") == "moto":
        with strict_cloud(request.getfixturevalue("moto"), clock=clock) as made:
            yield made
    else:
        cloud: Cloud = request.getfixturevalue("cloud")
        with strict_cloud(cloud.endpoint, clock=clock, keys=(cloud.access_key, cloud.secret_key)) as made:
            yield made


@pytest.fixture
def aws(strict: StrictCloud, clock: Clock) -> Iterator[Aws]:
    with Aws(
        region="us-east-1", endpoint=strict.url, credentials=strict.keys, environment={}, clock=clock, sleep=clock.sleep
    ) as client:
        yield client


@pytest.fixture
def world(aws: Aws, clock: Clock) -> Iterator[World]:
    made = World(aws)
    yield made
    clock.sleep(HOUR)
    made.clear()
