"""The field by which items of a table expire, where AWS changes it once an hour."""
from __future__ import annotations

import pytest

from tests.clouds.aws.test_tables import changed_to, table
from tests.clouds.aws.world import World

from .clock import Clock
from .conftest import HOUR

pytestmark = [pytest.mark.emulator, pytest.mark.strict]


@pytest.mark.parametrize("strict", ["moto"], indirect=True)
def test_another_field_waits_for_its_hour(world: World, clock: Clock) -> None:
    state = world.create(world.operation("aws.dynamodb.Table", {**table(id="S"), "ttl": "expires"}))
    clock.sleep(HOUR)
    began = clock()
    assert world.plan(state, {**state.inputs, "ttl": "gone"}).notes
    changed_to(world, state, {**state.inputs, "ttl": "gone"})
    assert clock() - began > 3600
