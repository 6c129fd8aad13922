"""Links: what a function that uses a thing gets to know of it, and may do with it."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

from ..errors import UserError
from .output import Input

__all__ = ["Link", "LinkItem", "Linkable", "Permission", "Statement", "linked", "permission", "statements"]


@dataclass(frozen=True)
class Permission:
    """One statement of an IAM policy. ``conditions`` are (operator, key, values) triples."""

    actions: tuple[str, ...]
    resources: tuple[Input[str], ...]
    effect: Literal["allow", "deny"] = "allow"
    conditions: tuple[tuple[str, str, tuple[Input[str], ...]], ...] = ()


@dataclass(frozen=True)
class Link:
    """What linking a thing gives: properties for ``Resource.Name``, permissions, extra environment."""

    name: str
    type: str
    properties: Mapping[str, Input[Any]] = field(default_factory=dict)
    permissions: tuple[Permission, ...] = ()
    environment: Mapping[str, Input[str]] = field(default_factory=dict)

    def link(self) -> Link:
        return self


@runtime_checkable
class Linkable(Protocol):
    """Anything with a ``link()``: components, ``sst.Linkable``, ``sst.Secret``, or a narrowed
    ``bucket.link(access="read")``."""

    def link(self) -> Link: ...


LinkItem: TypeAlias = Linkable | Link
Statement: TypeAlias = Permission | Mapping[str, Any]


def permission(actions: Sequence[str], resources: Sequence[Input[str]], *, effect: Literal["allow", "deny"] = "allow",
               conditions: Sequence[Mapping[str, Any]] = ()) -> Permission:
    """A permission for ``permissions=[...]`` of a function or ``include`` of a ``Linkable``.

        aws.Function("Api", handler="src/api.handler", permissions=[sst.permission(["s3:GetObject"],
        [f"{bucket.arn}/*"])])
    """
    return Permission(tuple(actions), tuple(resources), effect,
                      tuple((c["test"], c["variable"], tuple(c["values"])) for c in conditions))


def linked(items: Sequence[Any], where: str = "") -> list[Link]:
    """The links of a ``link=[...]`` argument, in order, each once by name."""
    found: dict[str, Link] = {}
    for item in items:
        if item is None:
            raise UserError("link holds None", where=where, hint="a variable in the list was never set to a component")
        if isinstance(item, type) or not isinstance(item, Linkable):
            raise UserError(f"{item!r} can't be linked", where=where,
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
    return Link(one.name, one.type, {**one.properties, **two.properties},
                tuple({_key(p): p for p in (*one.permissions, *two.permissions)}.values()),
                {**one.environment, **two.environment})


def _key(p: Permission) -> str:
    """Equal for equal permissions; outputs can't be compared."""
    return repr((p.actions, p.resources, p.effect, p.conditions))


def statements(granted: Sequence[Statement], where: str = "") -> list[dict[str, Any]]:
    """IAM policy statements of permissions, given as ``Permission`` or as a mapping with the same names."""
    return [_statement(p if isinstance(p, Permission) else _from_mapping(p, where)) for p in granted]


def _from_mapping(given: Mapping[str, Any], where: str) -> Permission:
    if not isinstance(given, Mapping) or not {"actions", "resources"} <= given.keys():
        raise UserError(f"a permission needs actions and resources: {given!r}", where=where,
                        hint='write {"actions": ["s3:GetObject"], "resources": [f"{bucket.arn}/*"]}')
    if odd := given.keys() - {"actions", "resources", "effect", "conditions"}:
        raise UserError(f"a permission has no {sorted(odd)[0]!r}", where=where)
    return permission(given["actions"], given["resources"], effect=given.get("effect", "allow"),
                      conditions=given.get("conditions", ()))


def _statement(p: Permission) -> dict[str, Any]:
    made: dict[str, Any] = {"Effect": p.effect.capitalize(), "Action": list(p.actions), "Resource": list(p.resources)}
    conditions: dict[str, dict[str, Any]] = {}
    for test, variable, values in p.conditions:
        conditions.setdefault(test, {})[variable] = list(values)
    return {**made, "Condition": conditions} if conditions else made
