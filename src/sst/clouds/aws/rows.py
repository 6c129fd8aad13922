"""All rows of the table, by type. The module of a service is imported on first use."""
from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module

from ...core.resource import Resource
from ...errors import InternalError
from .table import AwsResource

__all__ = ["SERVICES", "all_rows", "row"]

SERVICES = ("acm", "apigatewayv2", "applicationautoscaling", "appsync", "cloudfront", "dynamodb", "ec2", "ecr", "ecs",
            "efs", "elasticache", "elbv2", "events", "iam", "lambda_", "logs", "migration", "opensearch", "rds",
            "route53", "s3", "scheduler", "secretsmanager", "servicediscovery", "sesv2", "sns", "sqs", "ssm", "wafv2")
"""Modules with rows."""


def row(type: str) -> type[AwsResource]:
    """The row of a type, ``aws.sqs.Queue``."""
    kind = Resource.kinds.get(type)
    if kind is None:
        service = type.split(".")[1]
        import_module(f".{_FILES.get(service, service)}", __package__)
        kind = Resource.kinds.get(type)
    if kind is None or not issubclass(kind, AwsResource):
        raise InternalError(f"no row is named {type}")
    return kind


_FILES = {"lambda": "lambda_"}


@cache
def all_rows() -> Mapping[str, type[AwsResource]]:
    """Every row by its type."""
    found: dict[str, type[AwsResource]] = {}
    for service in SERVICES:
        module = import_module(f".{service}", __package__)
        public = (getattr(module, name) for name in module.__all__)
        found |= {k.type: k for k in public if isinstance(k, type) and issubclass(k, AwsResource) and k.type}
    return found
