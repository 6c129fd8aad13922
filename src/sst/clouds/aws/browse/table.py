"""Items of a table: a query by keys, or a scan that says what it reads; one item as DynamoDB types it.

Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html
"""
from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ....core.browse import Act, Action, Column, Field, Item, Listing, Row
from ....core.model import State
from ....errors import ProviderError, UserError
from .resource import ResourceBrowser

if TYPE_CHECKING:
    from .calls import Calls

__all__ = ["TableBrowser"]

PAGE = 100
_TYPES = frozenset(("S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS"))
_COMPARED = 60
"""Attributes of the former item that a change is conditional on."""


class TableBrowser(ResourceBrowser):
    type = "aws.dynamodb.Table"

    def __init__(self, calls: Calls, state: State) -> None:
        self._calls, self._name = calls, str(state.values.get("name") or state.id)

    def rows(self, query: Mapping[str, str]) -> Listing:
        table = self._calls("dynamodb", "describe_table", {"TableName": self._name})["Table"]
        types = {a["AttributeName"]: a["AttributeType"] for a in table["AttributeDefinitions"]}
        indexes = {"": _keys(table), **{i["IndexName"]: _keys(i) for kind in (
            "GlobalSecondaryIndexes", "LocalSecondaryIndexes") for i in table.get(kind) or ()}}
        index = query.get("index", "")
        if index not in indexes:
            raise UserError(f"the table has no index {index}", hint=f"it has {', '.join(filter(None, indexes))}")
        params: dict[str, Any] = {"TableName": self._name, "Limit": PAGE, "ReturnConsumedCapacity": "TOTAL",
                                  **({"IndexName": index} if index else {})}
        if after := query.get("after"):
            params["ExclusiveStartKey"] = _parsed(after)
        condition = _condition(indexes[index], types, query)
        answer = self._calls("dynamodb", "query" if condition else "scan", {**params, **condition})
        keys, own = _keys(table), [k for k in indexes[index] if k not in _keys(table)]
        items = answer.get("Items", [])
        shown = [*keys, *own]
        rows = tuple(Row(_text({k: item[k] for k in keys}), (*(_plain(item.get(k)) for k in shown),
                         _short({k: v for k, v in item.items() if k not in shown}))) for item in items)
        used = (answer.get("ConsumedCapacity") or {}).get("CapacityUnits")
        cost = f", {used:g} read units" if used else ""
        note = f"A query: {len(items)} items read{cost}." if condition else \
            f"A scan: it reads the table from its beginning, {answer.get('ScannedCount', len(items))} items{cost}. " \
            "Fill in a key to query."
        return Listing((*(Column(k) for k in shown), Column("Other attributes", "json")), rows,
                       _text(answer["LastEvaluatedKey"]) if answer.get("LastEvaluatedKey") else "",
                       {"Table": self._name, "Keys": ", ".join(f"{k} ({types[k]})" for k in keys),
                        "Items": f"about {table.get('ItemCount', 0):,}"},
                       self._fields(indexes, index), self._actions(keys, types), note)

    def _fields(self, indexes: Mapping[str, list[str]], index: str) -> tuple[Field, ...]:
        keys = indexes[index]
        some = (Field("index", "Index", "choice", choices=tuple(indexes)),) if len(indexes) > 1 else ()
        sort = (Field("compare", keys[1], "choice", "=", ("=", "<", "<=", ">", ">=", "begins_with")),
                Field("sort", f"{keys[1]} value")) if len(keys) > 1 else ()
        return (*some, Field("hash", f"{keys[0]} ="), *sort)

    def _actions(self, keys: list[str], types: Mapping[str, str]) -> tuple[Action, ...]:
        empty = json.dumps({k: {types[k]: ""} for k in keys}, indent=2)
        return (Action("put", "Add an item", (Field("item", "Item", "json", empty),),
                       f"aws dynamodb put-item --table-name {self._name} --item JSON"),
                Action("partiql", "PartiQL",
                       (Field("statement", "Statement", "long", f'SELECT * FROM "{self._name}"'),),
                       "aws dynamodb execute-statement --statement TEXT"))

    def item(self, id: str) -> Item:
        answer = self._calls("dynamodb", "get_item", {"TableName": self._name, "Key": _parsed(id),
                                                      "ConsistentRead": True})
        if not (item := answer.get("Item")):
            raise UserError("there is no such item any more", hint="look at the list again")
        text = json.dumps(_shown(item), indent=2)
        command = f"aws dynamodb {{}}-item --table-name {self._name} "
        return Item(", ".join(str(_plain(v)) for v in _parsed(id).values()), text, "json",
                    facts={"Attributes": len(item), "Size": f"about {len(text):,} characters"},
                    actions=(Action("put", "Edit", (Field("item", "Item", "json", text),),
                                    command.format("put") + "--item JSON", checked=True),
                             Action("delete", "Delete", (), command.format("delete") + f"--key '{id}'",
                                    loses="The item is deleted from the table.", checked=True)))

    @property
    def acts(self) -> Mapping[str, Act]:
        return {"put": self._put, "delete": self._delete, "partiql": self._partiql}

    def _put(self, id: str, values: Mapping[str, str]) -> Any:
        """A new item must be new; a change is refused if the item is another by now than ``old``."""
        item, old = _parsed(values.get("item", "")), _parsed(values["old"]) if values.get("old") else None
        if old is None:
            table = self._calls("dynamodb", "describe_table", {"TableName": self._name})["Table"]
            names = {"#k": _keys(table)[0]}
            condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(#k)",
                                         "ExpressionAttributeNames": names}
        else:
            condition = _unchanged(old)
        self._changed("put_item", {"Item": item, **condition})
        return {"put": _shown(item)}

    def _delete(self, id: str, values: Mapping[str, str]) -> Any:
        condition = _unchanged(_parsed(values["old"])) if values.get("old") else {}
        self._changed("delete_item", {"Key": _parsed(id), **condition})
        return {"deleted": json.loads(id)}

    def _partiql(self, id: str, values: Mapping[str, str]) -> Any:
        answer = self._calls("dynamodb", "execute_statement", {"Statement": values.get("statement", ""), "Limit": PAGE})
        return {"items": [_shown(item) for item in answer.get("Items", ())], "more": "NextToken" in answer}

    def _changed(self, operation: str, params: Mapping[str, Any]) -> None:
        try:
            self._calls("dynamodb", operation, {"TableName": self._name, **params})
        except ProviderError as error:
            if error.code == "ConditionalCheckFailedException":
                raise UserError("nothing was changed: the item is another by now, or exists already",
                                hint="look at it again") from error
            raise


