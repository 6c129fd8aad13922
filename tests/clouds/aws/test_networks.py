"""What is in a network, how many calls it costs, and what is left in it when it goes."""
from __future__ import annotations

import pytest

from sst.clouds.aws.client import Aws
from sst.clouds.aws.interfaces import PATIENCE, release_interfaces
from sst.clouds.aws.lookup import Lookups
from sst.clouds.aws.zones import zone
from sst.embedded.cloud import Cloud
from sst.errors import UserError

from .samples import subnet, vpc
from .world import World, note

pytestmark = pytest.mark.emulator


def test_a_network_is_looked_up_by_its_id(world: World, aws: Aws) -> None:
    network = vpc(world)
    public, private = subnet(world, network), subnet(world, network, "10.0.4.0/22")
    gateway = world.make("aws.ec2.InternetGateway", {})["id"]
    world.make("aws.ec2.InternetGatewayAttachment", {"internet_gateway_id": gateway, "vpc_id": network})
    table = world.make("aws.ec2.RouteTable", {"vpc_id": network})["id"]
    world.make("aws.ec2.Route", {"route_table_id": table, "destination_cidr_block": "0.0.0.0/0",
                                 "gateway_id": gateway})
    world.make("aws.ec2.RouteTableAssociation", {"route_table_id": table, "subnet_id": public})
    world.make("aws.ec2.VpcEndpoint", {"vpc_id": network, "service_name": "com.amazonaws.us-east-1.s3",
                                       "route_table_ids": [table]})
    there = Lookups(lambda: aws, aws.account).network(network)
    assert (there.public, there.private, there.nat, there.endpoints) == ((public,), (private,), False, ("s3",))
    assert there.cidr == "10.0.0.0/16" and len(there.groups) == 1 and there.bastion == ""
    made = [aws.call("ec2", "run_instances", {
        "ImageId": "ami-1", "MinCount": 1, "MaxCount": 1, "SubnetId": public, "TagSpecifications": [
            {"ResourceType": "instance", "Tags": [{"Key": key, "Value": "true"}]}]})["Instances"][0]["InstanceId"]
            for key in ("sst:is-bastion", "Name")]
    try:
        assert Lookups(lambda: aws, aws.account).network(network).bastion == made[0]
    finally:
        aws.call("ec2", "terminate_instances", {"InstanceIds": made})
    with pytest.raises(UserError, match="there is no VPC vpc-0 in us-east-1"):
        Lookups(lambda: aws, aws.account).network("vpc-0")


def test_zones_are_asked_for_once_and_counted(cloud: Cloud) -> None:
    with Aws(region=cloud.region, endpoint=cloud.endpoint, credentials=(cloud.access_key, cloud.secret_key),
             environment={}) as one:
        assert [zone(one, n) for n in (0, 1, 0)] == ["us-east-1a", "us-east-1b", "us-east-1a"]
        assert one.counts["ec2.describe_availability_zones"] == 1
        with pytest.raises(UserError, match=r"us-east-1 has .* availability zones: us-east-1a"):
            zone(one, 99)


def test_interfaces_that_nothing_uses_are_deleted_and_others_waited_for(world: World, aws: Aws) -> None:
    network = vpc(world)
    place = subnet(world, network)
    made = [aws.call("ec2", "create_network_interface", {"SubnetId": place, "Description": "AWS Lambda VPC ENI-x"})
            for _ in range(2)]
    ids = [m["NetworkInterface"]["NetworkInterfaceId"] for m in made]
    aws.call("ec2", "attach_network_interface", {"NetworkInterfaceId": ids[1], "InstanceId": "i-1", "DeviceIndex": 1})
    slept, said = [], []
    kept, aws.sleep = aws.sleep, slept.append
    try:
        release_interfaces(world.provider, "subnet-id", place, said.append)
    finally:
        aws.sleep = kept
        there = aws.call("ec2", "describe_network_interfaces", {"NetworkInterfaceIds": [ids[1]]})["NetworkInterfaces"]
        aws.call("ec2", "detach_network_interface", {"AttachmentId": there[0]["Attachment"]["AttachmentId"],
                                                     "Force": True})
    assert sum(slept) == PATIENCE and "waiting for 1 network interface" in said[0]
    release_interfaces(world.provider, "subnet-id", place, note)
    left = aws.call("ec2", "describe_network_interfaces", {})["NetworkInterfaces"]
    assert not {i["NetworkInterfaceId"] for i in left} & set(ids)
