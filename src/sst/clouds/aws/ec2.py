"""EC2's networks: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Welcome.html"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...core.model import State
from ...core.output import Input, Output
from ...core.provider import Note
from ...core.resource import Arg, out, prop
from . import prices
from .columns import Call, Import, Listing, Part, call
from .ec2_columns import IN_USE, OURS, TAGGED, UNSEEN, listed, no, spec
from .interfaces import release_interfaces
from .security_rules import permissions, rules_of, without
from .table import AwsResource, Calls
from .zones import zone

__all__ = ["ElasticIp", "ElasticIpAssociation", "Instance", "InternetGateway", "InternetGatewayAttachment",
           "NatGateway", "Route", "RouteTable", "RouteTableAssociation", "SecurityGroup", "Subnet", "Vpc",
           "VpcEndpoint"]


class Vpc(AwsResource, type="aws.ec2.Vpc", service="ec2"):
    """A network of its own."""

    cidr_block: Arg[str] = prop(replace=True)
    enable_dns_hostnames: Arg[bool] = prop("EnableDnsHostnames.Value", default=None,
                                           read="DnsHostnames.EnableDnsHostnames.Value")
    enable_dns_support: Arg[bool] = prop("EnableDnsSupport.Value", default=None,
                                         read="DnsSupport.EnableDnsSupport.Value")
    instance_tenancy: Arg[str] = prop(default=None, replace=True)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    id: Output[str] = out("Vpc.VpcId || VpcId")

    identity = "tag"
    identifier = "$id"
    create = call("create_vpc", TagSpecifications=spec("vpc"))
    read = call("describe_vpcs", VpcIds=["$id"])
    item = "Vpcs[0]"
    extra_reads = {"DnsHostnames": call("describe_vpc_attribute", VpcId="$id", Attribute="enableDnsHostnames"),
                   "DnsSupport": call("describe_vpc_attribute", VpcId="$id", Attribute="enableDnsSupport")}
    update = (call("modify_vpc_attribute", VpcId="$id", properties="enable_dns_hostnames", after_create=True,
                   retry=(no.VPC,), idempotent=True),
              call("modify_vpc_attribute", VpcId="$id", properties="enable_dns_support", after_create=True,
                   retry=(no.VPC,), idempotent=True))
    reset_value = {"enable_dns_hostnames": False, "enable_dns_support": True}
    find = call("describe_vpcs", Filters=OURS)
    list_path = "Vpcs"
    delete = call("delete_vpc", VpcId="$id", retry=IN_USE, patience=300, idempotent=True)
    not_found_codes = unmodelled_codes = (no.VPC,)
    tagging = TAGGED
    listing = listed("describe_vpcs", "Vpcs[]", "VpcId", 9)
    imports = Import("aws_vpc", "{id}")


class Subnet(AwsResource, type="aws.ec2.Subnet", service="ec2"):
    """A part of a network, in one availability zone."""

    vpc_id: Arg[str] = prop(replace=True)
    cidr_block: Arg[str] = prop(replace=True)
    availability_zone: Arg[str] = prop(replace=True, default=None)
    zone_number: Arg[int] = prop(replace=True, default=None, local=True)
    """In place of ``availability_zone``: its number, from 0, among the zones that the account has in the region."""
    map_public_ip_on_launch: Arg[bool] = prop("MapPublicIpOnLaunch.Value", default=None, read="MapPublicIpOnLaunch")
    tags: Arg[Mapping[str, str]] = prop(default=None)

    id: Output[str] = out("Subnet.SubnetId || SubnetId")

    identity = "tag"
    identifier = "$id"
    create = call("create_subnet", TagSpecifications=spec("subnet"), retry=UNSEEN)
    read = call("describe_subnets", SubnetIds=["$id"])
    item = "Subnets[0]"
    update = (call("modify_subnet_attribute", SubnetId="$id", properties="map_public_ip_on_launch", after_create=True,
                   retry=UNSEEN, idempotent=True),)
    reset_value = {"map_public_ip_on_launch": False}
    find = call("describe_subnets", Filters=OURS)
    list_path = "Subnets"
    delete = call("delete_subnet", SubnetId="$id", retry=IN_USE, patience=300, idempotent=True)
    not_found_codes = unmodelled_codes = (no.SUBNET,)
    delete_first = True
    tagging = TAGGED
    listing = listed("describe_subnets", "Subnets[]", "SubnetId", 7)
    imports = Import("aws_subnet", "{id}")

    @classmethod
    def request(cls, provider: Calls, inputs: Mapping[str, Any], c: Call) -> dict[str, Any]:
        made = super().request(provider, inputs, c)
        if c is cls.create and inputs.get("zone_number") is not None:
            made["AvailabilityZone"] = zone(provider.aws, inputs["zone_number"], inputs.get("region"))
        return made

    @classmethod
    def before_delete(cls, provider: Calls, known: dict[str, Any], note: Note) -> None:
        release_interfaces(provider, "subnet-id", known["id"], note)


class InternetGateway(AwsResource, type="aws.ec2.InternetGateway", service="ec2"):
    """The way from a network to the internet, once it is attached."""

    tags: Arg[Mapping[str, str]] = prop(default=None)

    id: Output[str] = out("InternetGateway.InternetGatewayId || InternetGatewayId")

    identity = "tag"
    identifier = "$id"
    create = call("create_internet_gateway", TagSpecifications=spec("internet-gateway"))
    read = call("describe_internet_gateways", InternetGatewayIds=["$id"])
    item = "InternetGateways[0]"
    find = call("describe_internet_gateways", Filters=OURS)
    list_path = "InternetGateways"
    delete = call("delete_internet_gateway", InternetGatewayId="$id", retry=IN_USE, idempotent=True)
    not_found_codes = unmodelled_codes = (no.GATEWAY,)
    tagging = TAGGED
    listing = listed("describe_internet_gateways", "InternetGateways[]", "InternetGatewayId", 8, parts=(
        Part(call("describe_internet_gateways", InternetGatewayIds=["$id"]),
             "InternetGateways[].Attachments[].{vpc: VpcId}",
             call("detach_internet_gateway", InternetGatewayId="$id", VpcId="$vpc", retry=IN_USE)),))
    imports = Import("aws_internet_gateway", "{id}")


class InternetGatewayAttachment(AwsResource, type="aws.ec2.InternetGatewayAttachment", service="ec2"):
    """An internet gateway at a network."""

    internet_gateway_id: Arg[str] = prop(replace=True)
    vpc_id: Arg[str] = prop(replace=True)

    identity = "key"
    identifier = "$internet_gateway_id:$vpc_id"
    create = call("attach_internet_gateway", retry=UNSEEN, idempotent=False)
    read = call("describe_internet_gateways", InternetGatewayIds=["$internet_gateway_id"])
    item = "InternetGateways[0].Attachments[?VpcId == $vpc_id] | [0]"
    delete = call("detach_internet_gateway", InternetGatewayId="$internet_gateway_id", VpcId="$vpc_id", retry=IN_USE,
                  patience=600, idempotent=True)
    not_found_codes = unmodelled_codes = (no.GATEWAY, "Gateway.NotAttached")
    delete_first = True
    imports = Import("aws_internet_gateway_attachment", "{internetGatewayId}:{vpcId}")


class RouteTable(AwsResource, type="aws.ec2.RouteTable", service="ec2"):
    """Where packets of some subnets go."""

    vpc_id: Arg[str] = prop(replace=True)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    id: Output[str] = out("RouteTable.RouteTableId || RouteTableId")

    identity = "tag"
    identifier = "$id"
    create = call("create_route_table", TagSpecifications=spec("route-table"), retry=UNSEEN)
    read = call("describe_route_tables", RouteTableIds=["$id"])
    item = "RouteTables[0]"
    find = call("describe_route_tables", Filters=OURS)
    list_path = "RouteTables"
    delete = call("delete_route_table", RouteTableId="$id", retry=IN_USE, idempotent=True)
    not_found_codes = unmodelled_codes = (no.TABLE,)
    tagging = TAGGED
    listing = listed("describe_route_tables", "RouteTables[]", "RouteTableId", 6, parts=(
        Part(call("describe_route_tables", RouteTableIds=["$id"]),
             "RouteTables[].Associations[].{association: RouteTableAssociationId}",
             call("disassociate_route_table", AssociationId="$association")),))
    imports = Import("aws_route_table", "{id}")


class Route(AwsResource, type="aws.ec2.Route", service="ec2"):
    """One line of a route table: an internet gateway, a NAT gateway or an instance."""

    route_table_id: Arg[str] = prop(replace=True, read="")
    destination_cidr_block: Arg[str] = prop(replace=True)
    gateway_id: Arg[str] = prop(default=None)
    nat_gateway_id: Arg[str] = prop(default=None)
    instance_id: Arg[str] = prop(default=None)

    identity = "key"
    identifier = "$route_table_id:$destination_cidr_block"
    create = call("create_route", retry=UNSEEN, idempotent=True)
    read = call("describe_route_tables", RouteTableIds=["$route_table_id"])
    item = "RouteTables[0].Routes[?DestinationCidrBlock == $destination_cidr_block] | [0]"
    update = (call("replace_route", idempotent=True),)
    sticky = frozenset({"gateway_id", "nat_gateway_id", "instance_id"})
    delete = call("delete_route", RouteTableId="$route_table_id", DestinationCidrBlock="$destination_cidr_block",
                  idempotent=True)
    not_found_codes = unmodelled_codes = (no.ROUTE, no.TABLE)
    delete_first = True
    imports = Import("aws_route", "{routeTableId}:{destinationCidrBlock}")


class RouteTableAssociation(AwsResource, type="aws.ec2.RouteTableAssociation", service="ec2"):
    """The route table of a subnet."""

    route_table_id: Arg[str] = prop(replace=True)
    subnet_id: Arg[str] = prop(replace=True)

    id: Output[str] = out("AssociationId || RouteTableAssociationId")

    identity = "content"
    identifier = "$id"
    create = call("associate_route_table", retry=UNSEEN)
    read = call("describe_route_tables", Filters=[{"Name": "association.route-table-association-id",
                                                   "Values": ["$id"]}])
    item = "RouteTables[0].Associations[?RouteTableAssociationId == $id] | [0]"
    find = call("describe_route_tables", Filters=[{"Name": "association.subnet-id", "Values": ["$subnet_id"]}])
    list_path = "RouteTables[].Associations[]"
    delete = call("disassociate_route_table", AssociationId="$id", idempotent=True)
    not_found_codes = unmodelled_codes = (no.ASSOCIATION, no.TABLE)
    delete_first = True
    imports = Import("aws_route_table_association", "{id}")


class SecurityGroup(AwsResource, type="aws.ec2.SecurityGroup", service="ec2"):
    """What may connect to the interfaces that carry it. Connections from them are allowed, as AWS makes it.

    ``ingress`` holds rules: ``{"protocol": "tcp", "from": 80, "to": 80, "cidr": "0.0.0.0/0"}``, or with the id of
    another group under ``group`` in place of ``cidr``. Without ports, or with protocol ``"all"``, all are open."""

    name: Arg[str] = prop("GroupName", limit=255, replace=True, default=None)
    description: Arg[str] = prop("Description", default="Managed by sst", replace=True)
    vpc_id: Arg[str] = prop(replace=True)
    ingress: Arg[Sequence[Mapping[str, Any]]] = prop("IpPermissions", default=None, enc=permissions, dec=rules_of)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    id: Output[str] = out("GroupId")

    identity = "tag"
    identifier = "$id"
    create = call("create_security_group", TagSpecifications=spec("security-group"), retry=UNSEEN)
    read = call("describe_security_groups", GroupIds=["$id"])
    item = "SecurityGroups[0]"
    update = (call("authorize_security_group_ingress", GroupId="$id", properties="ingress", after_create=True,
                   retry=UNSEEN, benign_codes=("InvalidPermission.Duplicate",), idempotent=True),)
    reset_value = {"ingress": []}
    find = call("describe_security_groups", Filters=OURS)
    list_path = "SecurityGroups"
    delete = call("delete_security_group", GroupId="$id", retry=IN_USE, patience=300, idempotent=True)
    not_found_codes = unmodelled_codes = (no.GROUP, "InvalidGroupId.Malformed")
    tagging = TAGGED
    listing = listed("describe_security_groups", "SecurityGroups[]", "GroupId", 7)
    imports = Import("aws_security_group", "{id}")

    @classmethod
    def custom_update(cls, provider: Calls, state: State, inputs: Mapping[str, Any], changed: frozenset[str],
                      known: Mapping[str, Any], note: Note) -> frozenset[str]:
        """Only rules that are new are added, and only those that left are taken away."""
        if "ingress" not in changed:
            return frozenset()
        old, new = state.inputs.get("ingress") or (), inputs.get("ingress") or ()
        for op, some, benign in (("authorize_security_group_ingress", without(new, old), "InvalidPermission.Duplicate"),
                                 ("revoke_security_group_ingress", without(old, new), "InvalidPermission.NotFound")):
            if some:
                provider.send(cls, call(op, GroupId="$id", retry=UNSEEN, benign_codes=(benign,), idempotent=True),
                              known, {"IpPermissions": permissions(some)}, note)
        return frozenset({"ingress"})

    @classmethod
    def before_delete(cls, provider: Calls, known: dict[str, Any], note: Note) -> None:
        release_interfaces(provider, "group-id", known["id"], note)


class ElasticIp(AwsResource, type="aws.ec2.ElasticIp", service="ec2"):
    """A public address that stays."""

    tags: Arg[Mapping[str, str]] = prop(default=None)

    id: Output[str] = out("AllocationId")
    public_ip: Output[str] = out("PublicIp")

    identity = "tag"
    identifier = "$id"
    create = call("allocate_address", Domain="vpc", TagSpecifications=spec("elastic-ip"))
    read = call("describe_addresses", AllocationIds=["$id"])
    item = "Addresses[0]"
    find = call("describe_addresses", Filters=OURS)
    list_path = "Addresses"
    delete = call("release_address", AllocationId="$id", retry=("InvalidIPAddress.InUse", "AuthFailure"), patience=300,
                  idempotent=True)
    not_found_codes = unmodelled_codes = (no.ADDRESS,)
    tagging = TAGGED
    listing = Listing("describe_addresses", "Addresses[].{id: AllocationId, tags: Tags}", order=6)
    imports = Import("aws_eip", "{id}")
    monthly = prices.public_address


class NatGateway(AwsResource, type="aws.ec2.NatGateway", service="ec2"):
    """The way from private subnets to the internet; about two minutes to make."""

    subnet_id: Arg[str] = prop(replace=True)
    allocation_id: Arg[str] = prop(replace=True, default=None, read="NatGatewayAddresses[0].AllocationId")
    tags: Arg[Mapping[str, str]] = prop(default=None)

    id: Output[str] = out("NatGateway.NatGatewayId || NatGatewayId")

    identity = "tag"
    identifier = "$id"
    create = call("create_nat_gateway", TagSpecifications=spec("natgateway"), retry=UNSEEN,
                  wait="nat_gateway_available", wait_on={"NatGatewayIds": ["$id"]},
                  settled="NatGateway.State == 'available'")
    read = call("describe_nat_gateways", NatGatewayIds=["$id"])
    item = "NatGateways[?State != 'deleted' && State != 'deleting'] | [0]"
    find = call("describe_nat_gateways", Filter=OURS)
    list_path = "NatGateways[?State != 'deleted' && State != 'deleting' && State != 'failed']"
    delete = call("delete_nat_gateway", NatGatewayId="$id", wait="nat_gateway_deleted",
                  wait_on={"NatGatewayIds": ["$id"]}, idempotent=True)
    not_found_codes = unmodelled_codes = (no.NAT,)
    tagging = TAGGED
    listing = Listing("describe_nat_gateways", "NatGateways[?State != 'deleted'].{id: NatGatewayId, tags: Tags}",
                      ("NextToken", "NextToken"), order=1)
    imports = Import("aws_nat_gateway", "{id}")
    monthly = prices.nat_gateway


class Instance(AwsResource, type="aws.ec2.Instance", service="ec2"):
    """A virtual machine. ``image`` may be ``"resolve:ssm:/aws/service/..."``: the newest image at its creation."""

    image: Arg[str] = prop("ImageId", replace=True, read="")
    instance_type: Arg[str] = prop(replace=True)
    subnet_id: Arg[str] = prop(replace=True)
    security_group_ids: Arg[Sequence[Input[str]]] = prop(replace=True, default=None, read="SecurityGroups[].GroupId")
    instance_profile: Arg[str] = prop("IamInstanceProfile.Name", replace=True, default=None, read="")
    user_data: Arg[str] = prop(replace=True, default=None, read="", secret=True)
    source_dest_check: Arg[bool] = prop("SourceDestCheck.Value", default=None, read="SourceDestCheck")
    metadata_options: Arg[Mapping[str, Any]] = prop(replace=True, default=None, read="")
    tags: Arg[Mapping[str, str]] = prop(default=None)

    id: Output[str] = out("Instances[0].InstanceId || InstanceId")

    identity = "tag"
    identifier = "$id"
    create = call("run_instances", MinCount=1, MaxCount=1, TagSpecifications=spec("instance"), wait="instance_running",
                  wait_on={"InstanceIds": ["$id"]}, settled="Instances[0].State.Name == 'running'", patience=60,
                  retry=(*UNSEEN, "InvalidParameterValue: Invalid IAM Instance Profile"))
    read = call("describe_instances", InstanceIds=["$id"])
    item = "Reservations[].Instances[] | [?State.Name != 'terminated' && State.Name != 'shutting-down'] | [0]"
    update = (call("modify_instance_attribute", InstanceId="$id", properties="source_dest_check", after_create=True,
                   idempotent=True),)
    reset_value = {"source_dest_check": True}
    find = call("describe_instances", Filters=OURS)
    list_path = "Reservations[].Instances[] | [?State.Name != 'terminated' && State.Name != 'shutting-down']"
    delete = call("terminate_instances", InstanceIds=["$id"], wait="instance_terminated",
                  wait_on={"InstanceIds": ["$id"]}, idempotent=True)
    not_found_codes = unmodelled_codes = (no.INSTANCE,)
    tagging = TAGGED
    listing = Listing("describe_instances", "Reservations[].Instances[] | [?State.Name != 'terminated']."
                      "{id: InstanceId, tags: Tags}", ("NextToken", "NextToken"), order=1)
    imports = Import("aws_instance", "{id}")
    monthly = prices.machine


class ElasticIpAssociation(AwsResource, type="aws.ec2.ElasticIpAssociation", service="ec2"):
    """A public address of an instance."""

    allocation_id: Arg[str] = prop(replace=True)
    instance_id: Arg[str] = prop(replace=True)

    id: Output[str] = out("AssociationId")

    identity = "content"
    identifier = "$id"
    create = call("associate_address", retry=("InvalidInstanceID: not in a valid state", *UNSEEN), idempotent=True)
    find = call("describe_addresses", AllocationIds=["$allocation_id"])
    list_path = "Addresses[?AssociationId]"
    read = call("describe_addresses", AllocationIds=["$allocation_id"])
    item = "Addresses[?AssociationId == $id] | [0]"
    delete = call("disassociate_address", AssociationId="$id", idempotent=True)
    not_found_codes = unmodelled_codes = (no.ADDRESS, no.ASSOCIATION)
    delete_first = True
    imports = Import("aws_eip_association", "{id}")


class VpcEndpoint(AwsResource, type="aws.ec2.VpcEndpoint", service="ec2"):
    """A way from a network to an AWS service that needs no internet. Those of S3 and DynamoDB (``Gateway``) cost
    nothing."""

    vpc_id: Arg[str] = prop(replace=True)
    service_name: Arg[str] = prop(replace=True)
    vpc_endpoint_type: Arg[str] = prop(default="Gateway", replace=True)
    route_table_ids: Arg[Sequence[Input[str]]] = prop(default=None, replace=True)
    subnet_ids: Arg[Sequence[Input[str]]] = prop(default=None, replace=True)
    security_group_ids: Arg[Sequence[Input[str]]] = prop(default=None, replace=True, read="Groups[].GroupId")
    private_dns_enabled: Arg[bool] = prop(default=None, replace=True)
    tags: Arg[Mapping[str, str]] = prop(default=None)

    id: Output[str] = out("VpcEndpoint.VpcEndpointId || VpcEndpointId")

    identity = "tag"
    identifier = "$id"
    create = call("create_vpc_endpoint", TagSpecifications=spec("vpc-endpoint"), retry=UNSEEN)
    read = call("describe_vpc_endpoints", VpcEndpointIds=["$id"])
    item = "VpcEndpoints[?State != 'deleted' && State != 'deleting'] | [0]"
    find = call("describe_vpc_endpoints", Filters=OURS)
    list_path = "VpcEndpoints[?State != 'deleted' && State != 'deleting']"
    delete = call("delete_vpc_endpoints", VpcEndpointIds=["$id"], idempotent=True)
    not_found_codes = unmodelled_codes = (no.ENDPOINT,)
    delete_first = True
    tagging = TAGGED
    listing = Listing("describe_vpc_endpoints", "VpcEndpoints[?State != 'deleted'].{id: VpcEndpointId, tags: Tags}",
                      ("NextToken", "NextToken"), order=1)
    imports = Import("aws_vpc_endpoint", "{id}")
    monthly = prices.endpoint
