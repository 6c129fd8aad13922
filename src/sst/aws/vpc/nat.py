"""How private subnets reach the internet, and the instance from which one looks into the network."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from typing import Any, Literal, TypedDict

from ...clouds.aws import ec2, iam
from ...clouds.aws.partition import partition_of
from ...core.graph import current
from ...core.output import Input, Output
from ...errors import UserError
from .layout import CIDR, Layout, named

__all__ = ["Bastion", "Ec2Nat", "Nat", "NatKind", "bastion_of", "declare_nat", "nat_of"]

NatKind = Literal["ec2", "managed"]
IMAGE = "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
"""The newest Amazon Linux when an instance is made; a newer one does not replace it.
Source: https://docs.aws.amazon.com/linux/al2023/ug/ec2.html#launch-via-aws-cli"""
SESSIONS = "policy/AmazonSSMManagedInstanceCore"
IS_BASTION = {"sst:is-bastion": "true"}
"""By it, `Vpc.get` of another app finds the bastion, as SST's does."""
FORWARD = """#!/bin/bash
yum install -y iptables-services
systemctl enable --now iptables
echo net.ipv4.ip_forward=1 > /etc/sysctl.d/90-nat.conf
sysctl -p /etc/sysctl.d/90-nat.conf
iptables -t nat -A POSTROUTING -o "$(ip -o -4 route show to default | awk '{print $5; exit}')" -j MASQUERADE
iptables -F FORWARD
service iptables save
"""
"""Makes an instance a NAT instance. Source: https://docs.aws.amazon.com/vpc/latest/userguide/work-with-nat-instances.html
"""


class Ec2Nat(TypedDict, total=False):
    """``instance``: its type, ``"t4g.nano"`` by default. ``ami``: its image, the newest Amazon Linux 2023 for arm64 by
    default, which is told to forward packets. ``role``: the name of a role to use in place of one of its own."""

    instance: str
    ami: str
    role: str


class Nat(TypedDict, total=False):
    """``type``: ``"ec2"`` or ``"managed"``; what ``ec2`` is given makes it ``"ec2"``. ``ip``: allocation ids of
    existing Elastic IPs, one for each availability zone."""

    type: NatKind
    ip: Sequence[str]
    ec2: Ec2Nat


class Bastion(TypedDict, total=False):
    """``allow``: the addresses that may connect to it by SSH, as CIDR blocks; ``["0.0.0.0/0"]`` by default, and none
    with ``[]``. ``instance_profile``: the name of an existing instance profile; it must allow Session Manager."""

    allow: Sequence[str]
    instance_profile: str


def nat_of(nat: NatKind | Nat | None) -> Nat | None:
    if nat is None:
        return None
    given: Nat = {"type": nat} if isinstance(nat, str) else nat
    if not isinstance(given, Mapping):
        raise UserError(f"nat takes \"ec2\", \"managed\" or options, not {nat!r}")
    kind = given.get("type") or ("ec2" if "ec2" in given else None)
    if kind not in ("ec2", "managed"):
        raise UserError(f'nat is "ec2" or "managed", not {kind!r}',
                        hint='nat="managed", or nat={"type": "ec2", "ec2": {"instance": "t4g.small"}}')
    if kind == "managed" and "ec2" in given:
        raise UserError('nat has options of "ec2", but its type is "managed"')
    return {**given, "type": kind}


def bastion_of(bastion: bool | Bastion) -> Bastion | None:
    if isinstance(bastion, bool):
        return {} if bastion else None
    if not isinstance(bastion, Mapping):
        raise UserError(f"bastion takes True, False or options, not {bastion!r}")
    for block in bastion.get("allow", ()):
        try:
            ip_network(block)
        except ValueError as e:
            raise UserError(f"allow of a bastion takes CIDR blocks, not {block!r}: {e}",
                            hint='bastion={"allow": ["203.0.113.7/32"]}') from None
    return bastion


def declare_nat(vpc: ec2.Vpc, layout: Layout, nat: Nat | None, bastion: Bastion | None,
                owner: str) -> Output[str] | None:
    """The ways out of the private subnets, and the bastion; returns its id. NAT instances serve as one."""
    first: ec2.Instance | None = None
    if nat is not None:
        ips = nat.get("ip")
        if ips is not None and len(ips) != len(layout.public):
            raise UserError(f"nat has {len(ips)} addresses for {len(layout.public)} availability zones",
                            hint="ip takes one allocation id for each zone")
        if nat["type"] == "managed":
            _gateways(layout, ips, owner)
        else:
            first = _instances(vpc, layout, ips, nat.get("ec2") or {}, owner, bastion)
    if bastion is None:
        return None
    return (first or _bastion(vpc, layout, bastion, owner)).id


