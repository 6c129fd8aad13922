"""Checks the arguments of a component: finds misspelt keys in nested options, by the TypedDicts of its signature."""
from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["odd_keys"]


def odd_keys(component: type, signature: inspect.Signature,
             given: Mapping[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    """The argument, the key and the known keys, for each key of a nested option that its TypedDict does not have."""
    names: dict[str, Any] = component.__init__.__globals__  # type: ignore[misc]  # the class's own, as a function
    for option, parameter in signature.parameters.items():
        if option != "transform" and isinstance(value := given.get(option), Mapping | list | tuple):
            for key, known in _odd(str(parameter.annotation), value, names):
                yield option, key, known


def _odd(annotation: str, value: Any, names: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    kinds = [kind for word in re.findall(r"\w+", annotation) if hasattr(kind := names.get(word), "__total__")]
    if not kinds:
        return
    known = {k: (a, sys.modules[kind.__module__].__dict__) for kind in kinds for k, a in kind.__annotations__.items()}
    for item in _items(annotation, value):
        for key, inner in item.items():
            if key not in known:
                yield str(key), sorted(known)
            elif isinstance(inner, Mapping | list | tuple):
                inside, module = known[key]
                yield from _odd(getattr(inside, "__forward_arg__", str(inside)), inner, module)


def _items(annotation: str, value: Any) -> list[Mapping[str, Any]]:
    """The mappings that the TypedDict is about: the value itself, those in a list, or those under names."""
    if isinstance(value, Mapping):
        items = list(value.values()) if "Mapping[" in annotation else [value]
    else:
        items = list(value)
    return [item for item in items if isinstance(item, Mapping)]
