"""Network interfaces that Lambda leaves behind in subnets and security groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.torture.proxy import Refuse

from ..account import Account
from ..request import ApiRequest
from ..rule import after, rule, shown

LEAVING = 18 * 60.0
"""Seconds that an interface stays after the last function of its network is gone."""
PAGE = "https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html"


@after("lambda.CreateFunction lambda.UpdateFunctionConfiguration")
def placed(request: ApiRequest, account: Account) -> None:
    place = request.params.get("VpcConfig") or {}
    if ids := [*place.get("SubnetIds", ()), *place.get("SecurityGroupIds", ())]:
        account.fact("function-network", request.function)["ids"] = ids


@after("lambda.DeleteFunction")
def left(request: ApiRequest, account: Account) -> None:
    for id in account.fact("function-network", request.function).get("ids", ()):
        account.mark("interface-left", id)


@rule("ec2.DeleteSubnet ec2.DeleteSecurityGroup", source=PAGE)
def interface_lingers(request: ApiRequest, account: Account) -> Refuse | None:
    """A subnet or a group can't be deleted while an interface of a function that is gone is in it, up to 20 minutes."""
    subnet, group = request.params.get("SubnetId"), request.params.get("GroupId")
    if account.age("interface-left", str(subnet or group)) >= LEAVING:
        return None
    return Refuse("DependencyViolation", 400, f"The subnet '{subnet}' has dependencies and cannot be deleted."
                  if subnet else f"resource {group} has a dependent object")


@shown("ec2.DescribeNetworkInterfaces", source=PAGE)
def interface_of_lambda(request: ApiRequest, account: Account, answer: dict[str, Any]) -> Mapping[str, Any]:
    """An interface of Lambda is in use for up to 20 minutes after the last function of its network is gone."""
    id = str(request.params.get("Filter.1.Value.1"))
    if account.age("interface-left", id) >= LEAVING:
        return answer
    one = ("<networkInterfaceSet><item><networkInterfaceId>eni-0a1b2c3d4e5f60718</networkInterfaceId>"
           f"<subnetId>{id}</subnetId><status>in-use</status><description>AWS Lambda VPC ENI-gone</description></item>")
    text = answer["text"].replace("<networkInterfaceSet/>", "<networkInterfaceSet></networkInterfaceSet>").replace(
        "<networkInterfaceSet />", "<networkInterfaceSet></networkInterfaceSet>")
    return {**answer, "text": text.replace("<networkInterfaceSet>", one, 1)}
