"""What an organisation forbids."""

from __future__ import annotations

from tests.torture.proxy import Refuse

from ..account import Account
from ..request import ApiRequest
from ..rule import rule

GLOBAL = frozenset({"iam", "sts", "route53", "cloudfront"})


@rule(
    "*",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_examples_aws_deny-requested-region.html",
)
def region_denied(request: ApiRequest, account: Account) -> Refuse | None:
    """A service control policy denies all calls to some regions, but for global services."""
    if request.region not in account.denied_regions or request.service in GLOBAL:
        return None
    return Refuse(
        "AccessDeniedException" if request.protocol != "rest-xml" else "AccessDenied",
        400 if request.protocol == "json" else 403,
        f"User: arn:aws:iam::000000000000:user/deployer is not authorized to perform: "
        f"{request.service}:{request.operation} with an explicit deny in a service control policy",
    )
