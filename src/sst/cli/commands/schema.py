"""``sst schema``"""
from __future__ import annotations

import click

from ..call import Call, command


@command("schema")
@click.argument("type", required=False)
def schema(call: Call, type: str | None) -> None:
    """Print the parameters of a component or a resource type as JSON.

    TYPE is a component (aws.Bucket) or a resource type (aws.s3.Bucket). Without it, lists them.
    """
    from ...core.names import did_you_mean
    from ...errors import UserError
    from ...project.schema import component_names, describe, resource_types

    screen = call.screen
    if type is None:
        screen.data({"components": component_names(), "resources": resource_types()})
        return
    found = describe(type)
    if found is None:
        raise UserError(f"there is no component and no resource type {type}",
                        hint=did_you_mean(type, [*component_names(), *resource_types()]) or "`sst schema` lists them; "
                        "`sst providers` those of Terraform providers", code="unknown-name")
    screen.data(found)
