"""Systems Manager: https://docs.aws.amazon.com/systems-manager/latest/APIReference/Welcome.html"""
from __future__ import annotations

from collections.abc import Mapping

from ...core.output import Output
from ...core.resource import Arg, out, prop
from .columns import Import, Listing, Tagging, call
from .table import AwsResource

__all__ = ["Parameter"]

ARN = "arn:$partition:ssm:$region:$account:parameter/$path"
BUSY = ("TooManyUpdates",)


class Parameter(AwsResource, type="aws.ssm.Parameter", service="ssm"):
    """A parameter: at most 4 KB, 8 KB with ``tier="Advanced"``."""

    names = (r"(?!/?(?i:aws|ssm))[A-Za-z0-9._/-]+",
                          "letters, digits and ._/-; it begins with neither aws nor ssm")
    name: Arg[str] = prop(limit=1011, replace=True, default=None)
    value: Arg[str] = prop(secret=True)
    type: Arg[str] = prop(default="String")
    description: Arg[str] = prop(default=None, read="")
    tier: Arg[str] = prop(default=None, read="")
    key_id: Arg[str] = prop(default=None, read="")
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out(f"={ARN}")
    version: Output[int] = out("Version || Parameter.Version", volatile=True)

    computed = {"path": lambda known: str(known.get("name")).removeprefix("/")}
    create = call("put_parameter", retry=BUSY, idempotent=False)
    read = call("get_parameter", Name="$name", WithDecryption=True)
    response_root = "Parameter"
    update = (call("put_parameter", properties="name value type description tier key_id", Overwrite=True, retry=BUSY,
                   idempotent=True),)
    delete = call("delete_parameter", Name="$name", idempotent=True)
    not_found_codes = ("ParameterNotFound",)
    tagging = Tagging(add=call("add_tags_to_resource", ResourceType="Parameter", ResourceId="$name", Tags="$tags"),
                      remove=call("remove_tags_from_resource", ResourceType="Parameter", ResourceId="$name",
                                  TagKeys="$tag_keys"),
                      show=call("list_tags_for_resource", ResourceType="Parameter", ResourceId="$name"))
    listing = Listing("describe_parameters", "Parameters[].{name: Name}", ("NextToken", "NextToken"), {},
                      call("list_tags_for_resource", ResourceType="Parameter", ResourceId="$name"), ARN)
    imports = Import("aws_ssm_parameter", "{name}")
