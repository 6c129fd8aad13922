from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sst.embedded.cloud import Cloud

from .stage import Stage, new_stage, tap_of
from .tap import Tap


@pytest.fixture
def stage(cloud: Cloud, tmp_path: Path) -> Stage:
    return new_stage(cloud, tmp_path)


@pytest.fixture
def tap(cloud: Cloud) -> Iterator[Tap]:
    made = tap_of(cloud)
    yield made
    made.close()
