"""A resource: one object of a provider's API. Its properties and outputs are a table in the class."""
from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Self, TypeVar, dataclass_transform, overload

from ..errors import UserError
from ..records import dataclass
from .declaration import Declaration, TypeInfo
from .graph import Check, Graph, Scope, current
from .model import URN, Goal
from .names import did_you_mean, snake
from .output import Input, Output, call_site, gather
from .paths import is_path, parse
from .schema import Argument, Name, Schema
from .transform import Transform, transformed

__all__ = ["SELF", "Arg", "Out", "Prop", "ProviderInstance", "Resource", "cloud_of", "out", "prop", "schema_of"]

T = TypeVar("T")
_MISSING: Any = object()


@dataclass(eq=False)
class Prop:
    """A property: how it is named, sent and compared."""

    default: Any = _MISSING
    wire: str | None = None
    """Path in the request, ``Attributes.DelaySeconds``; the field in PascalCase by default."""
    enc: Callable[[Any], Any] | None = None
    """Turns the plain value into what is sent."""
    dec: Callable[[Any], Any] | None = None
    """Turns what a read answers back into the plain value."""
    replace: bool = False
    """A change needs a new resource."""
    limit: int | None = None
    """This is the physical name, minted if not given: at most so many characters."""
    suffix: str | Callable[[Mapping[str, Any]], str] = ""
    """End of the physical name, or a function of the inputs that gives it."""
    lower: bool = False
    secret: bool = False
    local: bool = False
    """Never sent: kept for the row's own use."""
    read: str | None = None
    """JMESPath of the value in a read's answer, if it differs from ``wire``."""
    field: str = ""

    @property
    def required(self) -> bool:
        return self.default is _MISSING and self.limit is None

    def __set_name__(self, owner: builtins.type, name: str) -> None:
        self.field = name

    def __get__(self, obj: Resource | None, owner: builtins.type | None = None) -> Any:
        return self if obj is None else Output.of(obj.__sst__.urn, self.field,
                                                      secret=self.field in obj.__sst__.secret)

    def __set__(self, obj: Resource, value: Any) -> None:
        raise AttributeError(f"{obj.__sst__.type}.{self.field} is set when the resource is declared; use a transform "
                             "to change it")


@dataclass(eq=False)
class Out:
    """An output: where it stands in the answers of the cloud."""

    path: str = ""
    """JMESPath in the answer; a row may compute it instead."""
    address: str = ""
    """It is a host or URL of this kind; stage ``local`` maps it to a loopback address."""
    volatile: bool = False
    """An update may change it, so it is unknown while one is planned."""
    secret: bool = False
    field: str = ""

    def __set_name__(self, owner: builtins.type, name: str) -> None:
        self.field = name

    def __get__(self, obj: Resource | None, owner: builtins.type | None = None) -> Any:
        return self if obj is None else Output.of(obj.__sst__.urn, self.field, secret=self.secret)


def prop(wire: str | None = None, *, default: Any = _MISSING, enc: Callable[[Any], Any] | None = None,
         dec: Callable[[Any], Any] | None = None, replace: bool = False, limit: int | None = None,
         suffix: str | Callable[[Mapping[str, Any]], str] = "", lower: bool = False, secret: bool = False,
         local: bool = False, read: str | None = None, kw_only: bool = True) -> Any:
    """Declare a property of a row; see ``Prop`` for the columns. Without ``default`` it is required."""
    return Prop(default, wire, enc, dec, replace, limit, suffix, lower, secret, local, read)


def out(path: str = "", *, address: str = "", volatile: bool = False, secret: bool = False,
        init: Literal[False] = False) -> Any:
    """Declare an output of a row; see ``Out`` for the columns."""
    return Out(path, address, volatile, secret)


class Arg(Generic[T]):
    """Type of a property: set to a value or an output, read back as an output (reading makes the edge)."""

    if TYPE_CHECKING:
        @overload
        def __get__(self, obj: None, owner: Any) -> Arg[T]: ...
        @overload
        def __get__(self, obj: object, owner: Any) -> Output[T]: ...
        def __get__(self, obj: object | None, owner: Any) -> Any: ...
        def __set__(self, obj: object, value: Input[T] | None) -> None: ...


OPTIONS = frozenset({"protect", "retain", "depends_on", "ignore_changes", "alias", "import_", "provider"})
RESERVED = OPTIONS | {"logical_name", "get", "link"}
"""No property or output has one of these names: it is declared with an underscore at its end, ``alias_``."""


