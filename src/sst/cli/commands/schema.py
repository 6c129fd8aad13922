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
    if not type:
        raise UserError("sst schema: the name of the type is empty", hint="`sst schema` lists them", code="usage")
    found = describe(type)
    if found is None:
        types = resource_types()
        if of_service := [t for t in types if t.lower().startswith(f"{type.lower().rstrip('.')}.")]:
            problem = f"{type} is not a resource type"
            hint = f"it has {', '.join(of_service)}" if "." in type else "`sst schema` lists those of it"
        else:
            problem = f"there is no component and no resource type {type}"
            hint = did_you_mean(type, [*component_names(), *types])
            if hint.startswith("known"):    # some hundreds
                hint = "`sst schema` lists them; `sst providers schema` shows the types of Terraform providers"
        raise UserError(problem, hint=hint, code="unknown-name")
    screen.data(found)
