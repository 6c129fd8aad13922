"""Normal forms of what AWS stores in another form than it was sent in."""
from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["completed", "counted", "listed", "lower_headers", "merged", "normal"]

_ROOT = re.compile(r"arn:aws[\w-]*:iam::(\d{12}):root")
_LISTS = frozenset({"Action", "NotAction", "Resource", "NotResource"})


def normal(sent: Any) -> Any:
    """JSON text parsed, and in policies what AWS may store in another way: a list of one as that one, lists in another
    order, an account by its root ARN."""
    try:
        value = json.loads(sent) if isinstance(sent, str) else sent
    except ValueError:
        return sent
    return _policy(value) if isinstance(value, Mapping) and "Statement" in value else value


def _policy(document: Mapping[str, Any]) -> dict[str, Any]:
    statements = document["Statement"]
    some = [statements] if isinstance(statements, Mapping) else statements
    return {**document, "Statement": [_statement(s) for s in some]}


def _statement(statement: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for k, v in statement.items():
        if k in _LISTS:
            made[k] = _set(v)
        elif k in ("Principal", "NotPrincipal"):
            made[k] = {n: _set(p) for n, p in v.items()} if isinstance(v, Mapping) else {"AWS": _set(v)}
        elif k == "Condition":
            made[k] = {op: {name.lower(): _set(test) for name, test in tests.items()} for op, tests in v.items()}
        else:
            made[k] = v
    return made


def _set(value: Any) -> list[str]:
    some = value if isinstance(value, list | tuple) else [value]
    return sorted({_plain(v) for v in some})


def _plain(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    found = _ROOT.fullmatch(text)
    return found[1] if found else text


def completed(value: Any, defaults: Mapping[str, Any]) -> Any:
    """A mapping, or each mapping of a list, with AWS's defaults for fields that it lacks."""
    if isinstance(value, list | tuple):
        return [completed(v, defaults) for v in value]
    if not isinstance(value, Mapping):
        return value
    inside = {k: completed(value[k], d) for k, d in defaults.items() if k in value and isinstance(d, Mapping)}
    return {**defaults, **value, **inside}


def lower_headers(cors: Mapping[str, Any]) -> dict[str, Any]:
    """CORS settings with the names of headers in lower case, as Lambda and API Gateway store them."""
    return {k: [h.lower() for h in v] if k in ("AllowHeaders", "ExposeHeaders") else v for k, v in cors.items()}


def merged(there: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """What is there with our fields in it, also in mappings inside; lists of CloudFront are taken whole."""
    inside = {k: merged(there[k], v) for k, v in ours.items() if isinstance(v, Mapping) and "Quantity" not in v
              and isinstance(there.get(k), Mapping)}
    return {**there, **ours, **inside}


def counted(value: Any) -> Any:
    """Lists as CloudFront takes them: ``{"Quantity": 2, "Items": [...]}``. A mapping with ``Items`` gets its count.

    >>> counted({"Aliases": ["a.example.com"]})
    {'Aliases': {'Quantity': 1, 'Items': ['a.example.com']}}
    """
    if isinstance(value, list | tuple):
        return {"Quantity": len(value), **({"Items": [counted(v) for v in value]} if value else {})}
    if isinstance(value, Mapping) and isinstance(value.get("Items"), list | tuple):
        return {**{k: counted(v) for k, v in value.items()}, **counted(value["Items"])}
    return {k: counted(v) for k, v in value.items()} if isinstance(value, Mapping) else value


def listed(value: Any) -> Any:
    """The inverse of ``counted``; without the empty lists that CloudFront adds."""
    if not isinstance(value, Mapping):
        return [listed(v) for v in value] if isinstance(value, list | tuple) else value
    if value.keys() <= {"Quantity", "Items"} and "Quantity" in value:
        return listed(value.get("Items", []))
    plain = {k: listed(v) for k, v in value.items() if k != "Quantity"}
    return {k: v for k, v in plain.items() if v != []}
