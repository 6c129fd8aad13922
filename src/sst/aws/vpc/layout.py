"""The subnets of a network and the tables of their routes."""
from __future__ import annotations

from collections.abc import Sequence

from ...clouds.aws import ec2
from ...core.graph import current
from ...errors import UserError
from ...records import dataclass

__all__ = ["CIDR", "Layout", "Zone", "named", "subnets", "zones_of"]

CIDR = "10.0.0.0/16"
"""All addresses of a network: 65,536. A subnet has 1,024 of them."""
ZONES = 6

Zone = str | int
"""A name of an availability zone, or its number among those of the region."""


@dataclass(frozen=True)
class Layout:
    public: Sequence[ec2.Subnet]
    private: Sequence[ec2.Subnet]
    public_table: ec2.RouteTable
    private_tables: Sequence[ec2.RouteTable]
    attachment: ec2.InternetGatewayAttachment


def zones_of(az: int | Sequence[str]) -> list[Zone]:
    if isinstance(az, bool) or not isinstance(az, int | list | tuple):
        raise UserError(f"az takes a number or a list of names, not {az!r}", hint='az=2, or az=["us-east-1a", ...]')
    found: list[Zone] = list(range(az)) if isinstance(az, int) else list(az)
    if not 1 <= len(found) <= ZONES:
        raise UserError(f"a network spans 1 to {ZONES} availability zones, not {len(found)}")
    if len(set(found)) < len(found):
        raise UserError("az names an availability zone twice")
    return found


def subnets(vpc: ec2.Vpc, zones: Sequence[Zone], owner: str, *, tables: int) -> Layout:
    """A public and a private subnet in each zone, in 10.0.<8i>.0/22 and 10.0.<8i+4>.0/22. ``tables``: how many route
    tables the private subnets have: one, or one each."""
    gateway = ec2.InternetGateway("InternetGateway", tags=named(owner, "Internet Gateway"))
    attachment = ec2.InternetGatewayAttachment("InternetGatewayAttachment", internet_gateway_id=gateway.id,
                                               vpc_id=vpc.id)
    public_table = ec2.RouteTable("PublicRouteTable", vpc_id=vpc.id, tags=named(owner, "Public"))
    ec2.Route("PublicRoute", route_table_id=public_table.id, destination_cidr_block="0.0.0.0/0",
              gateway_id=gateway.id, depends_on=[attachment])
    private_tables = [ec2.RouteTable(f"PrivateRouteTable{i + 1}", vpc_id=vpc.id, tags=named(owner, f"Private {i + 1}"))
                      for i in range(tables)]
    made: dict[str, list[ec2.Subnet]] = {"Public": [], "Private": []}
    for i, zone in enumerate(zones):
        for what, offset, table in (("Public", 0, public_table),
                                    ("Private", 4, private_tables[min(i, tables - 1)])):
            subnet = ec2.Subnet(f"{what}Subnet{i + 1}", vpc_id=vpc.id, cidr_block=f"10.0.{8 * i + offset}.0/22",
                                availability_zone=zone if isinstance(zone, str) else None,
                                zone_number=zone if isinstance(zone, int) else None,
                                map_public_ip_on_launch=True if what == "Public" else None,
                                tags=named(owner, f"{what} {i + 1}"))
            ec2.RouteTableAssociation(f"{what}RouteTableAssociation{i + 1}", route_table_id=table.id,
                                      subnet_id=subnet.id)
            made[what].append(subnet)
    return Layout(made["Public"], made["Private"], public_table, private_tables, attachment)


def named(owner: str, what: str = "") -> dict[str, str]:
    """The tag that the console shows as the name."""
    graph = current()
    return {"Name": f"{graph.app}-{graph.stage}-{owner} {what}".rstrip()}
