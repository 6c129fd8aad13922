"""DynamoDB."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.torture.proxy import Refuse

from ..account import Account
from ..request import ApiRequest
from ..rule import after, rule, shown

UNSEEN, CREATING, UPDATING, DELETING, BACKUPS, TTL = 0.3, 5.0, 4.0, 5.0, 8.0, 3600.0
"""Seconds till a table is seen, that it is in these states, till backups can be switched on, and between two changes of
its TTL."""


def _table(request: ApiRequest) -> str:
    return str(request.params.get("TableName") or "").rpartition("/")[2]


@after("dynamodb.CreateTable")
def made(request: ApiRequest, account: Account) -> None:
    account.mark("table", _table(request))
    account.forget("ttl", _table(request))
    account._times.pop(("ttl", _table(request)), None)


@after("dynamodb.UpdateTable")
def updated(request: ApiRequest, account: Account) -> None:
    account.mark("table-update", _table(request))
    new = [u["Create"]["IndexName"] for u in request.params.get("GlobalSecondaryIndexUpdates") or () if "Create" in u]
    account.fact("table", _table(request))["index"] = new


@after("dynamodb.DeleteTable")
def removed(request: ApiRequest, account: Account) -> None:
    account.mark("table-gone", _table(request))


@after("dynamodb.UpdateTimeToLive")
def ttl_changed(request: ApiRequest, account: Account) -> None:
    account.mark("ttl", _table(request))
    account.facts["ttl", _table(request)] = dict(request.params.get("TimeToLiveSpecification") or {})


@rule(
    "dynamodb.CreateTable", source="https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DeleteTable.html"
)
def table_being_deleted(request: ApiRequest, account: Account) -> Refuse | None:
    """The name of a table is taken while it is being deleted."""
    if account.age("table-gone", _table(request)) < DELETING:
        return Refuse("ResourceInUseException", 400, f"Table already exists: {_table(request)}")
    return None


@rule(
    "dynamodb.DescribeTable",
    source="https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeTable.html",
)
def table_not_seen(request: ApiRequest, account: Account) -> Refuse | None:
    """A table is not seen right after its creation."""
    if account.age("table", _table(request)) < UNSEEN:
        return Refuse(
            "ResourceNotFoundException", 400, f"Requested resource not found: Table: {_table(request)} not found"
        )
    return None


@rule(
    "dynamodb.UpdateTable dynamodb.UpdateTimeToLive dynamodb.DeleteTable",
    source="https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html",
)
def table_in_use(request: ApiRequest, account: Account) -> Refuse | None:
    """A table that is being made or changed takes no other change."""
    name = _table(request)
    busy = (
        "created"
        if account.age("table", name) < CREATING
        else "updated"
        if account.age("table-update", name) < UPDATING
        else ""
    )
    if busy and not (busy == "updated" and request.operation == "UpdateTimeToLive"):
        return Refuse(
            "ResourceInUseException",
            400,
            f"Attempt to change a resource which is still in use: Table is being {busy}: {name}",
        )
    return None


@rule(
    "dynamodb.UpdateTable", source="https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.OnlineOps.html"
)
def one_index_at_a_time(request: ApiRequest, account: Account) -> Refuse | None:
    """Only one index is made or deleted in a call."""
    if len(request.params.get("GlobalSecondaryIndexUpdates") or ()) > 1:
        return Refuse(
            "LimitExceededException",
            400,
            "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table",
        )
    return None


@rule(
    "dynamodb.UpdateContinuousBackups",
    source="https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateContinuousBackups.html",
)
def backups_not_ready(request: ApiRequest, account: Account) -> Refuse | None:
    """Point-in-time recovery can't be switched on right after a table's creation."""
    if account.age("table", _table(request)) < BACKUPS:
        return Refuse(
            "ContinuousBackupsUnavailableException",
            400,
            f"Backups are being enabled for the table: {_table(request)}. Please retry later",
        )
    return None


@rule(
    "dynamodb.UpdateTimeToLive",
    source="https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTimeToLive.html",
)
def ttl_once_an_hour(request: ApiRequest, account: Account) -> Refuse | None:
    """A table's TTL changes once an hour, and its field only by off and on."""
    now, new = account.facts.get(("ttl", _table(request))), request.params.get("TimeToLiveSpecification") or {}
    if not now:
        return None
    if now == new or now.get("Enabled") == new.get("Enabled") is False:
        return Refuse(
            "ValidationException", 400, f"TimeToLive is already {'enabled' if new.get('Enabled') else 'disabled'}"
        )
    if account.age("ttl", _table(request)) < TTL:
        return Refuse(
            "ValidationException", 400, "Time to live has been modified multiple times within a fixed interval"
        )
    if now.get("Enabled") and now.get("AttributeName") != new.get("AttributeName"):
        return Refuse(
            "ValidationException",
            400,
            f"TimeToLive is active on a different AttributeName: current AttributeName is {now.get('AttributeName')}",
        )
    return None


@shown(
    "dynamodb.DescribeTable",
    source="https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html",
)
def status(request: ApiRequest, account: Account, answer: dict[str, Any]) -> Mapping[str, Any]:
    """TableStatus and IndexStatus tell what is going on."""
    name, table = _table(request), dict(answer.get("Table") or {})
    if account.age("table", name) < CREATING:
        table["TableStatus"] = "CREATING"
    elif account.age("table-update", name) < UPDATING:
        table["TableStatus"] = "UPDATING"
        new = account.fact("table", name).get("index", ())
        table |= (
            {
                "GlobalSecondaryIndexes": [
                    {**i, "IndexStatus": "CREATING"} if i.get("IndexName") in new else i
                    for i in table["GlobalSecondaryIndexes"]
                ]
            }
            if new and table.get("GlobalSecondaryIndexes")
            else {}
        )
    return {**answer, "Table": table}
