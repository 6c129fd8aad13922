"""What DynamoDB would refuse of a table's keys and indexes, found once the program has ended.

Sources: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html,
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
"""
from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...core.graph import Graph
from ...core.model import Goal
from ...core.output import Output, leaves
from .limits import name_of

__all__ = ["indexes_fit"]

_NAME = re.compile(r"[A-Za-z0-9_.-]{3,255}", re.ASCII)
_LOCAL, _FIELDS, _ALL_FIELDS, _KEY_LENGTH = 5, 20, 100, 255


def indexes_fit(graph: Graph, goal: Goal) -> None:
    """Names, keys and projections of a table's indexes. What is known only after a deploy is not judged."""
    parts = [goal.inputs.get(k) for k in ("key_schema", "global_secondary_indexes", "local_secondary_indexes")]
    if any(isinstance(p, Output) or next(leaves(p), None) is not None for p in parts):
        return
    keys, every, local = ([dict(i) for i in p or ()] for p in parts)
    for problem, hint in (*_table(keys, local), *_each(every, local), *_fields(keys, [*every, *local])):
        graph.problem(f"the table {name_of(goal)} {problem}", where=goal.where, hint=hint)


def _table(keys: Sequence[Mapping[str, Any]], local: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    if twice := _twice(keys):
        yield f'has the field "{twice}" as hash key and as range key', "name two fields, or leave out the range key"
    if local and not any(k.get("KeyType") == "RANGE" for k in keys):
        yield "has a local index and no range key", "a local index sorts the items of one hash key in another order"
    if len(local) > _LOCAL:
        yield f"has {len(local)} local indexes", f"at most {_LOCAL}"


def _each(every: Sequence[Mapping[str, Any]], local: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    seen = set[str]()
    for index in (*every, *local):
        name = str(index.get("IndexName", ""))
        if not _NAME.fullmatch(name):
            yield f'has an index "{name}", a name that DynamoDB does not take', (
                "3 to 255 letters, digits, underscores, dots and hyphens")
        if name in seen:
            yield f'has two indexes named "{name}"', "global and local indexes share their names"
        seen.add(name)
        if twice := _twice(index.get("KeySchema", ())):
            yield f'has the field "{twice}" twice in the keys of the index "{name}"', "leave out one of them"
        if index in local and not any(k.get("KeyType") == "RANGE" for k in index.get("KeySchema", ())):
            yield f'has a local index "{name}" without a range key', "name the field that it sorts by"
        projection = index.get("Projection", {})
        fields = list(projection.get("NonKeyAttributes") or ())
        kind = projection.get("ProjectionType")
        if kind not in ("ALL", "KEYS_ONLY", "INCLUDE"):
            yield f'has an index "{name}" with the projection {str(kind).lower()!r}', (
                '"all", "keys-only" or a list of fields')
        elif kind == "INCLUDE" and not fields:
            yield f'has an index "{name}" that includes no fields', 'projection="keys-only"'
        elif len(fields) > _FIELDS:
            yield f'has an index "{name}" that includes {len(fields)} fields', f'at most {_FIELDS}, or "all"'


def _fields(keys: Sequence[Mapping[str, Any]], indexes: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    count = sum(len(i.get("Projection", {}).get("NonKeyAttributes") or ()) for i in indexes)
    if count > _ALL_FIELDS:
        yield f"has indexes that include {count} fields in all", f'at most {_ALL_FIELDS}; use projection="all"'
    names = {str(k.get("AttributeName", "")) for i in ({"KeySchema": keys}, *indexes) for k in i.get("KeySchema", ())}
    if long := sorted(n for n in names if not 1 <= len(n.encode()) <= _KEY_LENGTH):
        yield f'has a key "{long[0][:40]}" of {len(long[0].encode())} bytes', f"1 to {_KEY_LENGTH}"


def _twice(keys: Sequence[Mapping[str, Any]]) -> str:
    names = [str(k.get("AttributeName", "")) for k in keys]
    return next((n for n in names if names.count(n) > 1), "")
