"""Fixtures every room may use."""
from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sst.embedded.cloud import Cloud


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A running embedded cloud in a folder of its own (one per xdist worker), gone after the tests."""
    from sst.embedded import cloud as embedded

    root = tmp_path_factory.mktemp("cloud")
    yield embedded.start(root, environment=os.environ)
    embedded.reset(root)
