"""Run-time classes: what ``from sst.providers import vercel`` gives, made from the schema when they are first used."""
from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ...core.graph import current
from ...core.names import did_you_mean
from ...core.output import Output, call_site
from ...core.resource import Out, Prop, ProviderInstance, Resource, ResourceType
from ...errors import UserError
from .catalogue import PACKAGE, active
from .lifecycle import Replaceable
from .schema import Block, TypeSchema, python_name
from .schema_cache import Schemas

__all__ = ["DATA", "Namespace", "PluginResource", "class_name", "holds_data", "instance_type", "plugin_type",
           "wire_type"]

DATA = "data."
"""Begins the class name of a data source in a type: ``vercel:data.Project``."""
_DATA_WORDS = frozenset((
    "account", "bucket", "cluster", "database", "db", "disk", "domain", "index", "instance", "namespace",
    "organization", "pool", "project", "queue", "registry", "repository", "secret", "store", "stream", "table", "topic",
    "vault", "volume", "zone"))


def class_name(name: str, prefix: str) -> str:
    """``vercel_project`` of ``vercel`` → ``Project``. ``prefix`` is the provider's type, as its resources begin."""
    short = name.removeprefix(f"{prefix}_")
    return "".join(word[:1].upper() + word[1:] for word in short.split("_") if word)


def plugin_type(type: str) -> bool:
    """Whether a type of the engine is one of a plugin: ``vercel:Project``."""
    return ":" in type


def instance_type(name: str) -> str:
    """The type of the provider instances of a provider."""
    return f"{name}.Provider"


def holds_data(name: str) -> bool:
    """Whether to delete such a resource is likely to lose data: told by the last word of its type."""
    return name.rpartition("_")[2] in _DATA_WORDS


def wire_type(schemas: Schemas, prefix: str, type: str) -> str:
    """The plugin's name of an engine's type: ``vercel:Project`` → ``vercel_project``. Raises ``UserError``."""
    short = type.partition(":")[2]
    names = schemas.data if short.startswith(DATA) else schemas.resources
    for name in names:
        if class_name(name, prefix) == short.removeprefix(DATA):
            return name
    raise UserError(f"there is no {type}", hint=did_you_mean(short, [class_name(n, prefix) for n in names]))


class _Set(Prop):
    """An argument that is secret by its schema is secret where the program reads it, whoever set it."""

    def __get__(self, obj: Resource | None, owner: type | None = None) -> Any:
        value = super().__get__(obj, owner)
        return value.as_secret() if self.secret and isinstance(value, Output) else value


class PluginResource(Resource):
    """A resource of a plugin."""

    if not TYPE_CHECKING:
        def __getattr__(self, name):
            if name.startswith("_"):
                raise AttributeError(name)
            cls = self.__class__
            near = did_you_mean(name, sorted({*cls.props, *cls.outs}))
            raise AttributeError(f"{cls.type} has no argument and no output {name!r}; {near}")


class ManagedResource(Replaceable, PluginResource):
    """A resource that a plugin manages, and does not only look up."""

    replace_when = _Set(None)


class _DataType(ResourceType):
    """To call the class of a data source is to read it."""

    if not TYPE_CHECKING:
        def __call__(cls, *args, **given):
            graph, where = current(), call_site(2)
            if len(args) != 1:
                graph.problem(f"{cls.type} takes its name first and everything else by keyword", where=where)
            name = args[0] if args else "Invalid"
            self = object.__new__(cls)
            self._look_up(graph, graph.check_name(name, cls.type, where), dict(given), graph.short(where))
            return self


class _DataSource(PluginResource, metaclass=_DataType):
    """What a plugin looks up."""


class Namespace(ModuleType):
    """``sst.providers.vercel``: a class for each type, ``data`` with the data sources, ``Provider`` for instances."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{PACKAGE}.{name}", f"The provider {name}.")
        self.__sst_provider__ = name
        self.__path__: list[str] = []

    def __getattr__(self, key: str) -> Any:
        if key.startswith("_"):
            raise AttributeError(key)
        made: Any
        name, catalogue = self.__sst_provider__, active()
        if catalogue is None or not catalogue.has(name):
            from .native import NATIVE, native_schemas
            from .simulated import open_class, open_data

            if name in NATIVE:
                made = _Data(name, native_schemas(name), name) if key == "data" else _resource_class(
                    name, key, native_schemas(name), name)
            else:
                made = open_data(name) if key == "data" else open_class(name, key)
        elif key == "data":
            made = _Data(name, catalogue.schemas(name), catalogue.lock.named(name).source.type)
        elif key == "Provider":
            made = _instance_class(name, catalogue.schemas(name).settings)
        else:
            made = _resource_class(name, key, catalogue.schemas(name), catalogue.lock.named(name).source.type)
        setattr(self, key, made)
        return made

    def __dir__(self) -> list[str]:
        name, catalogue = self.__sst_provider__, active()
        if catalogue is None or not catalogue.has(name):
            return [*super().__dir__()]
        prefix = catalogue.lock.named(name).source.type
        return sorted({*super().__dir__(), "Provider", "data",
                       *(class_name(n, prefix) for n in catalogue.schemas(name).resources)})


class _Data(ModuleType):
    """``vercel.data``: a class for each data source."""

    def __init__(self, name: str, schemas: Schemas, prefix: str) -> None:
        super().__init__(f"{PACKAGE}.{name}.data", f"The data sources of {name}.")
        self._of = name, schemas, prefix

    def __getattr__(self, key: str) -> Any:
        if key.startswith("_"):
            raise AttributeError(key)
        name, schemas, prefix = self._of
        found = _named(key, schemas.data, prefix, f"sst.providers.{name}.data has no data source")
        made = _made(key, f"{name}:{DATA}{key}", schemas.data_source(found).block, _DataSource, {})
        setattr(self, key, made)
        return made


def _named(key: str, types: Mapping[str, Any], prefix: str, problem: str) -> str:
    names = {class_name(n, prefix): n for n in types}
    if key not in names:
        raise AttributeError(f"{problem} {key!r}; {did_you_mean(key, sorted(names))}")
    return names[key]


def _resource_class(name: str, key: str, schemas: Schemas, prefix: str) -> type[Resource]:
    found = _named(key, schemas.resources, prefix, f"sst.providers.{name} has no resource")
    return _made(key, f"{name}:{key}", schemas.resource(found).block, ManagedResource,
                 {"holds_data": holds_data(found)})


def _instance_class(name: str, settings: TypeSchema) -> type[Resource]:
    return _made("Provider", instance_type(name), settings.block, ProviderInstance, {})


def _made(key: str, kind: str, block: Block, base: type[Resource], settings: dict[str, Any]) -> type[Resource]:
    body: dict[str, Any] = {"__doc__": f"``{kind}``, from the schema of its provider.", "__module__": PACKAGE}
    for name, a in block.attributes.items():
        if not a.settable:
            body[python_name(name)] = Out(secret=a.secret)
        else:
            body[python_name(name)] = _Set(secret=a.secret) if a.required else _Set(None, secret=a.secret)
    for name, n in block.blocks.items():
        body[python_name(name)] = _Set(secret=n.block.secret) if n.least and n.alone else _Set(
            None, secret=n.block.secret)
    metaclass: Any = type(base)
    made: type[Resource] = metaclass(key, (base,), body, type=kind, **settings)
    return made
