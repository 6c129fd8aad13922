"""Where a database is put: subnets and security groups."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from ..core.output import Input
from ..errors import UserError
from .vpc import Vpc, the_vpc

__all__ = ["Network", "Subnets", "network_of"]


class Subnets(TypedDict, total=False):
    """Part of a network that the program does not declare: ``subnets`` in at least two availability zones, and the
    ``security_groups`` of what is put there; by default that of the network."""

    subnets: Sequence[Input[str]]
    security_groups: Sequence[Input[str]]


@dataclass(frozen=True)
class Network:
    subnets: Sequence[Input[str]]
    security_groups: Sequence[Input[str]] | None
    vpc: Vpc | None = None
    """The component that it is part of, if there is one."""


def network_of(what: str, given: Vpc | Subnets | None, where: str) -> Network:
    """The private subnets of a ``Vpc``, or those that are named; without either those of the only ``Vpc`` that the
    program has declared."""
    if isinstance(given, dict):
        found: Any = given.get("subnets")
        if isinstance(found, str) or not isinstance(found, Sequence) or len(found) < 2:
            raise UserError(f"{what} needs at least two subnets, in different availability zones", where=where,
                            hint='vpc={"subnets": ["subnet-1", "subnet-2"], "security_groups": ["sg-1"]}')
        return Network(list(found), list(given.get("security_groups") or ()) or None)
    vpc = the_vpc(what, given, where)
    if len(vpc.private_subnets) < 2:
        raise UserError(f"{what} needs subnets in two availability zones, and its Vpc has one", where=where,
                        hint='aws.Vpc("MyVpc", az=2)')
    return Network(vpc.private_subnets, vpc.security_groups, vpc)
