"""The engine's side of a plugin: plans, changes and reads the resources of one provider instance.

Each resource is planned by the plugin (``PlanResourceChange``) and changed by exactly that plan. What the state holds
is the plugin's whole object, so that a later version can upgrade it.
"""
from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from ...core.model import Operation, State
from ...core.output import UNKNOWN, plain
from ...core.provider import Change, Note, PartlyMade, Provider, Recorded, Result, Traits
from ...core.schema import Schema
from ...errors import ProviderError, UserError
from .classes import class_name
from .configuration import of_program, proposed, view
from .diagnostics import as_provider_error, as_user_error, path_of, secret_texts
from .existing import Origin, identity_request, imported, move_request, moved_state, recorded_state
from .lifecycle import OWN, REPLACE_WHEN, is_noted, is_triggered
from .plugin import Plugin, Refusal
from .private import Private
from .schema import Block, TypeSchema, python_name, wire_name
from .simulated import SIMULATED
from .types import Types, named, stored
from .values import Path, differences, pack, same, to_state, unpack

__all__ = ["PluginProvider"]

CAPABILITIES = {"write_only_attributes_allowed": True}
_TIMED = frozenset({"time_rotating", "time_offset", "time_sleep", "tls_locally_signed_cert", "tls_self_signed_cert",
                    "acme_certificate", "local_file", "local_sensitive_file", "archive_file", "docker_image",
                    "aws_s3_object", "aws_s3_bucket_object"})
"""Types whose plan depends on the time or on files: they are asked about in each plan."""


Use: TypeAlias = Callable[[], AbstractContextManager[Plugin] | None]


@dataclass(frozen=True, slots=True)
class _Planned:
    """A plan of the plugin, in the form in which it is handed back to be carried out."""

    prior: Any
    config: Any
    state: Any
    raw_state: bytes
    notes: bytes
    legacy: bool