class Declared(type):
    """Reports a misspelt option in the user's words instead of a bare ``TypeError``."""

    if not TYPE_CHECKING:
        def __call__(cls, *args, **given):
            return cls.declare(args, given, call_site(2))


class ResourceType(Declared):
    """The class of the classes of resources. What it defines is read from a class alone, so that a resource may have
    properties with the same names: ``Parameter.type`` is ``"aws.ssm.Parameter"``, ``parameter.type`` an output."""

    kinds: dict[str, builtins.type[Resource]] = {}
    __sst_type__: TypeInfo

    @property
    def props(cls) -> Mapping[str, Prop]:
        return cls.__sst_type__.props

    @property
    def outs(cls) -> Mapping[str, Out]:
        return cls.__sst_type__.outs

    @property
    def name_field(cls) -> str:
        """The property that is the physical name, minted if not given."""
        return next((k for k, p in cls.props.items() if p.limit), "")

    @property
    def type(cls) -> str:
        return cls.__sst_type__.type

    @property
    def holds_data(cls) -> bool:
        return cls.__sst_type__.holds_data

    if not TYPE_CHECKING:
        def __call__(cls, *args, **given):
            graph, where = current(), call_site(2)
            self = object.__new__(cls)
            if len(args) > 1 or (not args and "logical_name" not in given):
                graph.problem(f"{cls.type} takes its name first and everything else by keyword", where=where)
            name = args[0] if args else given.pop("logical_name", "Invalid")
            self._declare(graph, graph.check_name(name, cls.type, where), given, graph.short(where))
            return self


@dataclass_transform(kw_only_default=True, field_specifiers=(prop, out))
class _Model(metaclass=ResourceType):
    pass


def child_scope(graph: Graph, given: Mapping[str, Any], where: str) -> Scope:
    """The scope of what is declared now, with its own options laid over the inherited ones."""
    above = graph.scope
    if OPTIONS.isdisjoint(given):
        return above
    retain = given.get("retain")
    for k in ("depends_on", "ignore_changes"):
        if not isinstance(given.get(k) or (), list | tuple | set | frozenset):
            graph.problem(f"{k} takes a list, not {given[k]!r}", where=where)
            given = {**given, k: ()}
    if odd := [k for k in given.get("ignore_changes") or () if not is_path(k)]:
        graph.problem(f"ignore_changes takes names and paths of properties, not {odd[0]!r}", where=where,
                      hint='like "tags", "tags.owner" or "rule[0].port"')
        given = {**given, "ignore_changes": [k for k in given["ignore_changes"] if is_path(k)]}
    return Scope(parent=above.parent, types=above.types, names=above.names, aliases=above.aliases,
                 protect=bool(given.get("protect") or above.protect),
                 retain=above.retain if retain is None else bool(retain),
                 depends_on=(*above.depends_on, *(given.get("depends_on") or ())),
                 ignore_changes=(*above.ignore_changes, *(given.get("ignore_changes") or ())),
                 providers={**above.providers, **_instances(graph, given.get("provider"), where)})


def _instances(graph: Graph, given: object, where: str) -> dict[str, ProviderInstance]:
    """The option ``provider``: one instance, or one for each of several clouds."""
    found: dict[str, ProviderInstance] = {}
    for one in given if isinstance(given, list | tuple) else () if given is None else (given,):
        if isinstance(one, ProviderInstance) and cloud_of(one.__sst__.type) in found:
            graph.problem(f"provider takes one instance for each cloud, and there are two of "
                          f"{cloud_of(one.__sst__.type)}", where=where)
        elif isinstance(one, ProviderInstance):
            found[cloud_of(one.__sst__.type)] = one
        else:
            what = f"the class {one.type}" if isinstance(one, ResourceType) else repr(one)
            graph.problem(f"provider takes a provider instance, not {what}", where=where,
                          hint='us = aws.Provider("Us", region="us-east-1"), then provider=us')
    return found


@cache
def cloud_of(type: str) -> str:
    """``aws.sqs.Queue`` → ``aws``, ``vercel:Project`` → ``vercel``: whose resource it is."""
    return type.replace(":", ".").partition(".")[0]


def _without(urn: URN, deps: frozenset[URN]) -> frozenset[URN]:
    """Itself where it can be: thousands of resources share such sets."""
    return deps - {urn} if urn in deps else deps


