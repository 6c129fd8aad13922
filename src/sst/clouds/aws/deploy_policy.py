"""The IAM policy that an identity needs to deploy: generated from the calls of the rows.

deploy_policy("my-app")      # {"Version": "2012-10-17", "Statement": [...]}
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from .columns import Call
from .rows import all_rows
from .table import AwsResource

__all__ = ["actions_of", "deploy_policies", "pascal_operation"]

SIZE = 6000
"""Characters of a managed policy, of 6,144 that IAM allows.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
PREFIXES = {"opensearch": "es", "efs": "elasticfilesystem", "elbv2": "elasticloadbalancing",
            "resourcegroupstaggingapi": "tag", "apigatewayv2": "apigateway", "sesv2": "ses"}
"""IAM's prefix of a service where it is not botocore's name of it."""
RENAMED = {
    "s3:PutBucketCors": "s3:PutBucketCORS",
    "s3:GetBucketCors": "s3:GetBucketCORS",
    "s3:DeleteBucketCors": "s3:PutBucketCORS",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:DeleteBucketLifecycle": "s3:PutLifecycleConfiguration",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:DeleteBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:DeletePublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketNotificationConfiguration": "s3:PutBucketNotification",
    "s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjects": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:HeadObject": "s3:GetObject",
    "lambda:GetLayerVersionByArn": "lambda:GetLayerVersion",
    "lambda:Invoke": "lambda:InvokeFunction",
}
"""Operation → IAM action, where they have different names.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html"""
LOG_DELIVERY = (
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
)
"""What access logs of an API need.
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging.html"""
ALSO = {
    "s3:CreateBucket": ("s3:TagResource",),
    "s3:DeleteObjects": ("s3:DeleteObject", "s3:DeleteObjectVersion"),
    "lambda:CreateFunction": ("iam:PassRole", "lambda:TagResource", "lambda:GetLayerVersion", "s3:GetObject"),
    "lambda:UpdateFunctionConfiguration": ("iam:PassRole", "lambda:GetLayerVersion"),
    "ecr:CreateRepository": ("ecr:TagResource",),
    "ecr:GetAuthorizationToken": (
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:CompleteLayerUpload",
        "ecr:GetDownloadUrlForLayer",
        "ecr:InitiateLayerUpload",
        "ecr:PutImage",
        "ecr:UploadLayerPart",
    ),
    "ecs:CreateCluster": ("ecs:TagResource", "iam:CreateServiceLinkedRole"),
    "ecs:CreateService": ("ecs:TagResource",),
    "ecs:RegisterTaskDefinition": ("iam:PassRole",),
    "ec2:RunInstances": ("iam:PassRole", "ssm:GetParameters"),
    "application-autoscaling:RegisterScalableTarget": ("iam:CreateServiceLinkedRole",),
    "elbv2:CreateLoadBalancer": ("elasticloadbalancing:AddTags", "iam:CreateServiceLinkedRole"),
    "lambda:CreateEventSourceMapping": ("lambda:TagResource",),
    "iam:CreateRole": ("iam:TagRole",),
    "iam:CreatePolicy": ("iam:TagPolicy",),
    "sqs:CreateQueue": ("sqs:TagQueue",),
    "sns:CreateTopic": ("sns:TagResource",),
    "dynamodb:CreateTable": ("dynamodb:TagResource",),
    "logs:CreateLogGroup": ("logs:TagResource",),
    "events:PutRule": ("events:TagResource",),
    "events:PutTargets": ("iam:PassRole",),
    "scheduler:CreateSchedule": ("iam:PassRole",),
    "scheduler:UpdateSchedule": ("iam:PassRole",),
    "acm:RequestCertificate": ("acm:AddTagsToCertificate",),
    "cloudfront:CreateDistributionWithTags": ("cloudfront:CreateDistribution", "cloudfront:TagResource"),
    "cloudfront:CreateFunction": ("cloudfront:TagResource",),
    "cloudfront:CreateKeyValueStore": ("cloudfront:TagResource",),
    "ssm:PutParameter": ("ssm:AddTagsToResource",),
    "secretsmanager:CreateSecret": ("secretsmanager:TagResource",),
    "appsync:CreateApi": ("appsync:TagResource",),
    "apigatewayv2:CreateStage": LOG_DELIVERY,
    "efs:CreateFileSystem": ("elasticfilesystem:TagResource", "iam:CreateServiceLinkedRole"),
    "efs:CreateMountTarget": ("ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"),
    "elasticache:CreateReplicationGroup": ("iam:CreateServiceLinkedRole", "elasticache:AddTagsToResource"),
    "servicediscovery:CreatePrivateDnsNamespace": (
        "ec2:DescribeRegions", "ec2:DescribeVpcs", "route53:CreateHostedZone", "route53:ListHostedZonesByName",
        "servicediscovery:TagResource"),
    "servicediscovery:DeleteNamespace": ("route53:DeleteHostedZone",),
    "servicediscovery:DeleteService": ("route53:ChangeResourceRecordSets",),
    "opensearch:CreateDomain": ("es:AddTags",),
    "rds:CreateDBInstance": ("iam:CreateServiceLinkedRole", "rds:AddTagsToResource"),
    "rds:CreateDBProxy": ("iam:PassRole", "iam:CreateServiceLinkedRole"),
    "rds:DeleteDBInstance": ("rds:CreateDBSnapshot",),
    "apigatewayv2:CreateDomainName": ("iam:CreateServiceLinkedRole",),
}
"""Actions that an operation needs beside its own."""
VERBS = {
    "Create": "POST",
    "Get": "GET",
    "List": "GET",
    "Update": "PATCH",
    "Delete": "DELETE",
    "Tag": "POST",
    "Untag": "DELETE",
}
"""API Gateway's actions are methods of HTTP."""
UNNAMED = {"apigateway", "acm", "route53", "appsync", "tag", "kms", "ec2", "ec2-instance-connect", "cloudfront",
           "cloudfront-keyvaluestore", "application-autoscaling", "elasticfilesystem", "servicediscovery"}
