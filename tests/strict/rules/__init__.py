"""The rules by service. ``changes`` tells which calls change a thing that takes one change at a time."""

from __future__ import annotations

from . import (
    account,
    cloudfront,
    discovery,
    dynamodb,
    ec2,
    ecr,
    efs,
    elasticache,
    gateway,
    identity,
    lambda_,
    limits,
    opensearch,
    queues,
    rds,
    s3,
    scheduler,
)
from .changes import changes

__all__ = ["account", "changes", "cloudfront", "discovery", "dynamodb", "ec2", "ecr", "efs", "elasticache", "gateway",
           "identity", "lambda_", "limits", "opensearch", "queues", "rds", "s3", "scheduler"]
