"""Stage ``local``: resources of a plugin that exist in the state alone. No process, no network, no account.

Outputs are placeholders, the same in each plan: text ``local-Name``, 0, False, URLs of a host that does not exist. A
provider that is not in ``sst.lock`` has no schema here: any argument is taken, and every attribute is text.
"""
from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ...core.graph import Graph, current
from ...core.model import Operation, State
from ...core.output import Output, call_site
from ...core.provider import Absent, Change, Found, Note, Provider, Result, Unsure
from ...core.resource import OPTIONS, Out, Prop, ProviderInstance, Resource, ResourceType, cloud_of
from ...core.schema import Schema
from ...errors import ProviderError, UserError
from ...plugins.lock import FILE, in_ci
from .catalogue import PACKAGE, active
from .configuration import of_program
from .lifecycle import REPLACE, REPLACE_WHEN, Replaceable, is_triggered
from .schema import wire_name
from .types import Types, named
from .values import to_state

__all__ = ["SIMULATED", "SimulatedProvider", "open_class", "open_data", "placeholder"]

SIMULATED = "simulated"
"""The private note of a resource that exists in the state alone."""


def placeholder(name: str, attribute: str, type: Any = "string") -> Any:
    """What an attribute is on stage ``local``. ``name`` is the resource's in the program."""
    match type:
        case "string" if attribute.endswith(("url", "uri", "endpoint")):
            return f"https://local.invalid/{name}/{attribute}"
        case "string":
            return f"local-{name}" if attribute == "id" else f"local-{name}-{attribute}"
        case "number":
            return 0
        case "bool":
            return False
        case ["list" | "set" | "tuple", *_]:
            return []
        case ["map", _]:
            return {}
        case ["object", fields]:
            return {k: placeholder(name, k, t) for k, t in fields.items()}
    return None


def name_in(urn: str) -> str:
    """``vercel:Project::Site/Main`` → ``Site-Main``."""
    return urn.rpartition("::")[2].replace("/", "-")


def _check_open(graph: Graph, name: str, type: str, where: str) -> None:
    """A provider without a schema is for a first look on stage ``local`` alone."""
    catalogue = active()
    strict = catalogue is not None and catalogue.lock.providers and in_ci(catalogue.environ)
    if not graph.target.is_local or strict:
        graph.problem(f'{type}: {FILE} has no provider "{name}"', hint=f"sst add {name}", where=where)
        return
    warnings: dict[str, None] = graph.context.once("warnings", dict)
    words = "sst install" if catalogue is not None and name in catalogue.lock.providers else f"sst add {name}"
    warnings[
        f"{name} is not installed: its resources are simulated and nothing that the program says of them was checked; "
        f"{words}"] = None


class _OpenType(ResourceType):
    """A declaration makes a class with the arguments that it is given."""

    if not TYPE_CHECKING:
        def __call__(cls, *args, **given):
            graph, where = current(), call_site(2)
            _check_open(graph, cloud_of(cls.type), cls.type, where)
            own = _grown(cls, given)
            return super(_OpenType, own).__call__(*args, **given)


class _OpenData(_OpenType):
    if not TYPE_CHECKING:
        def __call__(cls, *args, **given):
            graph, where = current(), call_site(2)
            _check_open(graph, cloud_of(cls.type), cls.type, where)
            own = _grown(cls, given)
            self = object.__new__(own)
            self._look_up(graph, graph.check_name(args[0] if args else "Invalid", cls.type, where), dict(given),
                          graph.short(where))
            return self


class _Open(Replaceable, metaclass=_OpenType):
    """Whatever is read of it and was not given is a placeholder made from its id."""

    id = Out()

    if not TYPE_CHECKING:
        def __getattr__(self, name):
            if name.startswith("_"):
                raise AttributeError(name)
            own = name_in(self.__sst__.urn)
            return Output(lambda look: look(self.__sst__.urn, "id") and placeholder(own, name),
                          frozenset((self.__sst__.urn,)))


class _OpenInstance(ProviderInstance, metaclass=_OpenType):
    """An instance of a provider without a schema: any of its settings may be a secret."""


class _OpenLookUp(_Open, metaclass=_OpenData):
    """A data source of a provider without a schema."""


def _grown(cls: type[Resource], given: Mapping[str, Any]) -> type[Resource]:
    hidden = issubclass(cls, ProviderInstance)
    body = {k: Prop(None, secret=hidden) for k in given
            if k not in OPTIONS and k not in ("logical_name", REPLACE)}
    made: type[Resource] = type.__call__(type(cls), cls.__name__, (cls,), {**body, "__module__": PACKAGE},
                                         type=cls.__sst_type__.type)
    return made


