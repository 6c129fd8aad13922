"""Variables of functions beside those of their links."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ...clouds.aws import lambda_
from ...clouds.aws.lambda_limits import VARIABLE, variable_valid
from ...core.graph import current
from ...core.output import Input, combine, gather
from ...errors import UserError

__all__ = ["add_variables", "stream_environment"]


def stream_environment(runtime: str) -> dict[str, Input[str]]:
    """What lets a function send its response in parts. Lambda's Python runtime can't: our client takes its place."""
    if not runtime.startswith("python"):
        return {}
    return {"SST_STREAMING": "1", "AWS_LAMBDA_EXEC_WRAPPER": "/var/task/sst/runtime/stream.sh"}


def add_variables(function: lambda_.Function, added: Mapping[str, Input[str]]) -> None:
    """Variables that are set after the function was made; it is told their names, so that its own updates keep them."""
    graph = current()
    goal = graph.goals[function.__sst__.urn]
    for part in ("environment", "secret_environment"):
        own = goal.inputs.get(part)
        if both := sorted(added.keys() & (own.keys() if isinstance(own, Mapping) else set())):
            raise UserError(f"add_environment sets {both[0]}, which environment has already", where=goal.where,
                            hint="keep it in one of the two")
    graph.goals[function.__sst__.urn] = replace(goal, inputs={**goal.inputs, "kept_variables": sorted(added)})
    if odd := [k for k in added if not variable_valid(k)]:
        raise UserError(f"add_environment sets {odd[0]!r}, a name that Lambda does not take", where=goal.where,
                        hint=VARIABLE)
    secret = {k: v for k, v in added.items() if gather([v])[1]}
    lambda_.Variables("Environment", function_name=function.name,
                      variables={k: v for k, v in added.items() if k not in secret} or None,
                      secret_variables=combine(**secret).as_secret() if secret else None)
