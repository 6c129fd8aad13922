"""Roles of services themselves, which an account has not before its first use of the service."""

from __future__ import annotations

from tests.torture.proxy import Refuse

from ..account import Account
from ..request import ApiRequest
from ..rule import rule

MADE = 10.0
"""Seconds till a role is seen that a service made with the first call."""


def _absent(account: Account, service: str) -> bool:
    """The first call that needs it makes it, given ``iam:CreateServiceLinkedRole``."""
    if ("linked-role", service) not in account.times():
        account.mark("linked-role", service)
    return account.age("linked-role", service) < MADE


@rule(
    "ecs.CreateCluster ecs.CreateService ecs.RunTask",
    source="https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/818",
)
def ecs_without_its_role(request: ApiRequest, account: Account) -> Refuse | None:
    """The first cluster of an account makes the role of ECS, which can't be assumed at once."""
    if _absent(account, "ecs"):
        return Refuse("InvalidParameterException", 400, "Unable to assume the service linked role. Please verify that "
                      "the ECS service linked role exists.")
    return None


@rule("rds.CreateDBSubnetGroup", source="https://github.com/terraform-aws-modules/terraform-aws-rds/issues/364")
def subnet_group_without_a_role(request: ApiRequest, account: Account) -> Refuse | None:
    """The first subnet group of an account makes the role of RDS."""
    if _absent(account, "rds"):
        return Refuse("InvalidParameterValue", 400, "Missing necessary credentials. Please check "
                      "http://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAM.ServiceLinkedRoles.html")
    return None


@rule("rds.CreateDBInstance rds.CreateDBCluster", source="https://github.com/cube-js/cube/pull/11114")
def database_without_a_role(request: ApiRequest, account: Account) -> Refuse | None:
    """The first database of an account makes the role of RDS."""
    if _absent(account, "rds"):
        return Refuse("InvalidParameterValue", 400, "Unable to create the resource. Verify that you have permission to "
                      "create service linked role. Otherwise wait and try again later")
    return None


@rule(
    "elasticache.CreateCacheSubnetGroup elasticache.CreateReplicationGroup",
    source="https://github.com/aws-controllers-k8s/community/issues/367",
)
def cache_without_a_role(request: ApiRequest, account: Account) -> Refuse | None:
    """The first cache of an account makes the role of ElastiCache."""
    if _absent(account, "elasticache"):
        return Refuse("ServiceLinkedRoleNotFoundFault", 400, "This action cannot be completed due to insufficient "
                      "permissions. (Recommended action) Please create new role using IAM API "
                      "CreateServiceLinkedRole.")
    return None
