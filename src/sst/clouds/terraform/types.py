"""The types of one provider, as the engine sees them."""
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ...core.model import State
from ...core.schema import Argument, Schema
from .classes import DATA, holds_data, wire_type
from .configuration import view
from .lifecycle import REPLACE_WHEN
from .schema import Block, TypeSchema, python_name, wire_name
from .schema_cache import Schemas
from .values import Dynamic, fitted, from_state, same, to_state

__all__ = ["Types"]


class Types:
    """``name`` is what programs import, ``prefix`` begins the plugin's own names: ``vercel_project``."""

    def __init__(self, name: str, schemas: Schemas, prefix: str) -> None:
        self.name, self.schemas, self.prefix = name, schemas, prefix
        self._engine: dict[str, Schema] = {}
        self._own: dict[str, TypeSchema] = {}

    def own(self, type: str) -> TypeSchema:
        """The plugin's schema of an engine's type. Raises ``UserError`` for one that the provider does not have."""
        if type not in self._own:
            name = wire_type(self.schemas, self.prefix, type)
            self._own[type] = (self.schemas.data_source if is_data(type) else self.schemas.resource)(name)
        return self._own[type]

    def engine(self, type: str) -> Schema:
        if type not in self._engine:
            own = self.own(type)
            self._engine[type] = engine_schema(type, own)
        return self._engine[type]


def is_data(type: str) -> bool:
    return type.partition(":")[2].startswith(DATA)


def engine_schema(type: str, own: TypeSchema) -> Schema:
    block = own.block
    arguments = {python_name(k): Argument(required=a.required, secret=a.secret)
                 for k, a in block.attributes.items() if a.settable}
    arguments |= {python_name(k): Argument(required=n.least > 0, secret=n.block.secret)
                  for k, n in block.blocks.items()}
    if not is_data(type):
        arguments[REPLACE_WHEN] = Argument()
    secret = frozenset(python_name(k) for k, a in block.attributes.items() if a.secret) | frozenset(
        python_name(k) for k, n in block.blocks.items() if n.block.secret)
    made = Schema(type, arguments, secret, holds_data=holds_data(own.name), order="delete_first", version=own.version,
                  id_format=f"what {own.name} takes on import")
    return made if is_data(type) else replace(made, values=lambda state: read_by_program(block, state),
                                                 kept=lambda state, name: as_it_is(block, state, name))


def read_by_program(block: Block, state: State) -> Mapping[str, Any]:
    """What a program reads of a resource: its attributes, and blocks as it gives them."""
    whole = stored(block, state.outputs)
    return {**state.inputs, **named(view(block, whole))} if whole is not None else state.values


def as_it_is(block: Block, state: State, name: str) -> Any:
    """An argument as the provider spells it, where that is not as the program did: so no difference is left."""
    asked, attribute = state.inputs[name], block.attributes.get(wire_name(name))
    made = (stored(block, state.outputs) or {}).get(wire_name(name))
    if attribute is None or attribute.nested is not None or made is None or isinstance(made, Dynamic):
        return asked
    try:
        alike = same(fitted(asked, attribute.type), made, attribute.type)
    except ValueError:    # of an older schema
        alike = False
    return asked if alike else to_state(made)


def stored(block: Block, outputs: Mapping[str, Any]) -> Any:
    """The object of the plugin that a state holds."""
    return from_state({wire_name(k): v for k, v in outputs.items()}, block.type) if outputs else None


def named(value: Mapping[str, Any]) -> dict[str, Any]:
    """An object of the plugin with the names that a program uses."""
    return {python_name(k): v for k, v in value.items()}
