"""The rules by service. ``changes`` tells which calls change a thing that takes one change at a time."""

from __future__ import annotations

from . import (
    account,
    balancers,
    cloudfront,
    discovery,
    dynamodb,
    ec2,
    ecr,
    efs,
    elasticache,
    gateway,
    identity,
    interfaces,
    lambda_,
    limits,
    linked_roles,
    opensearch,
    queues,
    rds,
    s3,
    scheduler,
)
from .changes import changes

__all__ = ["account", "balancers", "changes", "cloudfront", "discovery", "dynamodb", "ec2", "ecr", "efs", "elasticache",
           "gateway", "identity", "interfaces", "lambda_", "limits", "linked_roles", "opensearch", "queues", "rds",
           "s3", "scheduler"]
