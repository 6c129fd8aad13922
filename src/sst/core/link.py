"""Links: what a function, service or command that uses a component reads of it, and what it may do with it."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any, Protocol, TypeAlias, runtime_checkable

from ..errors import UserError
from ..records import dataclass
from .given import shown
from .output import Input

__all__ = ["Include", "Link", "LinkItem", "Linkable", "include_of", "linked"]


@dataclass(frozen=True)
class Include:
    """What a link adds to the process that uses it, beside properties for ``Resource``.

    ``type`` is its kind, ``data`` what the kind needs. Who renders a kind takes its own and leaves the others alone:
    ``aws.permission`` becomes a statement of a role (``aws/permissions.py``), ``environment`` holds variables of the
    process (``core/link_env.py``), ``cloudflare.binding`` becomes a binding of a Worker.
    """

    type: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Link:
    """What linking a component gives: properties for ``Resource.Name``, and entries by kind."""

    name: str
    type: str
    properties: Mapping[str, Input[Any]] = field(default_factory=dict)
    include: tuple[Include, ...] = ()

    def link(self) -> Link:
        return self

    def included(self, kind: str) -> list[Mapping[str, Any]]:
        """The data of the entries of one kind, in order."""
        return [entry.data for entry in self.include if entry.type == kind]


@runtime_checkable
class Linkable(Protocol):
    """Anything with a ``link()``: components, ``sst.Linkable``, ``sst.Secret``, or a narrowed
    ``bucket.link(access="read")``."""

    def link(self) -> Link: ...


LinkItem: TypeAlias = Linkable | Link


def include_of(given: Include | Mapping[str, Any], where: str = "") -> Include:
    """An entry of ``include=[...]``: what ``sst.permission(...)`` returns, or a mapping with its kind under ``type``:
    ``{"type": "environment", "ISSUER": auth.url}``."""
    if isinstance(given, Include):
        return given
    if not isinstance(given, Mapping) or not isinstance(given.get("type"), str):
        raise UserError(f"{given!r} can't be included in a link", where=where,
                        hint='include takes sst.permission(...), or a mapping with a type: {"type": "environment", '
                             '"KEY": "value"}')
    return Include(given["type"], {k: v for k, v in given.items() if k != "type"})


def _named(item: object) -> str:
    declared = getattr(item, "__sst__", None)
    if isinstance(item, type) or declared is None:
        return repr(item)
    return f'{declared.type} "{declared.name}"'


def linked(items: Sequence[Any], where: str = "") -> list[Link]:
    """The links of a ``link=[...]`` argument, in order, each once by name."""
    if isinstance(items, str) or not isinstance(items, Iterable):
        raise UserError(f"link takes a list, not {shown(items)}", where=where, hint="link=[bucket, table]")
    found: dict[str, Link] = {}
    for item in items:
        if item is None:
            raise UserError("link holds None", where=where, hint="a variable in the list was never set to a component")
        if isinstance(item, type) or not isinstance(item, Linkable):
            raise UserError(f"{_named(item)} can't be linked", where=where,
                            hint="link takes components, sst.Secret, sst.Linkable, or what their .link(...) returns; "
                                 "wrap anything else: sst.Linkable(name, properties={...})")
        link = item.link()
        if link.name in found:
            link = _merged(found[link.name], link, where)
        found[link.name] = link
    return list(found.values())


def _merged(one: Link, two: Link, where: str) -> Link:
    if one.type != two.type:
        raise UserError(f'two linked things are named "{one.name}"', where=where)
    # by their text, for outputs can't be compared
    return Link(one.name, one.type, {**one.properties, **two.properties},
                tuple({repr(entry): entry for entry in (*one.include, *two.include)}.values()))
