"""Which values the parameters of a call take: botocore's model of a service, compiled to functions.

They judge what botocore's validator judges by type, range and length, at a tenth of its cost and without an import of
botocore, so that a plan can ask them of every property. One that finds fault does not say why: the validator does.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, TypeAlias

from .models import newest

__all__ = ["Fits", "RequestShapes", "request_shapes"]

Fits: TypeAlias = Callable[[Any], bool]
"""Whether the validator surely accepts a value."""

_SCALARS: Mapping[str, type | tuple[type, ...]] = {
    "boolean": bool, "string": str, "blob": (bytes, bytearray, str), "integer": int, "long": int,
    "float": (float, int), "double": (float, int)}
_SPECIAL = frozenset({"jsonvalue", "hostLabel", "min"})
"""What a member may say beside its shape, where the validator has rules of their own for it."""


@cache
def request_shapes(service: str) -> RequestShapes:
    return RequestShapes(service)


class RequestShapes:
    """The calls of one service. A shape is compiled when it is first asked for."""

    def __init__(self, service: str) -> None:
        model = newest(service) or {"operations": {}, "shapes": {}}
        self._shapes: Mapping[str, Mapping[str, Any]] = model["shapes"]
        self._inputs = {name.lower(): operation.get("input", {}).get("shape", "")
                        for name, operation in model["operations"].items()}
        self._made: dict[str, Fits] = {}

    def at(self, call: str, path: Iterable[str]) -> Fits:
        """What a parameter of a call takes: ``at("create_queue", ["Attributes", "DelaySeconds"])``. ``[]`` at the end
        of a part stands for a list of one."""
        name = self._inputs.get(call.replace("_", ""), "")
        for part in path:
            match self._shapes.get(name):
                case {"type": "structure", "members": members, **more} if "document" not in more:
                    member = members.get(part.removesuffix("[]"))
                    if member is None:
                        return _anything      # the row's test finds a parameter that the call does not have
                    if member.keys() & _SPECIAL:
                        return _nothing
                    name = member["shape"]
                case {"type": "map", "value": {"shape": str(name)}}:
                    pass
                case _:
                    return _nothing
            if part.endswith("[]"):
                name = self._shapes[name].get("member", {}).get("shape", "")
        return self._compiled(name) if name else _nothing

    def _compiled(self, name: str) -> Fits:
        made = self._made
        if name not in made:
            made[name] = lambda value: made[name](value)      # for a shape that contains itself
            made[name] = self._compile(self._shapes[name])
        return made[name]

    def _compile(self, shape: Mapping[str, Any]) -> Fits:
        least = shape.get("min")
        match shape["type"]:
            case "structure" if not shape.get("document"):
                return _structure({k: _nothing if m.keys() & _SPECIAL else self._compiled(m["shape"])
                                   for k, m in shape["members"].items()})
            case "list":
                return _list(self._compiled(shape["member"]["shape"]), least or 0)
            case "map":
                return _map(self._compiled(shape["key"]["shape"]), self._compiled(shape["value"]["shape"]))
            case "string" if least:
                return lambda value: isinstance(value, str) and len(value) >= least
            case "boolean" | "string" | "blob":
                kind = _SCALARS[shape["type"]]
                return lambda value: isinstance(value, kind)
            case "integer" | "long" | "float" | "double":
                kind = _SCALARS[shape["type"]]
                return lambda value: isinstance(value, kind) and (least is None or value >= least)
        return _nothing      # a time or a document: rare enough for the validator itself


def _structure(members: Mapping[str, Fits]) -> Fits:
    return lambda value: isinstance(value, dict) and all(members.get(k, _anything)(v) for k, v in value.items())


def _list(item: Fits, least: int) -> Fits:
    return lambda value: isinstance(value, list | tuple) and len(value) >= least and all(map(item, value))


def _map(key: Fits, item: Fits) -> Fits:
    return lambda value: isinstance(value, dict) and all(key(k) and item(v) for k, v in value.items())


def _anything(value: Any) -> bool:
    return True


def _nothing(value: Any) -> bool:
    return False
