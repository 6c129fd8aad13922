"""Transforms: the user's changes to what a component would create."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from ..errors import SstError, UserError
from .output import call_site

__all__ = ["Transform", "transformed"]

Transform: TypeAlias = Mapping[str, Any] | Callable[[dict[str, Any]], Any]
"""A mapping that is merged over the arguments, or a function that gets the arguments as a dict and changes them in
place or returns the changes. Under ``"name"`` it finds the physical name, usable in an f-string."""


def transformed(args: dict[str, Any], change: Transform, where: str) -> dict[str, Any]:
    """The arguments after one transform; ``args`` itself may be changed."""
    if isinstance(change, Mapping):
        return {**args, **change}
    if not callable(change):
        raise UserError(f"a transform is a mapping or a function, not {type(change).__name__}", where=where)
    try:
        result = change(args)
    except SstError:
        raise
    except Exception as e:
        raise UserError(f"a transform failed: {type(e).__name__}: {e}", where=_origin(change) or where,
                        code="program-failed") from e
    if result is None or result is args:
        return args
    if not isinstance(result, Mapping):
        raise UserError(f"a transform returns the changes as a mapping or nothing, not {type(result).__name__}",
                        where=_origin(change) or where)
    return {**args, **result}


def _origin(change: Callable[..., Any]) -> str:
    code = getattr(change, "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code else call_site(3)
