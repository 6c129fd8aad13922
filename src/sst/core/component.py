"""A component: a few resources under one name, what it links, and how the user may change it."""
from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypedDict, Unpack, cast, get_args

from ..errors import SstError, UserError
from .dev_parts import DevPart
from .given import misfit, odd_keys
from .graph import current
from .model import URN
from .names import did_you_mean, snake
from .output import Output, call_site
from .resource import Declared, ProviderInstance, Resource, child_scope, paths
from .target import TargetName
from .transform import Transform, transformed

__all__ = ["Component", "Nodes", "Options"]


class Options(TypedDict, total=False):
    """Options that every component takes; its resources inherit them.

    ``protect``: refuse to delete. ``retain``: leave in the cloud when it leaves the program. ``depends_on``: deploy
    after these. ``ignore_changes``: properties whose changes are not deployed. ``alias``: the name it had before.
    ``provider``: the provider instance for its resources, or one for each of several clouds.
    """

    protect: bool
    retain: bool
    depends_on: Sequence[object]
    ignore_changes: Sequence[str]
    alias: str | Sequence[str]
    provider: ProviderInstance | Sequence[ProviderInstance]


class Nodes:
    """The children of a component by their names in snake case: ``fn.nodes.role``."""

    def __init__(self, owner: str, children: Mapping[str, Any]) -> None:
        self._owner, self._children = owner, children

    def __getattr__(self, name: str) -> Any:
        try:
            return self._children[name]
        except KeyError:
            raise AttributeError(f'"{self._owner}" has no node {name!r}; '
                                 f'{did_you_mean(name, list(self._children))}') from None

    def __iter__(self) -> Iterator[Any]:
        return iter(self._children.values())

    def __dir__(self) -> list[str]:
        return list(self._children)


