"""Look-ups of existing resources: what identifies them is given, all else is asked for."""
from __future__ import annotations

from dataclasses import replace

import pytest

from sst.clouds.aws.client import Aws
from sst.clouds.aws.provider import AwsProvider
from sst.core.model import Op, Operation
from sst.core.provider import STAND_IN
from tests.fakes import ignore

from .world import World

pytestmark = pytest.mark.emulator


def test_a_queue_by_its_url_or_name(world: World) -> None:
    made = world.make("aws.sqs.Queue", {})
    for identity in ({"id": made["url"]}, {"name": made["name"]}):
        found = world.provider.look_up("aws.sqs.Queue", identity)
        assert found and {**(found.inputs or {}), **found.outputs}["url"] == made["url"]
        assert found.outputs["arn"] == made["arn"]


def test_a_bucket_and_a_table_by_name(world: World) -> None:
    table = {"attribute_definitions": [{"AttributeName": "k", "AttributeType": "S"}],
             "key_schema": [{"AttributeName": "k", "KeyType": "HASH"}], "billing_mode": "PAY_PER_REQUEST",
             "stream_view_type": "NEW_IMAGE"}
    for kind, inputs in (("aws.s3.Bucket", {}), ("aws.dynamodb.Table", table)):
        made = world.make(kind, inputs)
        found = world.provider.look_up(kind, {"name": made["name"]})
        assert found and found.outputs["arn"] == made["arn"] and not found.private
        assert found.outputs.get("stream_arn") == made.get("stream_arn")


def test_a_load_balancer_by_name_and_its_listener_by_port(world: World) -> None:
    network = world.make("aws.ec2.Vpc", {"cidr_block": "10.0.0.0/16"})["id"]
    zones = [world.make("aws.ec2.Subnet", {"vpc_id": network, "cidr_block": f"10.0.{8 * n}.0/22",
                                           "availability_zone": f"us-east-1{zone}"})["id"] for n, zone in
             enumerate("ab")]
    made = world.make("aws.elbv2.LoadBalancer", {"subnets": zones})
    refuse = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "403", "ContentType": "text/plain"}}
    listeners = {port: world.make("aws.elbv2.Listener", {
        "load_balancer_arn": made["arn"], "port": port, "protocol": "HTTP", "dns_name": made["dns_name"],
        "default_actions": [refuse]})["arn"] for port in (80, 81)}
    found = world.provider.look_up("aws.elbv2.LoadBalancer", {"name": made["name"]})
    assert found and found.outputs["arn"] == made["arn"] and found.outputs["dns_name"] == made["dns_name"]
    for port, arn in listeners.items():
        one = world.provider.look_up("aws.elbv2.Listener", {"load_balancer_arn": made["arn"], "port": port})
        assert one and one.outputs["arn"] == arn


def test_what_is_not_there(world: World) -> None:
    for kind in ("aws.s3.Bucket", "aws.sqs.Queue", "aws.dynamodb.Table", "aws.lambda.Function"):
        assert world.provider.look_up(kind, {"name": "acme-absent"}) is None
    url = world.make("aws.sqs.Queue", {})["url"]
    assert world.provider.look_up("aws.sqs.Queue", {"id": f"{url}-absent"}) is None


def test_a_stand_in_is_known_as_one_and_goes_with_what_is_in_it(world: World, aws: Aws) -> None:
    provider = AwsProvider(aws, app="app", stage="local", lineage="L", local=True)
    wanted = Operation("aws.s3.Bucket::Files", Op.READ, "aws.s3.Bucket", "", "t", {"name": "acme-stand-in"})
    assert provider.traits.stand_ins and not world.provider.traits.stand_ins
    made = provider.stand_in(wanted, ignore)
    assert made.private == STAND_IN and made.outputs["arn"] == "arn:aws:s3:::acme-stand-in"
    assert provider.look_up(wanted.type, wanted.inputs) == made
    aws.call("s3", "put_object", {"Bucket": "acme-stand-in", "Key": "a", "Body": b"x"})
    state = world.state(wanted, made)
    provider.delete(replace(state, private=made.private), ignore)
    assert provider.look_up(wanted.type, wanted.inputs) is None
