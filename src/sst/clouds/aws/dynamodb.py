"""DynamoDB: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/Welcome.html"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...core.model import State
from ...core.output import Output
from ...core.provider import Note
from ...core.resource import Arg, out, prop
from ...errors import ProviderError
from .columns import Call, Import, Listing, Tagging, call, grant
from .dynamodb_limits import indexes_fit
from .table import AwsResource, Calls

__all__ = ["Table"]

BUSY = ("ResourceInUseException", "LimitExceededException", "ContinuousBackupsUnavailableException",
        "ResourceNotFoundException: not yet", "ValidationException: updating")
SAME = ("ValidationException: already", "ValidationException: unchanged", "ValidationException: no changes",
        "ValidationException: at least one of")
"""DynamoDB refuses to switch on what is on."""
TTL_BUSY = (*BUSY, "ValidationException: modified multiple times", "ValidationException: different AttributeName")
TTL_PATIENCE = 3900
"""Seconds: the TTL of a table changes once an hour.
Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTimeToLive.html"""
ARN = "arn:$partition:dynamodb:$region:$account:table/$name"
READ = (grant("dynamodb:GetItem dynamodb:BatchGetItem dynamodb:Query dynamodb:Scan dynamodb:ConditionCheckItem "
              "dynamodb:PartiQLSelect", "", "/index/*"), grant("dynamodb:DescribeTable"))
WRITE = (grant("dynamodb:PutItem dynamodb:UpdateItem dynamodb:DeleteItem dynamodb:BatchWriteItem "
               "dynamodb:PartiQLInsert "
               "dynamodb:PartiQLUpdate dynamodb:PartiQLDelete"),)


def _ttl(told: Mapping[str, Any]) -> str | None:
    """The field by which items expire, if they do."""
    return told["field"] if told["status"] in ("ENABLED", "ENABLING") else None


def _plain(indexes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Indexes as they were asked for, without what only a read shows."""
    return [{k: i[k] for k in ("IndexName", "KeySchema", "Projection")}
            for i in indexes if i.get("IndexStatus") != "DELETING"]


