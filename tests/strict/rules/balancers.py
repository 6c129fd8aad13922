"""Load balancers."""

from __future__ import annotations

from tests.torture.proxy import Refuse

from ..account import Account
from ..request import ApiRequest
from ..rule import after, rule

LEAVING = 20.0
"""Seconds that a target group stays in use after its listener or rule is gone."""


@after("elbv2.CreateListener elbv2.CreateRule elbv2.ModifyListener elbv2.ModifyRule")
def used(request: ApiRequest, account: Account) -> None:
    for key, value in request.params.items():
        if key.endswith("TargetGroupArn"):
            account.fact("target-group-used", str(value))["used"] = True


@after("elbv2.DeleteListener elbv2.DeleteRule elbv2.DeleteLoadBalancer")
def gone(request: ApiRequest, account: Account) -> None:
    account.mark("listener-gone", "")


@rule("elbv2.DeleteTargetGroup", source="https://github.com/pulumi/pulumi/issues/5900")
def target_group_in_use(request: ApiRequest, account: Account) -> Refuse | None:
    """A target group of a listener or a rule can't be deleted, nor right after that is gone."""
    arn = str(request.params.get("TargetGroupArn"))
    if account.fact("target-group-used", arn) and account.age("listener-gone", "") < LEAVING:
        return Refuse("ResourceInUse", 400, f"Target group '{arn}' is currently in use by a listener or a rule")
    return None
