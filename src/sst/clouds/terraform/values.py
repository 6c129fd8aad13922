"""Values of Terraform's type system (cty) as plain Python, and how they travel: MessagePack, with types from a schema.

None is null, ``UNKNOWN`` an unknown value, a mapping an object, map or block, a list a list, set, tuple or the blocks
of one name. ``Dynamic`` is a value whose type travels with it. A type is what Terraform writes in a schema as JSON:
``"string"``, ``["list", "number"]``, ``["object", {"name": "string"}]``.
"""
from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

import msgpack

from ...core.output import UNKNOWN, plain

__all__ = ["Dynamic", "Path", "Type", "differences", "fitted", "from_state", "pack", "same", "shown_path", "to_state",
           "type_of", "unpack", "wholly_known"]

Type: TypeAlias = Any
Path: TypeAlias = tuple[str | int, ...]
_EXACT = 2 ** 53


@dataclass(frozen=True, slots=True)
class Dynamic:
    """A known value of an attribute that takes any type, with the type that it has."""

    type: Type
    value: Any


def pack(value: Any, type: Type) -> bytes:
    """A value as it goes to a plugin."""
    packed: bytes = msgpack.packb(_encoded(value, type), use_bin_type=True)
    return packed


def unpack(data: bytes, type: Type) -> Any:
    """A value as it came from a plugin; whatever is said of an unknown one is dropped."""
    if not data:
        return None
    return _decoded(msgpack.unpackb(data, raw=False, ext_hook=lambda code, content: UNKNOWN, strict_map_key=False),
                    type)


def _encoded(value: Any, type: Type) -> Any:
    if value is None:
        return None
    if value is UNKNOWN:
        return msgpack.ExtType(0, b"\0")
    match type:
        case "string":
            return unicodedata.normalize("NFC", value)
        case "number":
            return _number(value)
        case "bool":
            return bool(value)
        case "dynamic":
            known = value if isinstance(value, Dynamic) else Dynamic(type_of(value), value)
            return [json.dumps(known.type, separators=(",", ":")).encode(), _encoded(known.value, known.type)]
        case ["list" | "set", item]:
            made = [_encoded(x, item) for x in value]
            return sorted(made, key=msgpack.packb) if type[0] == "set" else made
        case ["map", item]:
            return {unicodedata.normalize("NFC", k): _encoded(x, item) for k, x in sorted(value.items())}
        case ["object", fields]:
            return {k: _encoded(value.get(k), t) for k, t in sorted(fields.items())}
        case ["tuple", items]:
            return [_encoded(x, t) for x, t in zip(value, items, strict=True)]
    raise TypeError(f"no type of Terraform: {type!r}")


def _number(n: int | float | Decimal) -> int | float | str:
    match n:
        case int():
            return n if -2 ** 63 <= n < 2 ** 64 else str(n)
        case float():
            return int(n) if n.is_integer() and abs(n) < _EXACT else n
    if n == n.to_integral_value() and abs(n) < 2 ** 63:
        return int(n)
    return float(n) if Decimal(repr(float(n))) == n else str(n)


def type_of(value: Any) -> Type:
    """The type that a plain value has by itself."""
    match value:
        case None:
            return "dynamic"
        case bool():
            return "bool"
        case str():
            return "string"
        case int() | float() | Decimal():
            return "number"
        case Mapping():
            return ["object", {k: type_of(x) for k, x in value.items()}]
        case list() | tuple():
            return ["tuple", [type_of(x) for x in value]]
        case Dynamic():
            return value.type
    if value is UNKNOWN:
        return "dynamic"
    raise TypeError(f"{value!r} is not a value of Terraform")


def _decoded(value: Any, type: Type) -> Any:
    if value is None or value is UNKNOWN:
        return value
    match type:
        case "number":
            return _read_number(value)
        case "dynamic":
            own = json.loads(value[0])
            return Dynamic(own, _decoded(value[1], own))
        case ["list" | "set", item]:
            return [_decoded(x, item) for x in value]
        case ["map", item]:
            return {k: _decoded(x, item) for k, x in value.items()}
        case ["object", fields]:
            return {k: _decoded(value.get(k), t) for k, t in fields.items()}
        case ["tuple", items]:
            return [_decoded(x, t) for x, t in zip(value, items, strict=True)]
    return value


def _read_number(value: Any) -> int | float | Decimal:
    if isinstance(value, str):
        exact = Decimal(value)
        return int(exact) if exact == exact.to_integral_value() else exact
    number: int | float = int(value) if isinstance(value, float) and value.is_integer() else value
    return number