class Table(AwsResource, type="aws.dynamodb.Table", service="dynamodb", holds_data=True):
    """A table. ``stream_view_type`` switches its stream on; ``ttl`` names the field by which items expire."""

    __checks__ = (*AwsResource.__checks__, indexes_fit)
    names = (r"[A-Za-z0-9_.-]{3,}", "3 or more letters, digits, dots, hyphens and underscores")
    name: Arg[str] = prop("TableName", limit=255, replace=True, default=None)
    attribute_definitions: Arg[Sequence[Mapping[str, Any]]] = prop()
    key_schema: Arg[Sequence[Mapping[str, Any]]] = prop(replace=True)
    billing_mode: Arg[str] = prop(default="PAY_PER_REQUEST", read="Table.BillingModeSummary.BillingMode")
    global_secondary_indexes: Arg[Sequence[Mapping[str, Any]]] = prop(default=None, dec=_plain)
    local_secondary_indexes: Arg[Sequence[Mapping[str, Any]]] = prop(default=None, replace=True, read="")
    stream_view_type: Arg[str] = prop("StreamSpecification.StreamViewType", default=None)
    deletion_protection: Arg[bool] = prop("DeletionProtectionEnabled", default=None)
    ttl: Arg[str] = prop("TimeToLiveSpecification.AttributeName", default=None, dec=_ttl,
                         read="Ttl.TimeToLiveDescription.{status: TimeToLiveStatus, field: AttributeName}")
    point_in_time_recovery: Arg[bool] = prop(
        "PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled", default=None,
        dec=lambda status: status == "ENABLED",
        read="Backups.ContinuousBackupsDescription.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus")
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out(f"={ARN}")
    stream_arn: Output[str] = out("TableDescription.LatestStreamArn || Table.LatestStreamArn", volatile=True)

    stand_in = {"attribute_definitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "key_schema": [{"AttributeName": "id", "KeyType": "HASH"}], "billing_mode": "PAY_PER_REQUEST",
                "stream_view_type": "NEW_AND_OLD_IMAGES"}
    # https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
    event_source = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator",
                    "dynamodb:ListStreams")
    create = call("create_table", retry=("LimitExceededException",), wait="table_exists",
                  wait_on={"TableName": "$name"})
    read = call("describe_table", TableName="$name")
    response_root = "Table"
    extra_reads = {"Ttl": call("describe_time_to_live", TableName="$name"),
            "Backups": call("describe_continuous_backups", TableName="$name")}
    omitted_when_unset = frozenset({"ttl", "global_secondary_indexes", "stream_view_type"})
    update = (
        call("update_table", properties="billing_mode", TableName="$name", retry=BUSY, benign_codes=SAME,
             idempotent=True),
        call("update_table", properties="deletion_protection", TableName="$name", retry=BUSY, benign_codes=SAME,
             idempotent=True),
        call("update_table", properties="stream_view_type", TableName="$name", retry=BUSY, benign_codes=SAME),
        call("update_time_to_live", properties="ttl", after_create=True, TableName="$name", retry=TTL_BUSY,
             patience=TTL_PATIENCE, benign_codes=SAME, idempotent=True),
        call("update_continuous_backups", properties="point_in_time_recovery", after_create=True, TableName="$name",
             retry=BUSY,
             idempotent=True))
    sticky = frozenset({"global_secondary_indexes"})
    reset_value = {"deletion_protection": False, "point_in_time_recovery": False}
    reset_call = {"ttl": call("update_time_to_live", TableName="$name", retry=TTL_BUSY, patience=TTL_PATIENCE,
                         benign_codes=SAME, TimeToLiveSpecification={"AttributeName": "$ttl_was", "Enabled": False}),
             "stream_view_type": call("update_table", TableName="$name", retry=BUSY, benign_codes=SAME,
                                      StreamSpecification={"StreamEnabled": False})}
    delete = call("delete_table", TableName="$name", retry=("ResourceInUseException",), wait="table_not_exists",
                  wait_on={"TableName": "$name"})
    not_found_codes = ("ResourceNotFoundException",)
    tagging = Tagging(add=call("tag_resource", ResourceArn="$arn", Tags="$tags"),
                      remove=call("untag_resource", ResourceArn="$arn", TagKeys="$tag_keys"),
                      show=call("list_tags_of_resource", ResourceArn="$arn"))
    listing = Listing("list_tables", "TableNames[].{name: @}", ("LastEvaluatedTableName", "ExclusiveStartTableName"),
                      {},
                      call("list_tags_of_resource", ResourceArn=ARN), ARN, complete=True)
    imports = Import("aws_dynamodb_table", "{name}")
    actions = {"read": READ, "write": WRITE, "read-write": READ + WRITE, "full": (grant("dynamodb:*", "", "/*"),)}

    @classmethod
    def request(cls, provider: Calls, inputs: Mapping[str, Any], c: Call) -> dict[str, Any]:
        made = super().request(provider, inputs, c)
        if "StreamSpecification" in made:
            made["StreamSpecification"]["StreamEnabled"] = True
        if "TimeToLiveSpecification" in made:
            made["TimeToLiveSpecification"]["Enabled"] = True
        return made

    @classmethod
    def updatable(cls) -> frozenset[str]:
        return super().updatable() | {"attribute_definitions", "global_secondary_indexes"}

    @classmethod
    def equal(cls, key: str, asked: Any, seen: Any) -> bool:
        """Indexes and attributes are told in any order."""
        if key == "global_secondary_indexes" and seen:
            have, want = ({i["IndexName"]: i for i in some} for some in (seen, asked or ()))
            return have.keys() == want.keys() and all(_same_index(i, want[n]) for n, i in have.items())
        if key == "attribute_definitions" and seen:
            want, have = ({a["AttributeName"]: a["AttributeType"] for a in some} for some in (asked, seen))
            return want == have
        return super().equal(key, asked, seen)

    @classmethod
    def fixed_by(cls, was: Mapping[str, Any], now: Mapping[str, Any]) -> frozenset[str]:
        """Keys of the table and of local indexes keep their types; global indexes are made anew."""
        keys = [now.get("key_schema"), *(i.get("KeySchema") for i in now.get("local_secondary_indexes") or ()
                                         if isinstance(i, Mapping))]
        changed = _other_types(was, now) & {f for schema in keys for f in _fields(schema)}
        return frozenset({"attribute_definitions"} if changed else ())

    @classmethod
    def warnings(cls, was: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
        other = was.get("ttl") and now.get("ttl") and was["ttl"] != now["ttl"]
        return ("DynamoDB changes the TTL of a table once an hour: the deploy waits for an hour",) if other else ()

    @classmethod
    def custom_update(cls, provider: Calls, state: State, inputs: Mapping[str, Any], changed: frozenset[str],
               known: Mapping[str, Any], note: Note) -> frozenset[str]:
        """Indexes change one at a time, each when the one before is ready. A stream's view and the field of the TTL
        change by switching them off and on."""
        was, view = state.inputs.get("stream_view_type"), inputs.get("stream_view_type")
        if was and view and was != view:
            provider.send(cls, cls.reset_call["stream_view_type"], known, {}, note)
            _indexes(provider, known, note)
        if state.inputs.get("ttl") and inputs.get("ttl") and "ttl" in changed:
            note("DynamoDB changes a TTL once an hour: it is switched off, and on again with the new field")
            provider.send(cls, cls.reset_call["ttl"], known, {}, note)
        if not changed & {"global_secondary_indexes", "attribute_definitions"}:
            return frozenset()
        there = _indexes(provider, known, note)
        want = {i["IndexName"]: i for i in inputs.get("global_secondary_indexes") or ()}
        other = _other_types(state.inputs, inputs)
        stale = [n for n, i in there.items()
                 if n not in want or not _same_index(i, want[n]) or other & _fields(i["KeySchema"])]
        fields = {"AttributeDefinitions": inputs["attribute_definitions"]}
        for request in ([{"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": n}}]} for n in stale]
                        + [{**fields, "GlobalSecondaryIndexUpdates": [{"Create": i}]} for n, i in want.items()
                           if n in stale or n not in there]):
            provider.send(cls, call("update_table", TableName="$name", retry=BUSY), known, request, note)
            _indexes(provider, known, note)
        return frozenset({"global_secondary_indexes", "attribute_definitions"})


