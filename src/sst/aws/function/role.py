"""The role a function runs with: what its links and permissions grant, and its own log; nothing else."""
from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...clouds.aws import iam
from ...core.link import Link
from ...core.output import Input
from ..permissions import Statement, granted, permission, statements
from .logs import LogArn

__all__ = ["make_role", "trust"]


def trust(service: str) -> dict[str, Any]:
    """The policy that lets an AWS service take a role."""
    return {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]}


def make_role(links: Sequence[Link], permissions: Sequence[Statement], policies: Sequence[Input[str]],
              log_arn: LogArn | None,
              where: str) -> tuple[iam.Role, iam.RolePolicy | None]:
    """The role and its inline policy (none if there is nothing to grant). ``policies`` are ARNs of managed policies."""
    role = iam.Role("Role", assume_role_policy=trust("lambda.amazonaws.com"))
    for i, arn in enumerate(policies):
        iam.RolePolicyAttachment(f"Policy{i}", role=role.name, policy_arn=arn)
    wanted = [*permissions, *granted(links)]
    if log_arn is not None:
        wanted.append(permission(["logs:CreateLogStream", "logs:PutLogEvents"], [f"{log_arn(role.arn)}:*"]))
    if not wanted:
        return role, None
    document = {"Version": "2012-10-17", "Statement": statements(wanted, where)}
    return role, iam.RolePolicy("Policy", role=role.name, name="inline", policy=document)