def fitted(value: Any, type: Type, path: Path = ()) -> Any:
    """What the program gave, as a value of this type, converted as Terraform converts: numbers and text, booleans and
    text; a set from any collection. Raises ``ValueError`` that names the path."""
    if value is None or value is UNKNOWN:
        return value
    if isinstance(value, Mapping) and UNKNOWN in value:
        return UNKNOWN    # a key that is not known: nothing of it is
    match type:
        case "dynamic":
            return value if isinstance(value, Dynamic) else Dynamic(type_of(value), value)
        case "string" if isinstance(value, bool):
            return "true" if value else "false"
        case "string" if isinstance(value, str | int | float | Decimal):
            return str(value)
        case "number" if isinstance(value, str):
            try:
                return _read_number(value)
            except InvalidOperation:
                raise ValueError(f"{shown_path(path)}: {value!r} is not a number") from None
        case "number" if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
            return value
        case "bool" if isinstance(value, bool) or value in ("true", "false"):
            return value in (True, "true")
        case ["list" | "set", item] if isinstance(value, list | tuple | set | frozenset):
            return [fitted(x, item, (*path, i)) for i, x in enumerate(value)]
        case ["map", item] if isinstance(value, Mapping):
            return {str(k): fitted(x, item, (*path, str(k))) for k, x in value.items()}
        case ["object", fields] if isinstance(value, Mapping):
            for k in value.keys() - fields.keys():
                raise ValueError(f"{shown_path((*path, str(k)))}: there is no such attribute; it has "
                                 f"{', '.join(sorted(fields))}")
            return {k: fitted(value.get(k), t, (*path, k)) for k, t in fields.items()}
        case ["tuple", items] if isinstance(value, list | tuple) and len(value) == len(items):
            return [fitted(x, t, (*path, i)) for i, (x, t) in enumerate(zip(value, items, strict=True))]
    raise ValueError(f"{shown_path(path)}: {_said(value)} is not {_wanted(type)}")


def _said(value: object) -> str:
    return f"a {'mapping' if isinstance(value, Mapping) else type(value).__name__}" if isinstance(
        value, Mapping | list | tuple | set) else repr(value)


def _wanted(type: Type) -> str:
    match type:
        case str():
            return {"string": "text", "number": "a number", "bool": "True or False"}[type]
        case ["list" | "set" | "tuple", *_]:
            return "a list"
    return "a mapping"


def shown_path(path: Path) -> str:
    """``("rule", 0, "port")`` → ``rule[0].port``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def to_state(value: Any) -> Any:
    """A value as JSON, as a state of Terraform has it. Numbers that JSON would round are text."""
    match value:
        case Dynamic():
            return {"type": value.type, "value": to_state(value.value)}
        case Mapping():
            return {k: to_state(x) for k, x in value.items()}
        case list() | tuple():
            return [to_state(x) for x in value]
        case Decimal():
            return float(value) if Decimal(repr(float(value))) == value else str(value)
    return None if value is UNKNOWN else value


def from_state(value: Any, type: Type) -> Any:
    """A value that `to_state` gave, or any value of a state of Terraform."""
    if value is None:
        return None
    match type:
        case "dynamic":
            if isinstance(value, Mapping) and value.keys() == {"type", "value"}:
                return Dynamic(value["type"], from_state(value["value"], value["type"]))
            return Dynamic(type_of(value), value)
        case ["list" | "set", item]:
            return [from_state(x, item) for x in value]
        case ["map", item]:
            return {k: from_state(x, item) for k, x in value.items()}
        case ["object", fields]:
            return {k: from_state(value.get(k), t) for k, t in fields.items()}
        case ["tuple", items]:
            return [from_state(x, t) for x, t in zip(value, items, strict=True)]
    return fitted(value, type)


def same(one: Any, two: Any, type: Type) -> bool:
    """Whether two values are equal: sets in any order, 3 and 3.0, and unknown ones only to unknown ones."""
    if one is None or two is None:
        return one is two
    if one is UNKNOWN or two is UNKNOWN:
        return one is two
    return pack(one, type) == pack(two, type)


def differences(old: Any, new: Any, type: Type, path: Path = ()) -> Iterator[Path]:
    """Paths at which two values differ; a set only as a whole."""
    known = old is not None and new is not None and old is not UNKNOWN and new is not UNKNOWN
    match type:
        case ["object", fields] if known:
            for k, t in fields.items():
                yield from differences(old.get(k), new.get(k), t, (*path, k))
        case ["map", item] if known:
            for k in sorted({*old, *new}):
                yield from differences(old.get(k), new.get(k), item, (*path, k))
        case ["list", item] if known:
            for i in range(max(len(old), len(new))):
                yield from differences(old[i] if i < len(old) else None, new[i] if i < len(new) else None, item,
                                       (*path, i))
        case _:
            if not same(old, new, type):
                yield path


def wholly_known(value: Any) -> bool:
    """Whether no part of it is unknown."""
    return plain(value.value if isinstance(value, Dynamic) else value)
