"""Which names AWS takes, so that a wrong one is refused once the program has ended, and not in the middle of a deploy.

Sources are the reference pages of the calls that create: the pattern of the member that has the name.
"""
from __future__ import annotations

import re
from collections.abc import Mapping

from ...core.graph import Graph
from ...core.model import Goal
from ...core.output import leaves

__all__ = ["NAMES", "name_valid"]

_WORD = "letters, digits, hyphens and underscores"
_DOTTED = "letters, digits, dots, hyphens and underscores"
_IAM = (r"[\w+=,.@-]+", "letters, digits and +=,.@-_")
_HOST = (r"(?!internal-)[A-Za-z0-9](-*[A-Za-z0-9])*",
         "letters, digits and hyphens, none of them at its ends; it does not begin with internal-")
_DATABASE = (r"[A-Za-z](-?[A-Za-z0-9])*",
             "letters, digits and single hyphens; it begins with a letter and does not end with a hyphen")

NAMES: Mapping[str, tuple[str, str]] = {
    "aws.sqs.Queue": (r"[A-Za-z0-9_-]+(\.fifo)?", _WORD),
    "aws.sns.Topic": (r"[A-Za-z0-9_-]+(\.fifo)?", _WORD),
    "aws.dynamodb.Table": (r"[A-Za-z0-9_.-]{3,}", f"3 or more {_DOTTED}"),
    "aws.lambda.Function": (r"[A-Za-z0-9_-]+", _WORD),
    "aws.lambda.LayerVersion": (r"[A-Za-z0-9_-]+", _WORD),
    "aws.lambda.Alias": (r"(?!\d+$)[A-Za-z0-9_-]+", f"{_WORD}, not digits alone"),
    "aws.iam.Role": _IAM, "aws.iam.RolePolicy": _IAM, "aws.iam.Policy": _IAM, "aws.iam.InstanceProfile": _IAM,
    "aws.logs.LogGroup": (r"(?!aws/)[A-Za-z0-9._/#-]+", "letters, digits and ._/#-; it does not begin with aws/"),
    "aws.ssm.Parameter": (r"(?!/?(?i:aws|ssm))[A-Za-z0-9._/-]+",
                          "letters, digits and ._/-; it begins with neither aws nor ssm"),
    "aws.secretsmanager.Secret": (r"[A-Za-z0-9/_+=.@-]+", "letters, digits and /_+=.@-"),
    "aws.events.Rule": (r"[A-Za-z0-9._-]+", _DOTTED),
    "aws.scheduler.Schedule": (r"[A-Za-z0-9._-]+", _DOTTED),
    "aws.ecs.Cluster": (r"[A-Za-z0-9_-]+", _WORD),
    "aws.ecs.Service": (r"[A-Za-z0-9_-]+", _WORD),
    "aws.elbv2.LoadBalancer": _HOST, "aws.elbv2.TargetGroup": _HOST,
    "aws.rds.Instance": _DATABASE, "aws.rds.Replica": _DATABASE, "aws.rds.Proxy": _DATABASE,
    "aws.elasticache.ReplicationGroup": _DATABASE,
}
"""Pattern, and what it means. A bucket's rules stand in ``limits``; lengths are those of the rows."""


def name_valid(graph: Graph, goal: Goal) -> None:
    """The name that the program gives is one that AWS takes. One that is not known yet is not judged."""
    pattern, words = NAMES.get(goal.type, ("", ""))
    name = goal.inputs.get("name")
    if not pattern or not isinstance(name, str) or next(leaves(name), None) is not None:
        return
    if not re.fullmatch(pattern, name, re.ASCII):
        graph.problem(f'AWS does not take {name!r} as the name of {goal.type} "{goal.urn.rpartition("::")[2]}"',
                      where=goal.where, hint=words)
