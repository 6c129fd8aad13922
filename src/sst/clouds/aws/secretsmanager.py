"""Secrets Manager: https://docs.aws.amazon.com/secretsmanager/latest/apireference/Welcome.html"""
from __future__ import annotations

from collections.abc import Mapping

from ...core.output import Output
from ...core.resource import Arg, out, prop
from . import prices
from .columns import Import, Listing, Tagging, call
from .table import AwsResource

__all__ = ["Secret"]


class Secret(AwsResource, type="aws.secretsmanager.Secret", service="secretsmanager"):
    """A secret and its current value."""

    names = (r"[A-Za-z0-9/_+=.@-]+", "letters, digits and /_+=.@-")
    name: Arg[str] = prop(limit=512, replace=True, default=None)
    value: Arg[str] = prop("SecretString", default=None, secret=True, read="Value.SecretString")
    description: Arg[str] = prop(default=None)
    kms_key: Arg[str] = prop("KmsKeyId", default=None)
    recovery_days: Arg[int] = prop(default=0, local=True)
    """Days it can be restored after its deletion, 7 to 30; 0 deletes it at once."""
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("ARN")

    create = call("create_secret", ClientRequestToken="$token", idempotent=True,
                  retry=("InvalidRequestException: deletion",))
    read = call("describe_secret", SecretId="$name")
    update = (call("update_secret", properties="value description kms_key", SecretId="$name", idempotent=True),)
    extra_reads = {"Value": call("get_secret_value", SecretId="$name")}
    omitted_when_unset = frozenset({"description"})
    reset_value = {"description": "", "kms_key": "alias/aws/secretsmanager"}
    sticky = frozenset({"value"})
    computed = {"at_once": lambda known: not known.get("recovery_days") or None,
                "window": lambda known: known.get("recovery_days") or None}
    delete = call("delete_secret", SecretId="$name", ForceDeleteWithoutRecovery="$at_once",
                  RecoveryWindowInDays="$window",
                  idempotent=True)
    not_found_codes = ("ResourceNotFoundException",)
    tagging = Tagging(add=call("tag_resource", SecretId="$name", Tags="$tags"),
                      remove=call("untag_resource", SecretId="$name", TagKeys="$tag_keys"))
    listing = Listing("list_secrets", "SecretList[].{name: Name, arn: ARN, tags: Tags}", ("NextToken", "NextToken"))
    imports = Import("aws_secretsmanager_secret", "{name}")
    monthly = prices.secret
