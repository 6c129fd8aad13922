"""EC2's networks. Ids are made by AWS, so what is new is known by the first call that names it."""

from __future__ import annotations

from tests.torture.proxy import Refuse

from ..account import Account
from ..request import ApiRequest
from ..rule import rule

UNSEEN = 1.0
"""Seconds till a new network is seen."""
CONSISTENCY = "https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html"


@rule(
    "ec2.CreateSubnet ec2.CreateSecurityGroup ec2.CreateRouteTable ec2.AttachInternetGateway ec2.CreateVpcEndpoint",
    source=CONSISTENCY,
)
def vpc_not_seen(request: ApiRequest, account: Account) -> Refuse | None:
    """A new VPC is not seen everywhere at once."""
    return _unseen(account, "vpc", str(request.params.get("VpcId")), "InvalidVpcID.NotFound", "vpc ID")


@rule("ec2.ModifySubnetAttribute ec2.AssociateRouteTable ec2.CreateNatGateway ec2.RunInstances", source=CONSISTENCY)
def subnet_not_seen(request: ApiRequest, account: Account) -> Refuse | None:
    """A new subnet is not seen everywhere at once."""
    return _unseen(account, "subnet", str(request.params.get("SubnetId")), "InvalidSubnetID.NotFound", "subnet ID")


@rule("ec2.AuthorizeSecurityGroupIngress", source=CONSISTENCY)
def group_not_seen(request: ApiRequest, account: Account) -> Refuse | None:
    """A new security group is not seen everywhere at once."""
    return _unseen(account, "group", str(request.params.get("GroupId")), "InvalidGroup.NotFound", "security group")


@rule("ec2.CreateRoute", source=CONSISTENCY)
def route_table_not_seen(request: ApiRequest, account: Account) -> Refuse | None:
    """A new route table is not seen everywhere at once."""
    given = str(request.params.get("RouteTableId"))
    return _unseen(account, "table", given, "InvalidRouteTableID.NotFound", "routeTable ID")


@rule(
    "ec2.RunInstances",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html",
)
def profile_not_seen(request: ApiRequest, account: Account) -> Refuse | None:
    """A new instance profile is not seen by EC2 at once."""
    name = str(request.params.get("IamInstanceProfile.Name") or "")
    if not name:
        return None
    refused = _unseen(account, "profile", name, "InvalidParameterValue", "")
    return refused and Refuse(refused.code, 400, f"Value ({name}) for parameter iamInstanceProfile.name is invalid. "
                              "Invalid IAM Instance Profile name")


def _unseen(account: Account, kind: str, id: str, code: str, called: str) -> Refuse | None:
    known = account.fact(kind, id)
    if not known:
        known["named"] = True
        account.mark(f"{kind}-named", id)
    if account.age(f"{kind}-named", id) < UNSEEN:
        return Refuse(code, 400, f"The {called} '{id}' does not exist")
    return None
