"""Secrets Manager: https://docs.aws.amazon.com/secretsmanager/latest/apireference/Welcome.html"""
from __future__ import annotations

from collections.abc import Mapping

from ...core.output import Output
from ...core.resource import Arg, out, prop
from .table import AwsResource, Tagging, call

__all__ = ["Secret"]


class Secret(AwsResource, type="aws.secretsmanager.Secret", service="secretsmanager"):
    """A secret and its current value."""

    name: Arg[str] = prop(limit=512, replace=True, default=None)
    value: Arg[str] = prop("SecretString", default=None, secret=True, read="")
    description: Arg[str] = prop(default=None)
    kms_key: Arg[str] = prop("KmsKeyId", default=None)
    recovery_days: Arg[int] = prop(default=0, local=True)
    """Days it can be restored after its deletion, 7 to 30; 0 deletes it at once."""
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("ARN")

    create = call("create_secret", ClientRequestToken="$token", idempotent=True)
    read = call("describe_secret", SecretId="$name")
    update = (call("update_secret", only="value description kms_key recovery_days", SecretId="$name", idempotent=True),)
    empty = {"description": ""}
    delete = call("delete_secret", SecretId="$name", ForceDeleteWithoutRecovery=True, idempotent=True)
    gone = ("ResourceNotFoundException",)
    tagging = Tagging(add=call("tag_resource", SecretId="$name", Tags="$tags"),
                      remove=call("untag_resource", SecretId="$name", TagKeys="$tag_keys"))