def open_class(name: str, key: str) -> Any:
    """The class of a type of a provider that is not in ``sst.lock``."""
    if key == "Provider":
        return type.__call__(_OpenType, key, (_OpenInstance,), {"__module__": PACKAGE}, type=f"{name}.Provider")
    return type.__call__(_OpenType, key, (_Open,), {"__module__": PACKAGE}, type=f"{name}:{key}")


def open_data(name: str) -> ModuleType:
    """``vercel.data`` of such a provider."""
    return _OpenDataSources(name)


class _OpenDataSources(ModuleType):
    def __init__(self, name: str) -> None:
        super().__init__(f"{PACKAGE}.{name}.data")
        self._of = name

    def __getattr__(self, key: str) -> Any:
        if key.startswith("_"):
            raise AttributeError(key)
        made = type.__call__(_OpenData, key, (_OpenLookUp,), {"__module__": PACKAGE},
                             type=f"{self._of}:data.{key}")
        setattr(self, key, made)
        return made


class SimulatedProvider(Provider):
    """Manages the resources of a plugin on stage ``local``. With ``types`` their arguments are checked."""

    def __init__(self, types: Types | None) -> None:
        self._types = types

    def schema(self, type: str) -> Schema:
        return self._types.engine(type) if self._types else Schema(type)

    def plan(self, type: str, prior: State | None, inputs: Mapping[str, Any]) -> Change:
        if prior is not None and prior.private != SIMULATED:
            raise UserError(f"{type} {prior.id!r} was created for real, and the provider is simulated now",
                            hint=f'keep "local": "real" for {cloud_of(type)} in Config(providers=...), or remove the '
                                 "resource first")
        self._values(type, "", inputs)
        old = prior.inputs if prior else {}
        changed = frozenset(k for k in {*old, *inputs} if old.get(k) != inputs.get(k))
        if prior is None:
            return Change(frozenset(inputs), reason=SIMULATED)
        return Change(changed, frozenset({REPLACE_WHEN} if is_triggered(prior, inputs) else ()))

    def _values(self, type: str, name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """All values of a simulated resource. Raises ``UserError`` for arguments that do not fit the schema."""
        if self._types is None:
            return {"id": placeholder(name, "id")}
        block = self._types.own(type).block
        try:
            config = of_program(block, inputs)
        except ValueError as e:
            raise UserError(f"{type}: {e}") from None
        for k, a in block.attributes.items():
            if config[k] is None and a.computed:
                config[k] = placeholder(name, k, a.type)
            elif a.write_only:
                config[k] = None
        return config

    def _result(self, operation: Operation) -> Result:
        made = self._values(operation.type, name_in(operation.urn), operation.inputs)
        outputs = named(made) if self._types else made
        kept = {k: v for k, v in operation.inputs.items() if not self._write_only(operation.type, k)}
        return Result(str(made.get("id") or f"local-{name_in(operation.urn)}"), to_state(outputs), kept,
                      private=SIMULATED)

    def _write_only(self, type: str, name: str) -> bool:
        attribute = self._types.own(type).block.attributes.get(wire_name(name)) if self._types else None
        return attribute is not None and attribute.write_only

    def create(self, operation: Operation, note: Note) -> Result:
        return self._result(operation)

    def update(self, operation: Operation, state: State, note: Note) -> Result:
        return self._result(operation)

    def delete(self, state: State, note: Note) -> None:
        if state.private != SIMULATED:
            raise UserError(f"{state.type} {state.id!r} was created for real, and the provider is simulated now",
                            hint=f'set "local": "real" for {cloud_of(state.type)} in Config(providers=...) to delete '
                                 "it")

    def read(self, state: State) -> Result | None:
        return Result(state.id, state.outputs, state.inputs, private=state.private, version=state.version)

    def find(self, operation: Operation) -> Found | Absent | Unsure:
        return Absent()

    def import_(self, type: str, id: str) -> Result | None:
        raise ProviderError(f"{type} is simulated on stage local: there is nothing to import", sent=False,
                            hint=f'Config(providers={{"{cloud_of(type)}": {{"local": "real"}}}})')

    def look_up(self, type: str, inputs: Mapping[str, Any]) -> Result | None:
        asked = "-".join(str(v) for v in inputs.values() if isinstance(v, str)) or "data"
        return Result(f"local-{asked}", to_state({**self._values(type, asked, inputs), **inputs}), private=SIMULATED)