"""Services whose resources have ids that AWS makes."""
EVERYWHERE = frozenset(
    {
        "ecr:GetAuthorizationToken",
        "wafv2:ListWebACLs",
        "ecs:DescribeTaskDefinition",
        "ecs:DeregisterTaskDefinition",
        "ecs:ListTasks",
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:DescribeTargetGroups",
        "lambda:CreateEventSourceMapping",
        "lambda:GetEventSourceMapping",
        "lambda:UpdateEventSourceMapping",
        "lambda:DeleteEventSourceMapping",
        "lambda:ListEventSourceMappings",
        "lambda:ListTags",
        "lambda:TagResource",
        "lambda:UntagResource",
        *LOG_DELIVERY,
        "iam:CreateServiceLinkedRole",
        "lambda:GetLayerVersion",
        *(f"rds:{op}DBProxy" for op in ("Create", "Modify", "Delete")),
        *(f"rds:{op}DBProxyTargets" for op in ("Register", "Deregister", "Describe")),
        *(f"rds:{op}Resource" for op in ("AddTagsTo", "RemoveTagsFrom", "ListTagsFor")),
        "rds:DescribeDBProxies",
    }
)
"""Actions that can't be bound to names that begin with the app's."""
NAMES = {
    "lambda": ("lambda:*:*:function:{app}-*", "lambda:*:*:layer:{app}-*"),
    "iam": ("iam::*:role/{app}-*", "iam::*:policy/{app}-*"),
    "logs": ("logs:*:*:log-group:/aws/*/{app}-*", "logs:*:*:log-group:{app}-*"),
    "sqs": ("sqs:*:*:{app}-*",),
    "sns": ("sns:*:*:{app}-*",),
    "dynamodb": ("dynamodb:*:*:table/{app}-*",),
    "events": ("events:*:*:rule/*{app}-*", "events:*:*:event-bus/{app}-*"),
    "scheduler": ("scheduler:*:*:schedule/*/{app}-*",),
    "ssm": ("ssm:*:*:parameter/sst-py/*", "ssm:*:*:parameter/{app}-*"),
    "secretsmanager": ("secretsmanager:*:*:secret:{app}-*",),
    "elasticache": ("elasticache:*:*:*:{app}-*",),
    "ses": ("ses:*:*:identity/*", "ses:*:*:configuration-set/{app}-*"),
    "es": ("es:*:*:domain/{app}-*",),
    "ecr": ("ecr:*:*:repository/{app}-*",),
    "ecs": ("ecs:*:*:*/{app}-*",),
    "elasticloadbalancing": ("elasticloadbalancing:*:*:*/{app}-*", "elasticloadbalancing:*:*:*/*/{app}-*"),
    "rds": ("rds:*:*:*:{app}-*", "rds:*:*:og:*"),
    "s3": ("s3:::{app}-*", "s3:::sst-py-*"),
    "wafv2": ("wafv2:*:*:*/webacl/{app}-*/*", "wafv2:*:*:*/managedruleset/*"),
}
"""ARNs by service: what an app makes is named after it, what sst makes ``sst-py-``."""
STATE = (
    "ssm.GetParameter",
    "ssm.PutParameter",
    "iam.DeletePolicyVersion",
    "s3.CreateBucket",
    "s3.PutBucketEncryption",
    "s3.PutBucketVersioning",
    "s3.PutPublicAccessBlock",
    "s3.PutBucketLifecycleConfiguration",
    "s3.PutBucketPolicy",
    "s3.GetObject",
    "s3.PutObject",
    "s3.DeleteObject",
    "s3.DeleteObjects",
    "s3.ListObjectsV2",
    "s3.ListObjectVersions",
    "s3.HeadBucket",
    "s3.HeadObject",
    "resourcegroupstaggingapi.GetResources",
    "dynamodb.DescribeTable",
    "lambda.GetFunction",
    "lambda.GetFunctionConfiguration",
    "route53.ListHostedZones",
    "route53.ListHostedZonesByName",
    "ecr.GetAuthorizationToken",
    "ecr.DescribeImages",
    "ecr.ListImages",
    "ecr.BatchDeleteImage",
    "ecs.ListClusters",
    "ecs.ListTasks",
    "ecs.DescribeTasks",
    "ecs.ListServices",
    "logs.GetLogEvents",
    "ec2.DescribeAvailabilityZones",
    "ec2.GetConsoleOutput",
    "ec2-instance-connect.SendSSHPublicKey",
    "ssm.StartSession",
    "ec2.DescribeNetworkInterfaces",
    "ec2.DeleteNetworkInterface",
    "logs.FilterLogEvents",
    "cloudfront.GetDistributionConfig",
    "cloudfront-keyvaluestore.DescribeKeyValueStore",
    "cloudfront-keyvaluestore.GetKey",
    "cloudfront-keyvaluestore.UpdateKeys",
    "lambda.Invoke",
)
"""What is called beside the rows: state, keys, artefacts, waiters, look-ups, ``sst logs``, ``sst invoke`` and
``sst tunnel``."""


