"""The answer of each row's creation is lost on its way: there is one thing, and it is all that was asked for."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from sst.clouds.aws.client import Aws
from sst.clouds.aws.service import Request, Service
from sst.core.model import Snapshot
from sst.embedded.cloud import Cloud
from sst.engine.refresh import drifts
from sst.errors import ProviderError
from tests.fakes import ignore

from .rows import ROWS, cases
from .samples import SAMPLES
from .world import World

pytestmark = pytest.mark.emulator


class Deaf(Aws):
    """Hears no answer to the next call of this operation."""

    to = ""

    def _once(self, model: Service, operation: str, prepared: Request, *rest: Any) -> dict[str, Any]:
        answer = super()._once(model, operation, prepared, *rest)
        if operation == self.to:
            self.to = ""
            raise ProviderError("the connection broke", code="NoAnswer", operation=operation)
        return answer


@pytest.fixture
def aws(cloud: Cloud) -> Iterator[Deaf]:
    with Deaf(region=cloud.region, endpoint=cloud.endpoint, credentials=(cloud.access_key, cloud.secret_key),
              environment={}) as aws:
        yield aws


@pytest.mark.parametrize("type", cases(ROWS))
def test_a_creation_whose_answer_is_lost(type: str, aws: Deaf) -> None:
    world = World(aws)
    try:
        operation = world.operation(type, SAMPLES[type](world).inputs)
        aws.to = ROWS[type].create.op
        state = world.create(operation)
        assert not aws.to, "it was lost"
        assert set(ROWS[type].outs) - set(state.outputs) <= {"stream_arn"}
        assert drifts(Snapshot(resources={state.urn: replace(state, deps=())}), lambda t: world.provider, ignore) == []
    finally:
        world.clear()
