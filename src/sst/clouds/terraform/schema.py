"""What a plugin says of a type: attributes, nested blocks, and the type of the whole."""
from __future__ import annotations

import json
import keyword
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import Any

from ...core.resource import RESERVED
from .lifecycle import OWN
from .values import Type
from .wire import decode

__all__ = ["Attribute", "Block", "Nested", "Nesting", "TypeSchema", "python_name", "read_schema", "wire_name"]


class Nesting(IntEnum):
    SINGLE = 1
    LIST = 2
    SET = 3
    MAP = 4
    GROUP = 5


@dataclass(frozen=True, slots=True)
class Attribute:
    name: str
    type: Type
    required: bool = False
    optional: bool = False
    computed: bool = False
    sensitive: bool = False
    write_only: bool = False
    deprecated: bool = False
    description: str = ""
    nested: Mapping[str, Attribute] | None = None
    """Of an attribute that is an object, or a collection of objects, with attributes of their own."""
    nesting: Nesting = Nesting.SINGLE

    @property
    def settable(self) -> bool:
        return self.required or self.optional

    @property
    def secret(self) -> bool:
        """Whether it, or something in it, is sensitive."""
        return self.sensitive or self.write_only or any(a.secret for a in (self.nested or {}).values())


@dataclass(frozen=True)
class Nested:
    """The blocks of one name."""

    name: str
    block: Block
    nesting: Nesting
    least: int = 0
    most: int = 0
    """0 sets no limit."""

    @property
    def alone(self) -> bool:
        """There is at most one of them, so a program gives and reads a mapping instead of a list."""
        return self.nesting in (Nesting.SINGLE, Nesting.GROUP) or (
            self.nesting in (Nesting.LIST, Nesting.SET) and self.most == 1)


@dataclass(frozen=True)
class Block:
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    blocks: Mapping[str, Nested] = field(default_factory=dict)

    @cached_property
    def type(self) -> Type:
        fields = {name: a.type for name, a in self.attributes.items()}
        return ["object", fields | {name: _wrapped(n.block.type, n.nesting) for name, n in self.blocks.items()}]

    @cached_property
    def empty(self) -> dict[str, Any]:
        """The object in which nothing is set: null attributes, and no blocks."""
        made: dict[str, Any] = dict.fromkeys(self.attributes)
        for name, n in self.blocks.items():
            match n.nesting:
                case Nesting.LIST | Nesting.SET:
                    made[name] = []
                case Nesting.MAP:
                    made[name] = {}
                case Nesting.GROUP:
                    made[name] = n.block.empty
                case _:
                    made[name] = None
        return made

    @cached_property
    def secret(self) -> bool:
        return any(a.secret for a in self.attributes.values()) or any(n.block.secret for n in self.blocks.values())


@dataclass(frozen=True)
class TypeSchema:
    """A resource type, data source or provider configuration."""

    name: str
    block: Block
    version: int = 0


def _wrapped(type: Type, nesting: Nesting) -> Type:
    match nesting:
        case Nesting.LIST:
            return ["list", type]
        case Nesting.SET:
            return ["set", type]
        case Nesting.MAP:
            return ["map", type]
    return type


def read_schema(name: str, raw: bytes, *, v5: bool) -> TypeSchema:
    """The schema in a message of the plugin protocol."""
    message = decode("Schema", raw, v5=v5)
    return TypeSchema(name, _block(message.get("block", {})), message.get("version", 0))


def _block(message: Mapping[str, Any]) -> Block:
    attributes = [_attribute(a) for a in message.get("attributes", ())]
    blocks = [Nested(b["type_name"], _block(b.get("block", {})), Nesting(b.get("nesting", 1)), b.get("min_items", 0),
                     b.get("max_items", 0)) for b in message.get("block_types", ())]
    return Block({a.name: a for a in attributes}, {b.name: b for b in blocks})


def _attribute(message: Mapping[str, Any]) -> Attribute:
    flags = {k: message.get(k, False) for k in ("required", "optional", "computed", "sensitive", "write_only",
                                                "deprecated")}
    text = message.get("description", "")
    if "nested_type" not in message:
        return Attribute(message["name"], json.loads(message["type"]), **flags, description=text)
    inner = message["nested_type"]
    nested = {a.name: a for a in map(_attribute, inner.get("attributes", ()))}
    nesting = Nesting(inner.get("nesting", 1))
    whole = _wrapped(["object", {a.name: a.type for a in nested.values()}], nesting)
    return Attribute(message["name"], whole, **flags, description=text, nested=nested, nesting=nesting)


def python_name(name: str) -> str:
    """What a program calls an attribute: one that is an option of every resource, or a keyword, has an underscore at
    its end."""
    return f"{name}_" if name in RESERVED or name in OWN or keyword.iskeyword(name) else name


def wire_name(name: str) -> str:
    """The attribute that a program calls so."""
    return name[:-1] if name.endswith("_") and python_name(name[:-1]) == name else name