class PluginProvider(Provider):
    """``use`` gives a configured process for as long as it is needed, or None while the settings of this provider
    instance are not known. ``fingerprint`` identifies the provider's version and settings."""

    def __init__(self, name: str, types: Types, use: Use, fingerprint: str, stop: Callable[[], None] = lambda: None,
                 origin: Origin | None = None) -> None:
        self.name, self.types, self._use, self._stop, self._origin = name, types, use, stop, origin
        timed = frozenset(f"{types.name}:{class_name(t, types.prefix)}"
                          for t in _TIMED & types.schemas.resources.keys())
        self.traits = Traits(fingerprint=fingerprint, always=timed)

    def schema(self, type: str) -> Schema:
        return self.types.engine(type)

    def _plugin(self) -> AbstractContextManager[Plugin]:
        if (use := self._use()) is None:
            raise ProviderError(f"the settings of {self.name} are not known yet", sent=False)
        return use

    def plan(self, type: str, prior: State | None, inputs: Mapping[str, Any]) -> Change:
        own = self.types.own(type)
        config = self._config(type, own.block, inputs)
        if prior is not None and prior.private == SIMULATED:
            return Change(frozenset(inputs), order="create_first", reason="its simulation")
        if (use := self._use()) is None:
            return _unasked(own.block, prior, inputs)
        with use as plugin:
            try:
                if prior is not None and prior.unsure:
                    prior = self._as_it_is(plugin, own, prior)
                return self._planned(plugin, own, prior, inputs, config)
            except Refusal as e:
                raise as_user_error(type, e, self._secrets(type, inputs, prior)) from e

    def _config(self, type: str, block: Block, inputs: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return of_program(block, inputs)
        except ValueError as e:
            raise UserError(f"{type}: {e}") from None

    def _as_it_is(self, plugin: Plugin, own: TypeSchema, prior: State) -> State:
        """An update of it was cut off: it is planned from what is there."""
        found = self._read(plugin, own, prior)
        return prior if found is None else replace(prior, outputs=found.outputs, private=found.private)

    def _planned(self, plugin: Plugin, own: TypeSchema, prior: State | None, inputs: Mapping[str, Any],
                 config: dict[str, Any]) -> Change:
        block, private = own.block, Private.read(prior.private if prior else "")
        old = stored(block, prior.outputs) if prior else None
        rewritten = private.differing(_write_only(block, config)) if prior else frozenset[str]()
        counted = _counted(block, config, old, rewritten)
        config = {**config, **counted}
        plugin.call("ValidateResourceConfig", type_name=own.name, config=_sent(config, block),
                    client_capabilities=CAPABILITIES)
        answer, made = _ask(plugin, own, old, config, private.notes)
        paths = list(differences(old, made.state, block.type)) if old is not None else []
        forced = _forced(answer, paths) | frozenset({REPLACE_WHEN} if is_triggered(prior, inputs) else ())
        if forced:
            made = _ask(plugin, own, None, config, b"")[1]
        noted = frozenset({REPLACE_WHEN} if prior and is_noted(prior, inputs) else ())
        if prior and not paths and not rewritten and not forced:
            return Change(noted, handle=made)
        seen = named(view(block, made.state))
        told = [p for p in paths if p and p[0] not in counted]
        return Change(noted | _changed(block, told, config, prior, rewritten) if prior else frozenset(inputs), forced,
                      unknown=frozenset(k for k, v in seen.items() if not plain(v)), planned=seen, handle=made)

    def _secrets(self, type: str, *parts: Mapping[str, Any] | State | None) -> list[str]:
        """The secret texts that a message of the plugin may repeat."""
        schema, found = self.types.engine(type), list[str]()
        for part in parts:
            values = {**part.inputs, **part.outputs} if isinstance(part, State) else part or {}
            marked = part.secret if isinstance(part, State) else ()
            found += secret_texts(values, {*schema.secret_outputs, *marked})
        return found

    def create(self, operation: Operation, note: Note) -> Result:
        return self._apply(operation, self._handle(operation, None), note)

    def update(self, operation: Operation, state: State, note: Note) -> Result:
        if operation.changed == {REPLACE_WHEN}:     # to be recorded; the plugin has nothing to do
            return Result(state.id, state.outputs, private=state.private, version=state.version)
        return self._apply(operation, self._handle(operation, state), note)

    def _handle(self, operation: Operation, state: State | None) -> _Planned:
        """The plan that is carried out: made now where there was none that could be handed back."""
        handle = operation.change.handle if operation.change else None
        if handle is None:
            change = self.plan(operation.type, state, operation.inputs)
            if change.replace:
                raise ProviderError(f"a change of {', '.join(sorted(change.replace))} needs a new one", sent=False,
                                    hint="deploy again: the plan then shows the replacement")
            handle = change.handle
        assert isinstance(handle, _Planned)
        return handle

    def _apply(self, operation: Operation, planned: _Planned, note: Note) -> Result:
        own = self.types.own(operation.type)
        with self._plugin() as plugin:
            try:
                answer = plugin.call("ApplyResourceChange", type_name=own.name,
                                     prior_state=_sent(planned.prior, own.block),
                                     planned_state={"msgpack": planned.raw_state},
                                     config=_sent(planned.config, own.block), planned_private=planned.notes)
            except Refusal as e:
                secrets = (*self._secrets(operation.type, operation.inputs),
                           *secret_texts(operation.inputs, operation.secret))
                error = as_provider_error(e, self.name, secrets)
                there = _object(e.answer.get("new_state"), own.block)
                if there is None:
                    if not operation.old_id and "exist" in error.message:
                        error.hint = f"if it is of this app: sst adopt {operation.urn.rpartition('::')[2]} ID"
                    raise error from e
                raise PartlyMade(error, self._result(operation, planned, there, e.answer)) from e
        new = _object(answer.get("new_state"), own.block)
        if new is None:
            raise ProviderError(f"{self.name} said that it was done, and gave no {own.name}",
                                operation="ApplyResourceChange")
        for name in () if planned.legacy else _broken(own.block, planned, new):
            note(f"{self.name} made {name} another value than it planned")
        return self._result(operation, planned, new, answer)

    def _result(self, operation: Operation, planned: _Planned, new: Any, answer: Mapping[str, Any]) -> Result:
        own = self.types.own(operation.type)
        unset = {python_name(k): None for k in _write_only(own.block, planned.config)
                 if python_name(k) in operation.inputs}
        private = Private.of(answer.get("private", b""), _write_only(own.block, planned.config))
        return Result(_id(new, operation.base), named(to_state(new)), unset or None, private=private.text(),
                      version=own.version)

    def delete(self, state: State, note: Note) -> None:
        if state.private == SIMULATED:
            return
        own = self.types.own(state.type)
        prior, notes = stored(own.block, state.outputs), Private.read(state.private).notes
        nothing = {"msgpack": pack(None, own.block.type)}
        with self._plugin() as plugin:
            try:
                if self.types.schemas.capabilities.get("plan_destroy"):
                    notes = plugin.call("PlanResourceChange", type_name=own.name, prior_state=_sent(prior, own.block),
                                        proposed_new_state=nothing, config=nothing, prior_private=notes,
                                        client_capabilities=CAPABILITIES).get("planned_private", b"")
                plugin.call("ApplyResourceChange", type_name=own.name, prior_state=_sent(prior, own.block),
                            planned_state=nothing, config=nothing, planned_private=notes)
            except Refusal as e:
                raise as_provider_error(e, self.name, self._secrets(state.type, state)) from e

    def read(self, state: State) -> Result | None:
        if state.private == SIMULATED:
            return Result(state.id, state.outputs, state.inputs, private=SIMULATED)
        own = self.types.own(state.type)
        with self._plugin() as plugin:
            try:
                return self._read(plugin, own, state)
            except Refusal as e:
                raise as_provider_error(e, self.name, self._secrets(state.type, state)) from e

    def _read(self, plugin: Plugin, own: TypeSchema, state: State) -> Result | None:
        private = Private.read(state.private)
        old = stored(own.block, state.outputs)
        answer = plugin.call("ReadResource", type_name=own.name, current_state=_sent(old, own.block),
                             private=private.notes, client_capabilities=CAPABILITIES)
        new = _object(answer.get("new_state"), own.block)
        if new is None:
            return None
        return Result(_id(new, state.id), named(to_state(new)), _seen(own.block, state.inputs, old, new),
                      private=replace(private, notes=answer.get("private", b"")).text(), version=own.version)

    def import_(self, type: str, id: str) -> Result | None:
        return self._imported(type, id, lambda plugin, own: {"type_name": own.name, "id": id})

    def import_by_identity(self, type: str, identity: Mapping[str, Any]) -> Result | None:
        return self._imported(type, "", lambda plugin, own: identity_request(plugin, own, identity))

    def _imported(self, type: str, id: str,
                  request: Callable[[Plugin, TypeSchema], Mapping[str, Any]]) -> Result | None:
        own = self.types.own(type)
        with self._plugin() as plugin:
            try:
                found = imported(own, plugin.call("ImportResourceState", **request(plugin, own)))
                value = _object(found.get("state"), own.block) if found else None
                if found is None or value is None:
                    return None
                notes = Private(found.get("private", b"")).text()
                state = State(f"{type}::{id}", type, id, outputs=named(to_state(value)), private=notes)
                return self._with_inputs(type, own, self._read(plugin, own, state))
            except Refusal as e:
                raise as_provider_error(e, self.name, ()) from e

    def take_over(self, type: str, recorded: Recorded) -> Result | None:
        """By the whole object of Terraform's state: ids are not always what an import takes."""
        own, state = self.types.own(type), self.upgrade(recorded_state(type, recorded))
        with self._plugin() as plugin:
            try:
                return self._with_inputs(type, own, self._read(plugin, own, state))
            except Refusal as e:
                raise as_provider_error(e, self.name, self._secrets(type, state)) from e

    def _with_inputs(self, type: str, own: TypeSchema, made: Result | None) -> Result | None:
        """A resource that was read, with what it would be declared with."""
        if made is None:
            return None
        asked = named(view(own.block, stored(own.block, made.outputs)))
        settable = self.types.engine(type).arguments
        return replace(made, inputs={k: v for k, v in asked.items() if k in settable and v not in (None, [], {})})

    def look_up(self, type: str, inputs: Mapping[str, Any]) -> Result | None:
        own = self.types.own(type)
        config = _sent(self._config(type, own.block, inputs), own.block)
        with self._plugin() as plugin:
            try:
                plugin.call("ValidateDataResourceConfig", type_name=own.name, config=config)
                answer = plugin.call("ReadDataSource", type_name=own.name, config=config)
            except Refusal as e:
                raise as_provider_error(e, self.name, self._secrets(type, inputs)) from e
        found = _object(answer.get("state"), own.block)
        return None if found is None else Result(_id(found, type), named(to_state(view(own.block, found))))

    def upgrade(self, state: State) -> State:
        own = self.types.own(state.type)
        if state.private == SIMULATED:
            return replace(state, version=own.version)
        if state.version > own.version:
            raise UserError(f"{state.type} was recorded by a newer version of {self.name}: schema {state.version}, and "
                            f"this one has {own.version}", hint="go back to the newer version in sst.lock")
        raw = {wire_name(k): v for k, v in state.outputs.items()}
        with self._plugin() as plugin:
            try:
                answer = plugin.call("UpgradeResourceState", type_name=own.name, version=state.version,
                                     raw_state={"json": json.dumps(raw).encode()})
            except Refusal as e:
                raise as_user_error(state.type, e, self._secrets(state.type, state)) from e
        value = _object(answer.get("upgraded_state"), own.block)
        return replace(state, outputs=named(to_state(value)), version=own.version)

    def move(self, type: str, state: State) -> State | None:
        if ":" not in state.type or state.private == SIMULATED or not self._origin:
            return None
        own = self.types.own(type)
        if not self.types.schemas.capabilities.get("move_resource_state"):
            raise UserError(f"{self.name} can't make a {type} of a {state.type}",
                            hint="declare it without the alias: it is created, and the old one deleted")
        with self._plugin() as plugin:
            try:
                answer = plugin.call("MoveResourceState", **move_request(state, self._origin, own))
            except Refusal as e:
                raise as_user_error(type, e, self._secrets(type, state)) from e
        value = _object(answer.get("target_state"), own.block)
        return moved_state(state, type, own, to_state(value), answer.get("target_private", b""))

    def stop(self) -> None:
        self._stop()


def _ask(plugin: Plugin, own: TypeSchema, old: Any, config: dict[str, Any],
         notes: bytes) -> tuple[dict[str, Any], _Planned]:
    block = own.block
    answer = plugin.call("PlanResourceChange", type_name=own.name, prior_state=_sent(old, block),
                         proposed_new_state=_sent(proposed(block, old, config), block), config=_sent(config, block),
                         prior_private=notes, client_capabilities=CAPABILITIES)
    raw = answer.get("planned_state", {}).get("msgpack", b"")
    return answer, _Planned(old, config, unpack(raw, block.type), raw, answer.get("planned_private", b""),
                            answer.get("legacy_type_system", False))


def _sent(value: Any, block: Block) -> dict[str, bytes]:
    return {"msgpack": pack(value, block.type)}


def _object(message: Mapping[str, Any] | None, block: Block) -> Any:
    if message and message.get("json"):
        return stored(block, named(json.loads(message["json"])))
    return unpack((message or {}).get("msgpack", b""), block.type)


def _forced(answer: Mapping[str, Any], paths: list[Path]) -> frozenset[str]:
    """Arguments whose change needs a new resource: plugins name all that would, whether they change or not."""
    asked = [path_of(p) for p in answer.get("requires_replace", ())]
    return frozenset(python_name(str(d[0])) for d in paths for p in asked
                     if d and p and all(a == b for a, b in zip(d, p, strict=False)))


def _changed(block: Block, paths: list[Path], config: Mapping[str, Any], prior: State,
             rewritten: frozenset[str]) -> frozenset[str]:
    """What the program changes; what the provider changes by itself, if it is that alone."""
    names = {str(p[0]) for p in paths if p} | rewritten
    by_program = {n for n in names if n in rewritten or n in block.blocks or (
        block.attributes[n].settable and (config.get(n) is not None or python_name(n) in prior.inputs))}
    return frozenset(python_name(n) for n in by_program or names)


def _unasked(block: Block, prior: State | None, inputs: Mapping[str, Any]) -> Change:
    """A plan without the provider, whose settings are not known yet: all that the program does not set may become
    anything."""
    open_ = {python_name(k): UNKNOWN for k in (*block.attributes, *block.blocks)}
    if prior is None:
        return Change(frozenset(inputs), planned={**open_, **inputs})
    changed = frozenset(k for k in {*prior.inputs, *inputs} if prior.inputs.get(k) != inputs.get(k))
    return Change(changed, planned={**open_, **inputs} if changed else None)


def _write_only(block: Block, config: Mapping[str, Any]) -> dict[str, Any]:
    return {k: config.get(k) for k, a in block.attributes.items() if a.write_only}


def _counted(block: Block, config: Mapping[str, Any], old: Mapping[str, Any] | None,
             rewritten: frozenset[str]) -> dict[str, Any]:
    """The versions of write-only values, ``password_wo_version``, that the program leaves out: providers send such a
    value again only if its version is another one."""
    found: dict[str, Any] = {}
    for name, value in _write_only(block, config).items():
        version = block.attributes.get(f"{name}_version")
        if value is None or version is None or not version.settable or version.type != "number" or (
                config.get(version.name) is not None):
            continue
        was = (old or {}).get(version.name)
        again = old is None or name in rewritten
        found[version.name] = UNKNOWN if value is UNKNOWN else (was or 0) + 1 if again else was
    return found


def _broken(block: Block, planned: _Planned, new: Mapping[str, Any]) -> list[str]:
    """Arguments of the program that came out otherwise than the plugin promised."""
    fields = block.type[1]
    return [python_name(k) for k in fields if planned.config.get(k) not in (None, []) and plain(planned.state.get(k))
            and not (k in block.attributes and block.attributes[k].write_only)
            and not same(planned.state.get(k), new.get(k), fields[k])]


def _seen(block: Block, inputs: Mapping[str, Any], old: Any, new: Mapping[str, Any]) -> dict[str, Any]:
    """The program's arguments as they are now: as the program spells them where they did not change."""
    values, fields = named(view(block, new)), block.type[1]

    def kept(name: str) -> bool:
        return name in fields and old is not None and same(old.get(name), new.get(name), fields[name])

    return {k: v if k in OWN or kept(wire_name(k)) else to_state(values.get(k)) for k, v in inputs.items()}


def _id(value: Mapping[str, Any], otherwise: str) -> str:
    """What identifies it in the state: most have an attribute for it."""
    return next((str(v) for k in ("id", "arn", "name", "key") if (v := value.get(k)) not in (None, "", UNKNOWN)),
                otherwise)