def _keys(table: Mapping[str, Any]) -> list[str]:
    return [k["AttributeName"] for k in sorted(table["KeySchema"], key=lambda k: str(k["KeyType"]))]


def _condition(keys: list[str], types: Mapping[str, str], query: Mapping[str, str]) -> dict[str, Any]:
    """Nothing without the partition key: then it is a scan."""
    if not query.get("hash"):
        return {}
    names, values, text = {"#h": keys[0]}, {":h": _value(types[keys[0]], query["hash"])}, "#h = :h"
    if len(keys) > 1 and query.get("sort"):
        compare = query.get("compare") or "="
        if compare not in ("=", "<", "<=", ">", ">=", "begins_with"):
            raise UserError(f"{compare} compares nothing")
        names["#s"], values[":s"] = keys[1], _value(types[keys[1]], query["sort"])
        text += " AND begins_with(#s, :s)" if compare == "begins_with" else f" AND #s {compare} :s"
    return {"KeyConditionExpression": text, "ExpressionAttributeNames": names, "ExpressionAttributeValues": values}


def _value(type: str, text: str) -> dict[str, Any]:
    return {type: b64decode(text) if type == "B" else text}


def _unchanged(old: Mapping[str, Any]) -> dict[str, Any]:
    some = list(old.items())[:_COMPARED]
    return {"ConditionExpression": " AND ".join(f"#a{n} = :a{n}" for n in range(len(some))),
            "ExpressionAttributeNames": {f"#a{n}": k for n, (k, _) in enumerate(some)},
            "ExpressionAttributeValues": {f":a{n}": v for n, (_, v) in enumerate(some)}}


def _parsed(text: str) -> dict[str, Any]:
    """An item as text, with its types: ``{"id": {"S": "a"}}``. Binary values are base64."""
    try:
        found = json.loads(text)
        return {str(k): _typed(v) for k, v in found.items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise UserError(f"this is not an item: {error}",
                        hint='attributes have types: {"id": {"S": "a"}, "n": {"N": "1"}}') from error


def _typed(value: Any) -> dict[str, Any]:
    [(type, inner)] = value.items()
    match type:
        case "B":
            return {"B": b64decode(inner)}
        case "BS":
            return {"BS": [b64decode(v) for v in inner]}
        case "M":
            return {"M": {k: _typed(v) for k, v in inner.items()}}
        case "L":
            return {"L": [_typed(v) for v in inner]}
    return {type: inner}


def _shown(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return b64encode(value).decode()
    if isinstance(value, Mapping):
        return {k: _shown(v) for k, v in value.items()}
    return [_shown(v) for v in value] if isinstance(value, list | tuple | set) else value


def _text(key: Mapping[str, Any]) -> str:
    return json.dumps(_shown(key))


def _plain(value: Any) -> str:
    """Without its type, for a cell."""
    if not isinstance(value, Mapping) or not value:
        return ""
    [(type, inner)] = value.items()
    return _short(inner) if type in ("M", "L", "SS", "NS", "BS") else str(_shown(inner))


def _short(value: Any) -> str:
    text = json.dumps(_bare(value), ensure_ascii=False)
    return text if len(text) <= 300 else text[:300] + "…"


def _bare(value: Any) -> Any:
    """JSON without DynamoDB's types."""
    if isinstance(value, Mapping):
        if len(value) == 1 and (type := next(iter(value))) in _TYPES:
            inner = value[type]
            return None if type == "NULL" else _bare(inner)
        return {k: _bare(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set):
        return [_bare(v) for v in value]
    return _shown(value)