class Component(metaclass=Declared):
    """Base of what users write. A subclass names its ``kind`` and declares its children in ``with
    self.scope(transform)``.

        class Topic(Component, kind="acme.Topic"):
            def __init__(self, name: str, *, size: int = 1, **options: Unpack[Options]) -> None:
                super().__init__(name, **options)
                with self.scope():
                    self.queue = sqs.Queue("Queue")
    """

    kind: ClassVar[str] = ""
    parts: ClassVar[tuple[str, ...]] = ()
    """Keys that ``transform`` may have."""
    targets: ClassVar[tuple[TargetName, ...]] = ("aws", "local")
    """Where it can be deployed."""

    logical_name: str
    urn: URN
    parent: URN | None
    where: str
    made_anew: bool = False
    """In `sst dev` a server of this machine takes its place, and what was deployed before is made of the project alone:
    it may go without a question."""

    def __init_subclass__(cls, *, kind: str = "", parts: tuple[str, ...] = (), **_: Any) -> None:
        super().__init_subclass__()
        cls.kind = kind or cls.kind
        cls.parts = parts or cls.parts

    if not TYPE_CHECKING:
        @classmethod
        def declare(cls, args: tuple[Any, ...], given: dict[str, Any], where: str) -> Component:
            graph = current()
            what = f'{cls.__name__} "{args[0] if args else given.get("name", "?")}"'
            given = graph.check_options(what, given, _options(cls), graph.short(where))
            for kind, change in graph.transforms:
                if issubclass(cls, kind):
                    args, given = _transform_args(cls, args, given, change, where)
            try:
                bound = _signature(cls).bind(None, *args, **given).arguments
            except TypeError as e:
                text = "it takes its name in the app first" if "'logical_name'" in str(e) else str(e)
                raise UserError(f"{what}: {text}", where=graph.short(where)) from None
            for option, key, known in odd_keys(cls, _signature(cls), bound):
                graph.problem(f"{option} of {what} has no option {key!r}", hint=did_you_mean(key, known), where=where)
            self = object.__new__(cls)
            self.where = graph.short(where)
            try:
                self.__init__(*args, **given)
            except SstError as e:
                e.where = e.where or graph.short(where)
                raise
            except (TypeError, AttributeError, ValueError, LookupError) as e:
                if error := misfit(cls.__init__, bound, what):
                    error.where = graph.short(where)
                    raise error from e
                raise
            return self

    def __init__(self, name: str, *, protect: bool = False, retain: bool | None = None,
                 depends_on: Sequence[object] = (),
                 ignore_changes: Sequence[str] = (), alias: str | Sequence[str] = (),
                 provider: ProviderInstance | Sequence[ProviderInstance] | None = None) -> None:
        graph = current()
        self.logical_name = graph.check_name(name, self.__class__.__name__, self.where)
        types, names, former = paths(graph.scope, self.kind, self.logical_name, alias)
        self.urn, self.parent = f"{types}::{names}", graph.scope.parent
        if not graph.target.supports(type(self)):
            graph.problem(f'{self.kind} "{names}" can\'t be deployed to stage "{graph.stage}"', where=self.where,
                          hint="declare it on other stages only: if not app.local" if graph.target.is_local else "")
        graph.add_component(self, self.where)
        given = {"protect": protect, "retain": retain, "depends_on": depends_on, "ignore_changes": ignore_changes,
                 "provider": provider}
        self._scope = replace(child_scope(graph, given, self.where), parent=self.urn, types=types, names=names,
                              aliases=former)

    @classmethod
    def existing(cls, name: str, **options: Unpack[Options]) -> Self:
        """A component around a resource that this app does not own, for its ``get``: without children yet. They are
        declared inside of its ``scope``, as read resources."""
        self = object.__new__(cls)
        self.where = current().short(call_site(2))
        Component.__init__(self, name, **options)
        return self

    @contextmanager
    def scope(self, transform: Mapping[str, object] | None = None) -> Iterator[None]:
        """Resources declared inside are children: named after the component, changed by its transforms."""
        graph = current()
        graph.check_options(f'transform of {self.__class__.__name__} "{self.logical_name}"', transform or {},
                            frozenset(self.parts), self.where)
        with graph.within(replace(self._scope, transform=cast("dict[str, Transform]", dict(transform or {})))):
            yield

    def base_of(self, kind: type[Resource], name: str) -> Output[str]:
        """The physical name that the child ``name`` of this kind is minted, to build an own name from:
        ``logs.LogGroup("LogGroup", name=f"/aws/lambda/{self.base_of(logs.LogGroup, 'LogGroup')}")``."""
        return Output.of(f"{self._scope.types}/{kind.type}::{self._scope.names}/{name}", "base")

    def provider_of(self, cloud: str) -> ProviderInstance | None:
        """The provider instance that manages its resources of a cloud; None for the default one."""
        return self._scope.providers.get(cloud)

    def dev_parts(self) -> Sequence[DevPart]:
        """What it adds to `sst dev`. Nothing by default."""
        return ()

    @property
    def nodes(self) -> Nodes:
        """The resources and components that were made for this one, to be used as any other resource."""
        graph = current()
        return Nodes(self.logical_name, {snake(c.logical_name if isinstance(c, Component) else c.__sst__.name): c
                                         for c in graph.children.get(self.urn, ())})


def _signature(cls: type[Component]) -> inspect.Signature:
    found: inspect.Signature | None = cls.__dict__.get("_signature_cache")
    if found is None:
        found = inspect.signature(cls.__init__)
        cls._signature_cache = found  # type: ignore[attr-defined]  # a cache on the class
    return found


def _options(cls: type[Component]) -> frozenset[str]:
    """The names of all arguments; ``**options: Unpack[Options]`` stands for those of the ``TypedDict``."""
    names = set[str]()
    for name, parameter in _signature(cls).parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            names |= set(_unpacked(cls, parameter.annotation).__annotations__)
        else:
            names.add(name)
    return frozenset(names - {"self"})


def _unpacked(cls: type[Component], annotation: Any) -> Any:
    """The ``TypedDict`` in ``Unpack[...]``, which is a text where annotations are not evaluated."""
    if isinstance(annotation, str):
        return cls.__init__.__globals__[annotation.removeprefix("Unpack[").removesuffix("]")]
    return get_args(annotation)[0]


def _transform_args(cls: type[Component], args: tuple[Any, ...], given: dict[str, Any], change: Transform,
                    where: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Apply an app-wide transform to a component's own arguments; all but the name become keywords."""
    order = [p for p in _signature(cls).parameters if p != "self"]
    named = {**dict(zip(order[1:], args[1:], strict=False)), **given}
    changed = transformed(named, change, where)
    return args[:1], current().check_options(f"a transform of {cls.__name__}", changed, _options(cls), where)
