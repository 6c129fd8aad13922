"""``sst outputs``"""
from __future__ import annotations

import json

import click

from ..call import Call, command


@command("outputs")
@click.argument("name", required=False)
def outputs(call: Call, name: str | None) -> None:
    """Show the outputs of the last deploy.

    With NAME, prints only that value, for scripts: curl "$(sst outputs url)".
    """
    from ...core.names import did_you_mean
    from ...errors import UserError

    project = call.project(broken=True)
    stage = call.backend(project).stage
    found = stage.load().outputs
    for text in stage.warnings:
        call.screen.warn(text)
    if name is None:
        if call.screen.as_json:
            call.screen.data(dict(found))
        elif found:
            call.screen.outputs(found)
        else:
            call.screen.dim(f"{project.name}/{project.stage} has no outputs")
        return
    if name not in found:
        raise UserError(f'there is no output "{name}" on stage {project.stage}', hint=did_you_mean(name, list(found)),
                        code="unknown-name")
    value = found[name]
    if call.screen.as_json:
        call.screen.data(value)
    else:
        call.screen.raw((value if isinstance(value, str) else json.dumps(value)) + "\n")
