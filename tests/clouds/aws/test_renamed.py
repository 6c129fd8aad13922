"""States that have a property's former name."""
from __future__ import annotations

from dataclasses import replace

import pytest

from sst.clouds.aws.client import Aws

from .world import World, note

pytestmark = pytest.mark.emulator


def test_a_record_of_a_former_state_is_planned_read_and_deleted(world: World, aws: Aws) -> None:
    zone = world.zone("renamed.test")
    inputs = {"zone": zone, "name": "www.renamed.test", "type": "A", "ttl": 60, "records": ["127.0.0.1"]}
    state = world.create(world.operation("aws.route53.Record", inputs))
    former = replace(state, version=0, inputs={("type_" if k == "type" else k): v for k, v in state.inputs.items()})
    assert world.provider.schema(state.type).version == 1
    upgraded = world.provider.upgrade(former)
    assert upgraded.version == 1 and not world.plan(upgraded, state.inputs).changed
    seen = world.provider.read(former)
    assert seen and seen.inputs and dict(seen.inputs) == dict(state.inputs)
    world.provider.delete(former, note)
    world.made.remove(state)
    assert world.provider.read(state) is None