def paths(scope: Scope, kind: str, name: str,
          alias: str | Sequence[str] | None) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    """Type path, name path, and the former (type path, name path) pairs of a declaration."""
    def join(above: str, own: str) -> str:
        return f"{above}/{own}" if above else own

    former: list[tuple[str, str]] = []
    for old in [alias] if isinstance(alias, str) else alias or ():
        types, _, names = old.rpartition("::")
        former.append((types, names) if types else (join(scope.types, kind), join(scope.names, names)))
    former += [(join(t, kind), join(n, name)) for t, n in scope.aliases]
    return join(scope.types, kind), join(scope.names, name), tuple(former)


class Resource(_Model):
    """One object of a provider's API.

        queue = sqs.Queue("Jobs", visibility_timeout=60, protect=True)
        queue.url        # Output[str]

    ``protect`` refuses its deletion, ``retain`` leaves it in the cloud when it leaves the program, ``depends_on`` adds
    edges, ``ignore_changes`` names properties whose changes are not deployed, ``alias`` names it had before,
    ``import_`` adopts an existing resource by its id (one of a plugin also by its identity, a mapping), ``provider`` is
    the provider instance that manages it.
    """

    __sst_type__: ClassVar[TypeInfo] = TypeInfo()
    __checks__: ClassVar[tuple[Check, ...]] = ()
    """Looked at once the program has ended, with all that it declares."""

    if TYPE_CHECKING:
        logical_name: str = prop(kw_only=False)
        protect: bool = prop(default=False)
        retain: bool | None = prop(default=None)
        depends_on: Sequence[object] = prop(default=())
        ignore_changes: Sequence[str] = prop(default=())
        alias: str | Sequence[str] | None = prop(default=None)
        import_: str | Mapping[str, Any] | None = prop(default=None)
        provider: object = prop(default=None)

        __sst__: Declaration = out()

    def __init_subclass__(cls, *, type: str = "", **settings: Any) -> None:
        """``settings``: fields of ``TypeInfo``, as ``holds_data=True``."""
        super().__init_subclass__()
        props = {k: v for k, v in vars(cls).items() if isinstance(v, Prop)}
        outs = {k: v for k, v in vars(cls).items() if isinstance(v, Out)}
        for k, value in vars(cls).items():
            if k in RESERVED and k in {*props, *outs}:
                raise TypeError(f"{cls.__name__}.{k} has the name of something that every resource has: declare it as "
                                f"{k.rstrip('_')}_{'_' * k.endswith('_')}")
            if k in TypeInfo.__dataclass_fields__ and k not in {*props, *outs}:
                raise TypeError(f"{k} is an argument of the class: class {cls.__name__}(..., {k}={value!r})")
        above = cls.__sst_type__
        props = {**above.props, **props}
        cls.__sst_type__ = replace(
            above, type=type or above.type, props=props, outs={**above.outs, **outs}, accepted=OPTIONS | props.keys(),
            default_values=tuple((k, None if p.default is _MISSING else p.default) for k, p in props.items()),
            required_properties=tuple(k for k, p in props.items() if p.required),
            secret_properties=frozenset(k for k, p in props.items() if p.secret), **settings)
        if type:
            Resource.kinds[type] = cls

    @classmethod
    def get(cls, logical_name: str, /, **identity: Any) -> Self:
        """An existing resource, by what identifies it. It is read, and never created, changed or deleted.

            photos = s3.Bucket.get("Photos", name="acme-photos")
            photos.arn        # Output[str]
        """
        graph = current()
        self, where = object.__new__(cls), graph.short(call_site(2))
        self._look_up(graph, graph.check_name(logical_name, cls.type, where), identity, where)
        return self

    def _look_up(self, graph: Graph, name: str, identity: dict[str, Any], where: str) -> None:
        cls = self.__class__
        types, names, _ = paths(graph.scope, cls.type, name, None)
        scope = child_scope(graph, {"provider": identity.pop("provider", None)}, where)
        given = graph.check_options(f'{cls.type} "{names}"', identity, frozenset(cls.props) | {"id"}, where)
        self.__sst__ = Declaration(f"{types}::{names}", cls.type, name, where, depends_on=scope.depends_on)
        reference, deps = _provider(cls, scope)
        graph.add(Goal(self.__sst__.urn, cls.type, {k: v for k, v in given.items() if v is not None},
                       gather(given.values())[0] | deps, scope.parent, graph.stack, where, provider=reference,
                       read=True), self)

    def _declare(self, graph: Graph, name: str, given: dict[str, Any], where: str) -> None:
        cls = self.__class__
        info = cls.__sst_type__
        types, names, former = paths(graph.scope, info.type, name, None)
        urn, props = f"{types}::{names}", info.props
        if graph.transforms or graph.scope.transform:
            given = self._transformed(graph, name, given, urn, where)
        what = f'{info.type} "{names}"'
        given = graph.check_options(what, given, info.accepted, where)
        former = paths(graph.scope, info.type, name, given.get("alias"))[2] if "alias" in given else former
        if issubclass(cls, ProviderInstance) and given.pop("provider", None) is not None:
            graph.problem(f"{what} takes no provider: it is one", where=where, hint="give its own settings")
        scope = child_scope(graph, given, where)
        for k in filter(is_path, given.get("ignore_changes") or ()):
            if (head := parse(k)[0]) not in props:
                graph.problem(f"{what} has no property {head!r} to ignore", hint=did_you_mean(str(head), sorted(props)),
                              where=where)
        inputs = {k: v for k, default in info.default_values if (v := given.get(k, default)) is not None}
        for k in info.required_properties:
            if k not in inputs:
                graph.problem(f"{what} needs {k!r}", where=where)
        try:
            deps, any_secret = gather(inputs.values())
        except UserError as e:
            graph.problem(f"{what}: {e.message}", hint=e.hint, where=where)
            inputs, deps, any_secret = {}, frozenset(), False
        secret = info.secret_properties.intersection(inputs)
        if any_secret:
            secret |= {k for k, v in inputs.items() if gather([v])[1]}
        self.__sst__ = Declaration(urn, info.type, name, where, secret, scope.depends_on)
        retain = scope.retain if scope.retain is not None else (
            graph.removal == "retain-all" or (graph.removal == "retain" and info.holds_data))
        reference, instance = _provider(cls, scope)
        if "provider" in vars(cls) and "<locals>" in cls.__qualname__:
            graph.problem(f"{cls.__name__} brings its own provider and is defined inside of a function", where=where,
                          hint="define the class at the top level of a module that sst_config.py imports: `sst remove` "
                               "does not run the program, and must find it")
        deps = _without(urn, deps | instance if instance else deps)
        graph.add(Goal(urn, info.type, inputs, deps, scope.parent, graph.stack, where, scope.protect, retain,
                       scope.ignore_changes, tuple(f"{t}::{n}" for t, n in former), given.get("import_"), secret,
                       reference), self)

    def _transformed(self, graph: Graph, name: str, given: dict[str, Any], urn: URN,
                     where: str) -> dict[str, Any]:
        changes: list[Transform] = [c for kind, c in graph.transforms if isinstance(self, kind)]
        if own := graph.scope.transform.get(snake(name)):
            changes.insert(0, own)
        if not changes:
            return given
        minted: Any = None
        name_field = self.__class__.name_field
        if name_field and name_field not in given:
            minted = given[name_field] = Output.of(urn, "base")
        for change in changes:
            given = transformed(given, change, where)
        if minted is not None and given.get(name_field) is minted:
            del given[name_field]
        return given


