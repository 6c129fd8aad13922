"""Permissions: entries of kind ``aws.permission``, and the IAM statements that they become."""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from ..core.link import Include, Link
from ..core.names import did_you_mean
from ..core.output import Input, Output
from ..errors import UserError

__all__ = ["PERMISSION", "Statement", "granted", "permission", "statements"]

PERMISSION = "aws.permission"
"""The kind of entry of a link that grants calls of AWS."""
Statement: TypeAlias = Include | Mapping[str, Any]
"""What ``permissions=[...]`` takes: ``sst.permission(...)``, or a mapping with the same names."""

_KEYS = ["actions", "resources", "effect", "conditions"]


def permission(actions: Sequence[str], resources: Sequence[Input[str]], *, effect: Literal["allow", "deny"] = "allow",
               conditions: Sequence[Mapping[str, Any]] = ()) -> Include:
    """A permission for ``permissions=[...]`` of a function or ``include`` of a ``Linkable``.

        aws.Function("Api", handler="src/api.handler",
                     permissions=[sst.permission(["s3:GetObject"], [f"{bucket.arn}/*"])])

    Each condition is ``{"test": "StringEquals", "variable": "aws:PrincipalOrgID", "values": ["o-123"]}``.
    """
    given = {"actions": actions, "resources": resources, "effect": effect, "conditions": conditions}
    return Include(PERMISSION, _checked(given, ""))


def granted(links: Iterable[Link]) -> list[Statement]:
    """The permissions that links grant."""
    return [data for link in links for data in link.included(PERMISSION)]


def statements(given: Sequence[Statement], where: str = "") -> list[dict[str, Any]]:
    """IAM policy statements of permissions."""
    return [_statement(_data(entry, where)) for entry in given]


def _data(entry: Statement, where: str) -> dict[str, Any]:
    if isinstance(entry, Include):
        if entry.type != PERMISSION:
            raise UserError(f"an entry of kind {entry.type!r} is not a permission", where=where,
                            hint="permissions takes sst.permission(...); link the component that includes the entry")
        entry = entry.data
    return _checked(entry, where)


def _checked(given: Mapping[str, Any], where: str) -> dict[str, Any]:
    if not isinstance(given, Mapping) or not {"actions", "resources"} <= given.keys():
        raise UserError(f"a permission needs actions and resources: {given!r}", where=where,
                        hint='write {"actions": ["s3:GetObject"], "resources": [f"{bucket.arn}/*"]}')
    if odd := sorted(given.keys() - {*_KEYS}):
        raise UserError(f"a permission has no {odd[0]!r}", where=where, hint=did_you_mean(odd[0], _KEYS))
    for key in ("actions", "resources"):
        if isinstance(given[key], str | Output):
            raise UserError(f"the {key} of a permission are a list", where=where, hint=f'write "{key}": [...]')
    if given.get("effect", "allow") not in ("allow", "deny"):
        raise UserError(f'the effect of a permission can\'t be {given["effect"]!r}', where=where,
                        hint='"allow" or "deny"')
    return {"actions": list(given["actions"]), "resources": list(given["resources"]),
            "effect": given.get("effect", "allow"),
            "conditions": [_condition(c, where) for c in given.get("conditions", ())]}


def _condition(given: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping) or given.keys() != {"test", "variable", "values"}:
        raise UserError(f"a condition of a permission needs test, variable and values: {given!r}", where=where,
                        hint='write {"test": "StringEquals", "variable": "aws:PrincipalOrgID", "values": ["o-123"]}')
    return given


def _statement(data: Mapping[str, Any]) -> dict[str, Any]:
    made = {"Effect": data["effect"].capitalize(), "Action": data["actions"], "Resource": data["resources"]}
    conditions: dict[str, dict[str, Any]] = {}
    for one in data["conditions"]:
        conditions.setdefault(one["test"], {})[one["variable"]] = list(one["values"])
    return {**made, "Condition": conditions} if conditions else made
