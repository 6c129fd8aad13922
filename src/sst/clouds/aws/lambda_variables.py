"""The variables that a function has now."""
from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from .lambda_errors import CHANGING
from .table import Calls

__all__ = ["drop_variables", "variables_of"]


def variables_of(provider: Calls, inputs: Mapping[str, Any], name: str) -> dict[str, str]:
    found = provider.aws.call("lambda", "get_function_configuration", {"FunctionName": name},
                              region=inputs.get("region"))
    return dict((found.get("Environment") or {}).get("Variables") or {})


def drop_variables(provider: Calls, inputs: Mapping[str, Any], gone: Set[str]) -> None:
    """Take variables away from the function that ``inputs`` names."""
    name = inputs["function_name"]
    there = variables_of(provider, inputs, name)
    if gone & there.keys():
        left = {"Variables": {k: v for k, v in there.items() if k not in gone}}
        provider.aws.call("lambda", "update_function_configuration", {"FunctionName": name, "Environment": left},
                          region=inputs.get("region"), retry=CHANGING, idempotent=True)
