"""Anything can be linked: plain values, or a resource that has no component of its own."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from .core.component import Component
from .core.graph import current
from .core.link import Include, Link, include_of, linked
from .core.link import Linkable as LinkableThing
from .core.link_env import environment
from .core.output import Input
from .core.resource import Resource
from .errors import UserError

__all__ = ["Linkable"]

R = TypeVar("R", bound=Resource)
_Definition = Mapping[str, Any]


class Linkable(Component, kind="sst.Linkable"):
    """Values that functions can read as ``Resource.Name.key`` once they are linked.

        api = sst.Linkable("Api", properties={"url": "https://api.example.com", "version": 2})
        aws.Function("Worker", handler="src/worker.handler", link=[api])

    ``properties`` are the values, plain or outputs. ``include`` is what the link adds to who uses it:
    ``sst.permission(...)``, or a mapping with its kind under ``type``, as ``{"type": "environment", "ISSUER": url}``.
    """

    def __init__(self, name: str, *, properties: Mapping[str, Input[Any]],
                 include: Sequence[Include | Mapping[str, Any]] = ()) -> None:
        super().__init__(name)
        self.properties = dict(properties)
        self.include = tuple(include_of(entry, self.where) for entry in include)

    def link(self) -> Link:
        return Link(self.logical_name, self.kind, self.properties, self.include)

    @classmethod
    def of(cls, resource: Resource, name: str = "", *, properties: Mapping[str, Input[Any]],
           include: Sequence[Include | Mapping[str, Any]] = ()) -> Linkable:
        """A link to one resource, of any provider. Its name in ``Resource`` is ``name``, or that of the resource.

            topic = sns.Topic("News")
            link = sst.Linkable.of(topic, properties={"arn": topic.arn})
        """
        if not isinstance(resource, Resource):
            raise UserError(f"Linkable.of takes a resource, not {resource!r}",
                            hint='of plain values: sst.Linkable("Name", properties={...})')
        return cls(name or resource.__sst__.name, properties=properties, include=include)

    @staticmethod
    def wrap(kind: type[R], define: Callable[[R], _Definition]) -> None:
        """Make every resource of a kind linkable: ``define(resource)`` gives ``{"properties": ..., "include": [...]}``.

            sst.Linkable.wrap(sns.Topic, lambda t: {"properties": {"arn": t.arn},
                                                    "include": [sst.permission(["sns:Publish"], [t.arn])]})
            aws.Function("Worker", handler="src/worker.handler", link=[sns.Topic("News")])
        """
        if not isinstance(kind, type) or not issubclass(kind, Resource):
            raise UserError(f"Linkable.wrap takes a kind of resource, not {kind!r}")

        def link(self: R) -> Link:
            made = define(self)
            if not isinstance(made, Mapping) or "properties" not in made:
                raise UserError(f'Linkable.wrap of {kind.type}: the function returns {{"properties": ..., "include": '
                                '[...]}}')
            return Link(self.__sst__.name, kind.type, made["properties"],
                        tuple(include_of(entry, self.__sst__.where) for entry in made.get("include", ())))

        kind.link = link  # type: ignore[attr-defined]  # this is what wrapping means: instances become LinkableThing

    @staticmethod
    def env(links: Sequence[LinkableThing | Link]) -> dict[str, Input[str]]:
        """``SST_RESOURCE_*`` variables of some links, for a program that sst does not deploy.

            aws.Function("Other", handler="src/other.handler", environment=sst.Linkable.env([bucket]))
        """
        made = environment(current(), linked(links))
        return {**made.plain, **made.secret}
