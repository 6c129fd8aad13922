"""A client for the embedded cloud, and a world of rows that is empty again after each test."""
from __future__ import annotations

from collections.abc import Iterator

import pytest

from sst.clouds.aws.client import Aws
from sst.embedded.cloud import Cloud

from .world import World

pytest.register_assert_rewrite("tests.clouds.aws.life")


@pytest.fixture(scope="module")
def aws(cloud: Cloud) -> Iterator[Aws]:
    with Aws(region=cloud.region, endpoint=cloud.endpoint, credentials=(cloud.access_key, cloud.secret_key),
             environment={}) as client:
        yield client


@pytest.fixture
def world(aws: Aws) -> Iterator[World]:
    made = World(aws)
    yield made
    made.clear()
