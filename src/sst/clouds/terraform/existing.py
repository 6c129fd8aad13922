"""What a plugin is asked about a resource that exists already: by its id, by its identity, as Terraform's state
records it, or as another type, of this provider or another."""
from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from ...core.model import State
from ...core.names import did_you_mean
from ...core.provider import Recorded
from ...errors import ProviderError, UserError
from ...plugins.source import Source
from .plugin import Plugin
from .private import Private
from .schema import TypeSchema, python_name, wire_name
from .types import named
from .values import fitted, pack

__all__ = ["Origin", "identity_request", "imported", "likely_name", "move_request", "moved_state", "recorded_state"]

Origin: TypeAlias = Callable[[str], tuple[Source, str]]
"""The provider of a type of the state, and the name that the type has there."""


def identity_request(plugin: Plugin, own: TypeSchema, identity: Mapping[str, Any]) -> dict[str, Any]:
    """What ``ImportResourceState`` is asked for these identifying attributes. Raises ``UserError`` where they do not
    fit the identity that the provider gives to the type."""
    try:
        answer = plugin.call("GetResourceIdentitySchemas")
    except ProviderError as e:
        if e.code != "Unimplemented":
            raise
        answer = {}
    schema = answer.get("identity_schemas", {}).get(own.name)
    if schema is None:
        raise UserError(f"{plugin.name} gives {own.name} no identity", hint='import it by its id: import_="..."')
    attributes = {a["name"]: a for a in schema.get("identity_attributes", ())}
    for name in identity.keys() - attributes.keys():
        raise UserError(f"the identity of {own.name} has no {name!r}", hint=did_you_mean(name, sorted(attributes)))
    if missing := [n for n, a in attributes.items() if a.get("required_for_import") and identity.get(n) is None]:
        raise UserError(f"the identity of {own.name} needs {', '.join(map(repr, sorted(missing)))}")
    type = ["object", {n: json.loads(a["type"]) for n, a in attributes.items()}]
    try:
        value = fitted({n: identity.get(n) for n in attributes}, type)
    except ValueError as e:
        raise UserError(f"the identity of {own.name}: {e}") from None
    return {"type_name": own.name, "identity": {"identity_data": {"msgpack": pack(value, type)}}}


def imported(own: TypeSchema, answer: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The resource among those that a plugin found: some types bring others along."""
    return next((x for x in answer.get("imported_resources", ()) if x.get("type_name") == own.name), None)


def recorded_state(type: str, recorded: Recorded) -> State:
    """A resource of Terraform's state, as if it were in ours."""
    return State(f"{type}::{recorded.id}", type, recorded.id, outputs=named(recorded.values),
                 private=Private(recorded.private).text(), version=recorded.version)


def likely_name(source: Source, type: str) -> str:
    """The provider's own name of a type that it need not have any more: ``vercel:Project`` → ``vercel_project``."""
    words = re.sub(r"(?<!^)(?=[A-Z])", "_", type.partition(":")[2]).lower()
    return f"{source.type}_{words}"


def move_request(state: State, origin: Origin, own: TypeSchema) -> dict[str, Any]:
    """What ``MoveResourceState`` is asked for a resource that was of another type."""
    source, name = origin(state.type)
    raw = {wire_name(k): v for k, v in state.outputs.items()}
    return {"source_provider_address": str(source), "source_type_name": name,
            "source_schema_version": state.version, "source_state": {"json": json.dumps(raw).encode()},
            "source_private": Private.read(state.private).notes, "target_type_name": own.name}


def moved_state(state: State, type: str, own: TypeSchema, values: Mapping[str, Any], notes: bytes) -> State:
    """The resource as one of its new type; the next plan asks the provider about it."""
    settable = {python_name(k) for k, a in own.block.attributes.items() if a.settable} | {
        python_name(k) for k in own.block.blocks}
    inputs = {k: v for k, v in state.inputs.items() if k in settable}
    return replace(state, type=type, inputs=inputs, outputs=named(values), private=Private(notes).text(),
                   version=own.version, fingerprint="")
