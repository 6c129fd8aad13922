"""Provider instances that a program declares. They are part of the graph and of the state, so that what they manage can
be removed without the program."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from ..core.model import Operation, Snapshot, State
from ..core.output import UNKNOWN, plain
from ..core.provider import Absent, Change, Found, Note, Provider, Result, Unsure
from ..core.resource import SELF, ProviderInstance, Resource, cloud_of, schema_of
from ..core.schema import Schema
from ..errors import UserError

if TYPE_CHECKING:
    from .terraform.plugins import Plugins

__all__ = ["SELF", "Instances"]


class HasPlugins(Protocol):
    @property
    def plugins(self) -> Plugins: ...



_PLACE = ("region",)
"""Settings that say where resources are: another one would look for them where they are not."""


class Instances(Provider):
    """The provider of provider instances. ``identify`` says which account and region the settings of one of AWS lead
    to; ``clouds`` knows the settings of plugins."""

    def __init__(self, identify: Callable[[str, Mapping[str, Any]], Mapping[str, str]],
                 clouds: HasPlugins | None = None) -> None:
        self._identify, self._clouds = identify, clouds
        self._settings: dict[str, Mapping[str, Any]] = {}
        self._used: frozenset[str] = frozenset()
        self._lock = Lock()

    def load(self, snapshot: Snapshot) -> None:
        with self._lock:
            self._used = frozenset(s.provider for s in (*snapshot.resources.values(), *snapshot.deposed.values()))
            for s in snapshot.resources.values():
                if s.provider == SELF:
                    self._settings.setdefault(s.id, {**s.inputs, "identity": s.outputs})

    def settings(self, reference: str) -> Mapping[str, Any]:
        """The settings of an instance; none for a default one. Raises ``UserError`` for one that nobody knows."""
        if "::" not in reference:
            return {}
        with self._lock:
            if reference not in self._settings:
                raise UserError(f'the provider instance "{reference.partition("::")[2]}" is in no state and not in '
                                "the program", hint="declare it again")
            return self._settings[reference]

    def known(self, reference: str) -> Mapping[str, Any] | None:
        """The settings of an instance of a plugin; None while nothing says them."""
        with self._lock:
            found = self._settings.get(reference)
        return None if found is None else {k: v for k, v in found.items() if k != "identity"}

    def references(self, cloud: str) -> list[str]:
        """The instances of a cloud that the state knows."""
        with self._lock:
            return sorted(r for r in self._settings if r.startswith(f"{cloud}::"))

    def schema(self, type: str) -> Schema:
        if (plugins := self._plugins(type)) is not None:
            return plugins.instance_schema(type)
        return schema_of(kind_of(type))

    def _plugins(self, type: str) -> Plugins | None:
        return self._clouds.plugins if self._clouds and cloud_of(type) != "aws" else None

    def plan(self, type: str, prior: State | None, inputs: Mapping[str, Any]) -> Change:
        if (plugins := self._plugins(type)) is not None:
            plugins.checked(cloud_of(type), inputs)
        else:
            _check(type, inputs)
        old = prior.inputs if prior else {}
        if prior and prior.id in self._used and prior.id != (now := _reference(type, prior.urn)):
            raise UserError(f'provider "{prior.id.partition("::")[2]}" manages resources and can\'t be renamed to '
                            f'"{now.partition("::")[2]}"', hint="keep its name, or declare a new one and move the "
                                                               "resources to it")
        changed = frozenset(k for k in {*old, *inputs} if old.get(k) != inputs.get(k))
        if plugins is not None:
            if prior and changed:
                self._plan_settings(prior.id, inputs)
            return Change(changed)
        if prior and prior.id in self._used and (moved := [k for k in _PLACE if k in changed and plain(inputs.get(k))]):
            name = prior.id.partition("::")[2]
            raise UserError(f'the {moved[0]} of provider "{name}" can\'t change from {old.get(moved[0])!r} to '
                            f"{inputs.get(moved[0])!r}: what it manages is there",
                            hint="declare another provider instance, and move the resources to it")
        return Change(changed, unknown=frozenset({"account_id"}) if changed else frozenset())

    def _plan_settings(self, reference: str, inputs: Mapping[str, Any]) -> None:
        """What uses it is planned with its new settings, or without the provider while they are not known."""
        with self._lock:
            self._settings.pop(reference, None)
            if plain(inputs):
                self._settings[reference] = inputs

    def create(self, operation: Operation, note: Note) -> Result:
        return self._known(_reference(operation.type, operation.urn), operation.inputs)

    def update(self, operation: Operation, state: State, note: Note) -> Result:
        return self._known(_reference(state.type, state.urn), operation.inputs, state.outputs)

    def _known(self, reference: str, inputs: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> Result:
        if self._plugins(reference.replace("::", ".", 1)) is not None:
            self._plan_settings(reference, inputs)
            return Result(reference)
        found = self._identify(reference, inputs)
        outputs = {"account_id": found["account"], "region_name": found["region"]}
        if before and reference in self._used and before.get("account_id") != outputs["account_id"]:
            raise UserError(f'provider "{reference.partition("::")[2]}" was account {before.get("account_id")} and '
                            'would '
                            f"be account {outputs['account_id']}: what it manages is in the former",
                            hint="declare another provider instance, and move the resources to it",
                            code="wrong-account")
        with self._lock:
            self._settings[reference] = {**inputs, "identity": outputs}
        return Result(reference, outputs)

    def read(self, state: State) -> Result | None:
        return Result(state.id, state.outputs)

    def delete(self, state: State, note: Note) -> None:
        """There is nothing in the cloud."""

    def find(self, operation: Operation) -> Found | Absent | Unsure:
        return Absent()


def _reference(type: str, urn: str) -> str:
    return f"{cloud_of(type)}::{urn.rpartition('::')[2]}"


def _check(type: str, inputs: Mapping[str, Any]) -> None:
    """Refuse settings that could never work, while nothing is recorded yet."""
    for name, value in inputs.items():
        if value is not UNKNOWN and (not isinstance(value, str) or not value.strip()):
            raise UserError(f"{name} of an {type} must be text, not {value!r}", hint=f'{name}="..."')
    pair = {"access_key", "secret_key"} & inputs.keys()
    if len(pair) == 1:
        raise UserError(f"an {type} with {next(iter(pair))} needs the other key, too",
                        hint="give access_key and secret_key, or neither of them")
    account = inputs.get("account")
    if isinstance(account, str) and not (len(account) == 12 and account.isdecimal()):
        raise UserError(f"account of an {type} is 12 digits, not {account!r}")
    role = inputs.get("role_arn")
    if isinstance(role, str) and not (role.startswith("arn:") and ":role/" in role):
        raise UserError(f"role_arn of an {type} is the ARN of a role, not {role!r}",
                        hint='role_arn="arn:aws:iam::123456789012:role/deploy"')


def kind_of(type: str) -> type[ProviderInstance]:
    """The class of a type of provider instance, ``aws.Provider``; its module is imported on first use."""
    if type not in Resource.kinds and type == "aws.Provider":
        from .aws import instance  # noqa: F401  # importing it registers the type
    found = Resource.kinds.get(type)
    if found is None or not issubclass(found, ProviderInstance):
        raise UserError(f"no provider is named {type}")
    return found