def _addresses(layout: Layout, given: Sequence[str] | None, owner: str) -> list[Input[str]]:
    """Allocation ids, one for each zone."""
    if given is not None:
        return list(given)
    made = [ec2.ElasticIp(f"ElasticIp{i + 1}", tags=named(owner, f"NAT {i + 1}"), depends_on=[layout.attachment])
            for i in range(len(layout.public))]
    return [address.id for address in made]


def _gateways(layout: Layout, ips: Sequence[str] | None, owner: str) -> None:
    for i, address in enumerate(_addresses(layout, ips, owner)):
        gateway = ec2.NatGateway(f"NatGateway{i + 1}", subnet_id=layout.public[i].id, allocation_id=address,
                                 tags=named(owner, f"NAT {i + 1}"), depends_on=[layout.attachment])
        ec2.Route(f"PrivateRoute{i + 1}", route_table_id=layout.private_tables[i].id,
                  destination_cidr_block="0.0.0.0/0", nat_gateway_id=gateway.id)


def _ssh(bastion: Bastion | None) -> list[dict[str, Any]]:
    """Who may connect to a bastion. Its keys are of the moment: `clouds/aws/bastion.py`."""
    blocks = bastion.get("allow", ("0.0.0.0/0",)) if bastion is not None else ()
    return [{"protocol": "tcp", "from": 22, "to": 22, "cidr6" if ":" in block else "cidr": block} for block in blocks]


def _instances(vpc: ec2.Vpc, layout: Layout, ips: Sequence[str] | None, options: Ec2Nat, owner: str,
               bastion: Bastion | None) -> ec2.Instance:
    group = ec2.SecurityGroup("NatSecurityGroup", vpc_id=vpc.id, description="NAT instances",
                              ingress=[{"protocol": "all", "cidr": CIDR}, *_ssh(bastion)], tags=named(owner, "NAT"))
    profile = _profile("Nat", options.get("role"))
    made = []
    for i, address in enumerate(_addresses(layout, ips, owner)):
        one = ec2.Instance(f"NatInstance{i + 1}", image=options.get("ami", IMAGE), subnet_id=layout.public[i].id,
                           instance_type=options.get("instance", "t4g.nano"), security_group_ids=[group.id],
                           user_data=None if "ami" in options else FORWARD, source_dest_check=False,
                           tags=named(owner, f"NAT {i + 1}") | (IS_BASTION if bastion is not None and not i else {}),
                           depends_on=[layout.attachment], **profile,
                           metadata_options={"HttpTokens": "required"})
        ec2.ElasticIpAssociation(f"NatAddress{i + 1}", allocation_id=address, instance_id=one.id)
        ec2.Route(f"PrivateRoute{i + 1}", route_table_id=layout.private_tables[i].id,
                  destination_cidr_block="0.0.0.0/0", instance_id=one.id)
        made.append(one)
    return made[0]


def _bastion(vpc: ec2.Vpc, layout: Layout, options: Bastion, owner: str) -> ec2.Instance:
    group = ec2.SecurityGroup("BastionSecurityGroup", vpc_id=vpc.id, description="Bastion",
                              ingress=_ssh(options) or None, tags=named(owner, "Bastion"))
    given = options.get("instance_profile")
    profile = {"instance_profile": given} if given else _profile("Bastion", None)
    return ec2.Instance("BastionInstance", image=IMAGE, instance_type="t4g.nano", subnet_id=layout.public[0].id,
                        security_group_ids=[group.id], tags=named(owner, "Bastion") | IS_BASTION,
                        depends_on=[layout.attachment],
                        metadata_options={"HttpTokens": "required"}, **profile)


def _profile(name: str, role: str | None) -> dict[str, Any]:
    """An instance profile whose role may be reached through Session Manager."""
    if role is None:
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                                                         "Principal": {"Service": "ec2.amazonaws.com"}}]}
        own = iam.Role(f"{name}Role", assume_role_policy=trust)
        iam.RolePolicyAttachment(f"{name}RolePolicy", role=own.name,
                                 policy_arn=f"arn:{partition_of(current().region)}:iam::aws:{SESSIONS}")
    profile = iam.InstanceProfile(f"{name}InstanceProfile")
    holds = iam.InstanceProfileRole(f"{name}InstanceProfileRole", instance_profile=profile.name,
                                    role=own.name if role is None else role)
    return {"instance_profile": holds.instance_profile}
