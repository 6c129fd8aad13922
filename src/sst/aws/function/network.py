"""A function in a network: its subnets and groups, and what it can't reach from there."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from ...core.graph import current
from ...core.link import Include, Link
from ...core.output import Input
from ...errors import UserError
from ..permissions import permission
from ..vpc import Vpc

__all__ = ["FunctionNetwork", "network_of", "network_permissions"]

INTERFACES = ("ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
              "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses")
"""Calls that Lambda makes with the function's role to put it into a network.
Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions"""


class FunctionNetwork(TypedDict, total=False):
    """A network that sst does not manage: the ``private_subnets`` and ``security_groups`` of the function."""

    private_subnets: Sequence[Input[str]]
    security_groups: Sequence[Input[str]]


def network_of(vpc: Vpc | FunctionNetwork | None, links: Sequence[Link], name: str) -> dict[str, Any] | None:
    """The ``vpc_config`` of a function; None if it is in no network."""
    if vpc is None:
        return None
    if isinstance(vpc, Mapping):
        if not vpc.get("private_subnets") or not vpc.get("security_groups"):
            raise UserError(f"vpc of {name} needs private_subnets and security_groups",
                            hint='vpc={"private_subnets": ["subnet-..."], "security_groups": ["sg-..."]}, '
                                 "or an aws.Vpc")
        return {"SubnetIds": list(vpc["private_subnets"]), "SecurityGroupIds": list(vpc["security_groups"])}
    if not isinstance(vpc, Vpc):
        raise UserError(f"vpc of {name} takes an aws.Vpc, not {vpc!r}", hint='vpc=aws.Vpc("MyVpc")')
    _warn(vpc, links, name)
    return {"SubnetIds": list(vpc.private_subnets), "SecurityGroupIds": list(vpc.security_groups)}


def network_permissions(config: Mapping[str, Any] | None) -> list[Include]:
    return [permission(INTERFACES, ["*"])] if config is not None else []


def _warn(vpc: Vpc, links: Sequence[Link], name: str) -> None:
    """Without NAT a function reaches AWS's services by endpoints alone."""
    graph = current()
    if vpc.has_nat or graph.target.is_local:
        return
    services = {str(action).partition(":")[0] for link in links for data in link.included("aws.permission")
                for action in data.get("actions", ())}
    missing = sorted(services - set(vpc.endpoints))
    if missing:
        told: dict[str, None] = graph.context.once("warnings", dict)
        told[f'{name} is in the Vpc "{vpc.logical_name}", which has no NAT: it may call {", ".join(missing)} by its '
             'links, and can\'t reach them unless there is an endpoint; nat="managed", or endpoints=["s3", '
             '"dynamodb"] for these two'] = None
