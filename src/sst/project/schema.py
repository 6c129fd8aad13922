"""Components and resource types as data: parameters, types, defaults, what replaces and what is secret."""
from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

from ..clouds.registry import has_type, type_names
from ..core.component import Component
from ..core.resource import Resource, schema_of

__all__ = ["component_names", "describe", "resource_types"]

_ROOMS = ("aws",)


def component_names() -> list[str]:
    """``aws.Bucket``."""
    found = []
    for room in _ROOMS:
        module = import_module(f"sst.{room}")
        found += [f"{room}.{name}" for name in module.__all__
                  if inspect.isclass(getattr(module, name)) and issubclass(getattr(module, name), Component)]
    return sorted(found)


def resource_types() -> list[str]:
    return sorted(type_names())


def describe(type: str) -> dict[str, Any] | None:
    """None for what is neither."""
    if type in component_names():
        room, _, name = type.partition(".")
        return _component(type, getattr(import_module(f"sst.{room}"), name))
    return _resource(type) if has_type(type) else None


def _component(type: str, cls: Any) -> dict[str, Any]:
    parameters = [p for p in inspect.signature(cls.__init__).parameters.values() if p.name != "self"]
    properties = [name for name, value in inspect.getmembers(cls) if isinstance(value, property) and name[0] != "_"]
    return {"type": type, "kind": "component", "about": inspect.getdoc(cls) or "",
            "parameters": [{"name": p.name, "type": str(p.annotation).replace("typing.", ""),
                            **({} if p.default is p.empty else {"default": _default(p.default)}),
                            "required": p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
                           for p in parameters],
            "properties": sorted(properties)}


def _resource(type: str) -> dict[str, Any]:
    cls = Resource.kinds[type]
    schema = schema_of(cls)
    return {"type": type, "kind": "resource", "about": inspect.getdoc(cls) or "",
            "arguments": [{"name": name, "required": a.required, "replace": a.replace, "secret": a.secret}
                          for name, a in sorted(schema.arguments.items())],
            "outputs": sorted(cls.outs), "secret_outputs": sorted(schema.secret_outputs),
            "holds_data": schema.holds_data,
            "name": {"argument": schema.name.argument, "limit": schema.name.limit} if schema.name else None,
            "id": schema.id_format}


def _default(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float | bool) else repr(value)
