"""What the first deploy into a new account meets, and the removal of a network: each row waits for what AWS says."""
from __future__ import annotations

import pytest

from tests.clouds.aws.samples import SAMPLES, role, subnet, vpc
from tests.clouds.aws.world import World, note

from .clock import Clock
from .cloud import StrictCloud

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.strict]


@pytest.mark.parametrize(("type", "rule"), [
    ("aws.ecs.Cluster", "ecs_without_its_role"), ("aws.rds.SubnetGroup", "subnet_group_without_a_role"),
    ("aws.elasticache.SubnetGroup", "cache_without_a_role")])
def test_a_role_that_the_first_call_makes_is_waited_for(type: str, rule: str, strict: StrictCloud,
                                                        world: World) -> None:
    world.create(world.operation(type, SAMPLES[type](world).inputs))
    assert strict.met[rule]


def test_a_target_group_is_deleted_once_its_listener_is_forgotten(strict: StrictCloud, world: World) -> None:
    asked = {"protocol": "HTTP", "port": 80, "vpc_id": vpc(world)}
    group = world.create(world.operation("aws.elbv2.TargetGroup", asked))
    listener = world.create(world.operation("aws.elbv2.Listener", {
        **SAMPLES["aws.elbv2.Listener"](world).inputs,
        "default_actions": [{"Type": "forward", "TargetGroupArn": group.outputs["arn"]}]}))
    world.provider.delete(listener, note)
    world.provider.delete(group, note)
    assert strict.met["target_group_in_use"] and world.provider.read(group) is None


def test_a_subnet_waits_for_the_interfaces_of_functions_that_are_gone(strict: StrictCloud, world: World,
                                                                      clock: Clock) -> None:
    place = subnet(world, vpc(world))
    function = world.create(world.operation("aws.lambda.Function", {
        "role": role(world)["arn"], "handler": "app.handler", "runtime": "python3.11",
        "vpc_config": {"SubnetIds": [place]}, "code": {"path": "1", "sha256": "1" * 64}}))
    state = next(s for s in world.made if s.id == place)
    world.provider.delete(function, note)
    said: list[str] = []
    began = clock()
    world.provider.delete(state, said.append)
    assert 15 * 60 < clock() - began < 25 * 60 and "waiting for 1 network interface" in " ".join(said)
    assert world.provider.read(state) is None
