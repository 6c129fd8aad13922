"""IAM: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.torture.proxy import Refuse

from ..account import Account, principals, statements
from ..request import ApiRequest
from ..rule import after, rule

__all__ = ["SEEN", "role_name", "unseen_principal"]

SEEN = 8.0
"""Seconds till a new role, or a policy in it, is seen by other services."""
_ROLE = re.compile(r"arn:aws[\w-]*:iam::\d+:role/(?:.*/)?([^/]+)")


def role_name(arn: Any) -> str:
    found = _ROLE.fullmatch(str(arn or ""))
    return found[1] if found else ""


def _roles_in(policy: Any) -> Iterator[str]:
    for statement in statements(policy):
        for who in principals(statement):
            if name := role_name(who):
                yield name


def unseen_principal(policy: Any, account: Account) -> str:
    """A role in a policy that is too new to be seen, or gone."""
    return next(
        (n for n in _roles_in(policy) if account.age("role", n) < SEEN or account.age("role-gone", n) < 1e9), ""
    )


@after("iam.CreateRole")
def made(request: ApiRequest, account: Account) -> None:
    name = request.params["RoleName"]
    account.mark("role", name)
    account._times.pop(("role-gone", name), None)
    account.fact("role", name)["trust"] = request.params.get("AssumeRolePolicyDocument", "{}")


@after("iam.DeleteRole")
def removed(request: ApiRequest, account: Account) -> None:
    account.mark("role-gone", request.params["RoleName"])


@after("iam.PutRolePolicy")
def policy_put(request: ApiRequest, account: Account) -> None:
    role, name = request.params["RoleName"], request.params["PolicyName"]
    account.fact("role-policies", role)[name] = json.loads(request.params["PolicyDocument"])
    account.mark("role-policy", f"{role}/{name}")


@after("iam.DeleteRolePolicy")
def policy_removed(request: ApiRequest, account: Account) -> None:
    account.fact("role-policies", request.params["RoleName"]).pop(request.params["PolicyName"], None)


@after("iam.AttachRolePolicy")
def attached(request: ApiRequest, account: Account) -> None:
    """Of AWS's own policies those count that are for reading from a source."""
    role, arn = request.params["RoleName"], request.params["PolicyArn"]
    actions = {"AWSLambdaSQSQueueExecutionRole": ["sqs:*"], "AWSLambdaDynamoDBExecutionRole": ["dynamodb:*"]}
    found = actions.get(arn.rpartition("/")[2], [])
    account.fact("role-policies", role)[arn] = {"Statement": [{"Effect": "Allow", "Action": found, "Resource": "*"}]}
    account.mark("role-policy", f"{role}/{arn}")


@rule(
    "iam.CreateRole iam.UpdateAssumeRolePolicy",
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html",
)
def trust_of_an_unknown_role(request: ApiRequest, account: Account) -> Refuse | None:
    """A trust policy may only name roles that exist and are seen everywhere."""
    policy = request.params.get("AssumeRolePolicyDocument") or request.params.get("PolicyDocument")
    if name := unseen_principal(policy, account):
        return Refuse("MalformedPolicyDocument", 400, f'Invalid principal in policy: "AWS":"{name}"')
    return None
