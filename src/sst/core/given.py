"""Checks the arguments of a component by its signature: finds misspelt keys in nested options, by their TypedDicts, and
values of another kind than the annotation says."""
from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

from ..errors import UserError
from .output import Output

__all__ = ["misfit", "odd_keys", "shown"]

_KINDS: dict[str, tuple[str, tuple[type, ...]]] = {
    **dict.fromkeys(("Sequence", "list", "tuple"), ("a list", (list, tuple))),
    **dict.fromkeys(("Mapping", "dict"), ("a mapping", (Mapping,))), "str": ("text", (str,)),
    **dict.fromkeys(("int", "float"), ("a number", (int, float))), "bool": ("True or False", (bool,)),
}


def odd_keys(component: type, signature: inspect.Signature,
             given: Mapping[str, Any]) -> Iterator[tuple[str, str, list[str]]]:
    """The argument, the key and the known keys, for each key of a nested option that its TypedDict does not have."""
    names: dict[str, Any] = component.__init__.__globals__  # type: ignore[misc]  # the class's own, as a function
    for option, parameter in signature.parameters.items():
        if option != "transform" and isinstance(value := given.get(option), Mapping | list | tuple):
            for key, known in _odd(str(parameter.annotation), value, names):
                yield option, key, known


def misfit(function: Callable[..., Any], given: Mapping[str, Any], what: str) -> UserError | None:
    """An error about the first argument whose value is of another kind than its annotation says. One that names
    anything but text, numbers, lists and mappings is not judged."""
    for option, parameter in inspect.signature(function).parameters.items():
        if option not in given:
            continue
        value, parts = given[option], _parts(str(parameter.annotation))
        kinds = [_kind(part, function.__globals__) for part in parts if part != "None"]
        if (value is None and "None" in parts) or isinstance(value, Output) or None in kinds:
            continue
        known = dict(kind for kind in kinds if kind)
        if not any(isinstance(value, types) for types in known.values()):
            return UserError(f"{option} of {what} takes {' or '.join(known)}, not {shown(value)}", code="wrong-type",
                             hint=f"{option}=[...]" if list(known) == ["a list"] else "")
    return None


def shown(value: object) -> str:
    """What it is, without what may be secret."""
    match value:
        case None | int() | float():
            return repr(value)
        case str():
            return "text"
        case list() | tuple():
            return "a list"
    return f"a {type(value).__name__}"


def _parts(annotation: str) -> list[str]:
    """``"str | Input[Sequence[str] | None]"`` → ``["str", "Sequence[str]", "None"]``."""
    parts, depth = [""], 0
    for letter in annotation:
        depth += (letter == "[") - (letter == "]")
        if letter == "|" and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    parts = [part.strip() for part in parts]
    return [inner for part in parts
            for inner in (_parts(part[6:-1]) if part.startswith("Input[") else [part])]


def _kind(annotation: str, names: Mapping[str, Any]) -> tuple[str, tuple[type, ...]] | None:
    head = annotation.partition("[")[0]
    alias = names.get(head)
    if all(isinstance(value, str) for value in get_args(alias)) and get_origin(alias) is Literal:
        return _KINDS["str"]
    if head == "Literal" and not re.search(r"True|False|\d", annotation):
        return _KINDS["str"]
    return _KINDS["dict"] if hasattr(alias, "__total__") else _KINDS.get(head)


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