SELF = "sst"
"""Reference of the provider of provider instances."""


class ProviderInstance(Resource):
    """A provider with settings of its own, beside the default one of its cloud: another region, account or token.
    Resources and the state name it ``aws::Us``."""


def _provider(kind: builtins.type[Resource], scope: Scope) -> tuple[str, frozenset[URN]]:
    """The reference of the instance that manages a type here, and the instance's URN."""
    if issubclass(kind, ProviderInstance):
        return SELF, frozenset()
    cloud = cloud_of(kind.type)
    if (found := scope.providers.get(cloud)) is None:
        return cloud, frozenset()
    urn = found.__sst__.urn
    return f"{cloud}::{urn.rpartition('::')[2]}", frozenset({urn})


def schema_of(kind: builtins.type[Resource]) -> Schema:
    """The schema that a class describes."""
    found: Schema | None = kind.__dict__.get("_schema")
    if found is None:
        info, p = kind.__sst_type__, kind.props.get(kind.name_field)
        found = Schema(
            kind.type, {k: Argument(p.replace, p.required, p.secret) for k, p in kind.props.items()},
            frozenset(k for k, o in kind.outs.items() if o.secret),
            Name(kind.name_field, p.limit or 0, p.lower, p.suffix) if p else None, kind.holds_data,
            runs_once=info.runs_once, lasts=info.lasts,
            id_format=getattr(kind, "identifier", ""), version=getattr(kind, "schema_version", 0),
            stand_in=getattr(kind, "stand_in", None) is not None, digest=info.digest,
            from_bundle=info.from_bundle, monthly=getattr(kind, "monthly", None))
        kind._schema = found  # type: ignore[attr-defined]  # a cache on the class
    return found
