"""AWS's low-level resources, a module for each service: ``from sst.providers.aws import sqs``.

The classes are those that the components use; they stand in ``sst.clouds.aws``, which a program need not know.
"""
from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from ..clouds.aws.rows import SERVICES

if TYPE_CHECKING:
    from ..clouds.aws import acm as acm
    from ..clouds.aws import apigatewayv2 as apigatewayv2
    from ..clouds.aws import appsync as appsync
    from ..clouds.aws import cloudfront as cloudfront
    from ..clouds.aws import dynamodb as dynamodb
    from ..clouds.aws import ec2 as ec2
    from ..clouds.aws import ecs as ecs
    from ..clouds.aws import efs as efs
    from ..clouds.aws import elasticache as elasticache
    from ..clouds.aws import elbv2 as elbv2
    from ..clouds.aws import events as events
    from ..clouds.aws import iam as iam
    from ..clouds.aws import lambda_ as lambda_
    from ..clouds.aws import logs as logs
    from ..clouds.aws import opensearch as opensearch
    from ..clouds.aws import rds as rds
    from ..clouds.aws import route53 as route53
    from ..clouds.aws import s3 as s3
    from ..clouds.aws import scheduler as scheduler
    from ..clouds.aws import secretsmanager as secretsmanager
    from ..clouds.aws import servicediscovery as servicediscovery
    from ..clouds.aws import sns as sns
    from ..clouds.aws import sqs as sqs
    from ..clouds.aws import ssm as ssm

if not TYPE_CHECKING:
    def __getattr__(name: str) -> ModuleType:
        if name not in SERVICES:
            from ..core.names import did_you_mean

            raise AttributeError(f"sst.providers.aws has no service {name!r}; {did_you_mean(name, list(SERVICES))}")
        return import_module(f"sst.clouds.aws.{name}")


def __dir__() -> list[str]:
    return sorted({*globals(), *SERVICES})
