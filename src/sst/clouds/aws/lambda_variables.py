"""The variables of a function: one set in Lambda, some of it secret, some of it added later."""
from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from .lambda_errors import CHANGING
from .table import Calls

__all__ = ["added", "drop_variables", "split", "variables_of"]


def added(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a `lambda_.Variables`."""
    return {**(inputs.get("variables") or {}), **(inputs.get("secret_variables") or {})}


def split(configuration: Mapping[str, Any], names: Set[str], secret: Mapping[str, Any] | None) -> dict[str, Any]:
    """The variables of these names in a response; secret are those that are known as such."""
    there = (configuration.get("Environment") or {}).get("Variables") or {}
    own = {k: v for k, v in there.items() if k in names}
    hidden = (secret or {}).keys()
    return {"Plain": {k: v for k, v in own.items() if k not in hidden} or None,
            "Secret": {k: v for k, v in own.items() if k in hidden} or None}


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
