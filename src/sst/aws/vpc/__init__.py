"""A network of the app's own, for services, databases and functions."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self, TypedDict, Unpack

from ...clouds.aws import ec2
from ...core.component import Component, Options
from ...core.graph import current
from ...core.link import Link
from ...core.output import Input
from ...core.transform import Transform
from ...errors import UserError
from .layout import CIDR, Zone, named, subnets, zones_of
from .nat import Bastion, Ec2Nat, Nat, NatKind, bastion_of, declare_nat, nat_of

if TYPE_CHECKING:
    from ...clouds.aws.lookup import Lookups

__all__ = ["Bastion", "Ec2Nat", "Endpoint", "Nat", "Vpc", "VpcTransform", "the_vpc"]

Endpoint = Literal["s3", "dynamodb"]


class VpcTransform(TypedDict, total=False):
    vpc: Transform
    internet_gateway: Transform
    security_group: Transform
    public_subnet: Transform
    private_subnet: Transform
    public_route_table: Transform
    private_route_table: Transform
    elastic_ip: Transform
    nat_gateway: Transform
    nat_instance: Transform
    nat_security_group: Transform
    bastion_instance: Transform
    bastion_security_group: Transform


class Vpc(Component, kind="sst.aws.Vpc", parts=tuple(VpcTransform.__annotations__)):
    """A network with a public and a private subnet in each of some availability zones.

        vpc = aws.Vpc("MyVpc")
        aws.Function("Api", handler="src/api.handler", link=[vpc])

    az: how many availability zones, 1 to 6, or their names; 2 by default. nat: how private subnets reach the internet:
    ``"managed"`` (a NAT gateway in each zone), ``"ec2"`` (a small instance in each zone), or not at all, the default.
    bastion: an instance for `sst tunnel`, through which your machine reaches what is in the network. endpoints: ways to
    S3 and DynamoDB that need no NAT and cost nothing.

    Source: EC2 API CreateVpc, https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpc.html
    """

    def __init__(self, name: str, *, az: int | Sequence[str] = 2, nat: NatKind | Nat | None = None,
                 bastion: bool | Bastion = False, endpoints: Sequence[Endpoint] = (),
                 transform: VpcTransform | None = None, **options: Unpack[Options]) -> None:
        super().__init__(name, **options)
        zones, ways = zones_of(az), nat_of(nat)
        asked = bastion_of(bastion)
        if odd := [e for e in endpoints if e not in ("s3", "dynamodb")]:
            raise UserError(f'there is no endpoint {odd[0]!r}; endpoints are "s3" and "dynamodb"',
                            hint='those of other services cost money: ec2.VpcEndpoint("...", vpc_endpoint_type='
                                 '"Interface", ...)')
        with self.scope(transform):
            self._declare(zones, ways, asked, endpoints)

    def _declare(self, zones: Sequence[Zone], nat: Nat | None, bastion: Bastion | None,
                 endpoints: Sequence[str]) -> None:
        self.vpc = ec2.Vpc("Vpc", cidr_block=CIDR, enable_dns_hostnames=True, tags=named(self.logical_name))
        self.id: Input[str] = self.vpc.id
        made = subnets(self.vpc, zones, self.logical_name, tables=len(zones) if nat else 1)
        self.public_subnets: Sequence[Input[str]] = [s.id for s in made.public]
        self.private_subnets: Sequence[Input[str]] = [s.id for s in made.private]
        group = ec2.SecurityGroup("SecurityGroup", vpc_id=self.vpc.id, tags=named(self.logical_name),
                                  description="Everything inside of the network",
                                  ingress=[{"protocol": "all", "cidr": CIDR}])
        self.security_groups: Sequence[Input[str]] = [group.id]
        self.has_nat, self.cidr = nat is not None, CIDR
        self.bastion: Input[str] | None = declare_nat(self.vpc, made, nat, bastion, self.logical_name)
        for service in endpoints:
            ec2.VpcEndpoint(f"{'S3' if service == 's3' else 'DynamoDb'}Endpoint", vpc_id=self.vpc.id,
                            service_name=f"com.amazonaws.{current().region}.{service}",
                            route_table_ids=[t.id for t in (made.public_table, *made.private_tables)])
        self.endpoints, self.zones = frozenset(endpoints), {}

    @classmethod
    def get(cls, name: str, id: str, **options: Unpack[Options]) -> Self:
        """An existing network, by its id. Nothing in it is changed.

            vpc = aws.Vpc.get("MyVpc", "vpc-0be8fa4de860618bb")

        Its subnets are asked for when the program runs: those whose route table leads to an internet gateway are
        public. Its security group is the one that this component makes, or else the default one of the network. Its
        bastion is the instance with the tag ``sst:is-bastion=true``. On stage ``local`` a network of the app's own
        stands in for it.
        """
        self = cls.existing(name, **options)
        if current().target.is_local:
            with self.scope():
                self._declare(zones_of(2), None, None, ())
            return self
        lookups: Lookups = current().context.lookups
        there = lookups.network(id)
        with self.scope():
            self.vpc = ec2.Vpc.get("Vpc", id=id)
        self.id, self.cidr = self.vpc.id, there.cidr
        self.public_subnets, self.private_subnets = list(there.public), list(there.private)
        self.security_groups, self.bastion = list(there.groups), there.bastion or None
        self.has_nat, self.endpoints, self.zones = there.nat, frozenset(there.endpoints), there.zones
        return self

    zones: Mapping[str, str]
    """Of an existing network: subnet → its availability zone."""

    def link(self) -> Link:
        """The id of the bastion, if there is one."""
        return Link(self.logical_name, self.kind, {"bastion": self.bastion} if self.bastion is not None else {})


def the_vpc(what: str, given: Any, where: str) -> Vpc:
    """The network that a component was given, or the only one that was declared before it."""
    if isinstance(given, Vpc):
        return given
    if given is not None:
        raise UserError(f"vpc of {what} takes an aws.Vpc, not {given!r}", where=where,
                        hint='aws.Vpc("MyVpc"), or aws.Vpc.get("MyVpc", "vpc-...")')
    there = [c for c in current().components.values() if isinstance(c, Vpc)]
    if not there:
        raise UserError(f"{what} needs a Vpc, and none is declared before it", where=where,
                        hint='vpc = aws.Vpc("MyVpc") above it, and then vpc=vpc')
    if len(there) > 1:
        names = ", ".join(f'"{v.logical_name}" ({v.where})' for v in there)
        raise UserError(f"{what} needs a Vpc, and there are several: {names}", where=where,
                        hint="name one: vpc=...")
    current().remark(f'{what} is in the Vpc "{there[0].logical_name}", the only one declared before it')
    return there[0]