def _indexes(provider: Calls, known: Mapping[str, Any], note: Note) -> dict[str, Mapping[str, Any]]:
    """The indexes there are, once the table and all of them are at rest."""
    for turn in range(1000):
        table = provider.aws.call("dynamodb", "describe_table", {"TableName": known["name"]},
                                  region=known.get("region_asked"),
                                  poll=True)["Table"]
        found = {i["IndexName"]: i for i in table.get("GlobalSecondaryIndexes", ())}
        busy = [n for n, i in found.items() if i.get("IndexStatus", "ACTIVE") != "ACTIVE"]
        if not busy and table.get("TableStatus") == "ACTIVE":
            return found
        if turn == 3:
            note(f"waiting for the index {busy[0]}" if busy else "waiting for the table")
        provider.aws.sleep(min(0.1 * 2 ** turn, 10))
    raise ProviderError("an index is still not active", code="WaiterTimeout", operation="dynamodb describe_table")


def _fields(schema: Any) -> set[str]:
    return {str(k["AttributeName"]) for k in schema or () if isinstance(k, Mapping)}


def _other_types(was: Mapping[str, Any], now: Mapping[str, Any]) -> set[str]:
    """The fields that had another type."""
    before, after = ({str(a["AttributeName"]): a["AttributeType"] for a in some.get("attribute_definitions") or ()
                      if isinstance(a, Mapping)} for some in (was, now))
    return {f for f, kind in after.items() if before.get(f, kind) != kind}


def _same_index(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    return all(a.get(k) == b.get(k) for k in ("KeySchema", "Projection"))