def actions_of(service: str, operation: str) -> tuple[str, ...]:
    """The IAM actions that a call needs: ``actions_of("s3", "HeadBucket")`` is ``("s3:ListBucket",)``."""
    if service == "sts":
        return ()
    more = ALSO.get(f"{service}:{operation}", ())
    if service == "apigatewayv2":
        verb = next(v for start, v in VERBS.items() if operation.startswith(start))
        return (f"apigateway:{verb}", *(("apigateway:PUT",) if verb == "POST" else ()), *more)
    if operation == "DeleteObjects":
        return more
    name = f"{PREFIXES.get(service, service)}:{operation}"
    return (RENAMED.get(name, name), *more)


def pascal_operation(service: str, operation: str) -> str:
    """``create_queue`` as the API has it."""
    return _names(service)[operation]


@cache
def _names(service: str) -> Mapping[str, str]:
    import botocore.session
    from botocore import xform_name

    return {xform_name(n): n for n in botocore.session.Session().get_service_model(service).operation_names}


def _calls(kind: type[AwsResource]) -> Iterator[Call]:
    tagging = kind.tagging
    some = (
        kind.create,
        kind.read,
        kind.delete,
        kind.find,
        kind.lookup,
        kind.versioned_by,
        *kind.update,
        *kind.reset_call.values(),
        *kind.extra_reads.values(),
        *((tagging.add, tagging.remove, tagging.show) if tagging else ()),
        *((kind.shared.whole, kind.shared.rest) if kind.shared else ()),
        *((kind.listing.tags,) if kind.listing else ()),
    )
    yield from (c for c in some if c is not None)


def _lists() -> set[str]:
    """By which ``sst orphans`` lists what is in the account: they are about all of it."""
    return {a for k in all_rows().values() if k.listing
            for op in (k.listing.op, k.listing.each[0]) if op
            for a in actions_of(k.service, pascal_operation(k.service, op))}


def _actions() -> set[str]:
    calls = {(k.service, pascal_operation(k.service, c.op)) for k in all_rows().values() for c in _calls(k)}
    calls |= {(s, o) for s, _, o in (name.partition(".") for name in STATE)}
    return {a for service, operation in calls for a in actions_of(service, operation)}


def deploy_policies(app: str = "my-app", partition: str = "aws") -> list[dict[str, Any]]:
    """What an identity must be allowed to deploy, refresh and remove an app with every component, and to find its
    orphans: as many policies as are needed for the size that IAM allows. ``partition`` is ``aws-cn`` in China,
    ``aws-us-gov`` in GovCloud."""
    made: list[list[dict[str, Any]]] = [[]]
    for statement in _statements(app, partition):
        if len(json.dumps([*made[-1], statement], separators=(",", ":"))) > SIZE:
            made.append([])
        made[-1].append(statement)
    return [{"Version": "2012-10-17", "Statement": statements} for statements in made]


def _statements(app: str, partition: str) -> Iterator[dict[str, Any]]:
    by_service: dict[str, set[str]] = {}
    lists = _lists()
    yield {"Sid": "Lists", "Effect": "Allow", "Action": sorted(lists), "Resource": "*"}
    for action in _actions() - lists:
        service = action.partition(":")[0]
        anywhere = service in UNNAMED or action in EVERYWHERE
        by_service.setdefault("" if anywhere else service, set()).add(action)
    yield {"Sid": "Anywhere", "Effect": "Allow", "Action": sorted(by_service.pop("")), "Resource": "*"}
    for service, actions in sorted(by_service.items()):
        arns = [f"arn:{partition}:{a.format(app=app)}" for a in NAMES[service]]
        if service == "s3":
            arns = [x for a in arns for x in (a, f"{a}/*")]
        yield {"Sid": service.title().replace("-", ""), "Effect": "Allow", "Action": sorted(actions), "Resource": arns}
