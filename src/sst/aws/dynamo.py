"""A DynamoDB table."""
from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self, TypedDict, Unpack

from ..clouds.aws import dynamodb, lambda_
from ..core.component import Component, Options
from ..core.link import Link
from ..core.output import Input, Output
from ..core.transform import Transform
from ..errors import UserError
from .existing import TABLE, identified
from .function.subscriber import Handler, target_of
from .link_permissions import Access, grants, located
from .permissions import permission

__all__ = ["Dynamo", "DynamoSubscriber", "DynamoTransform", "GlobalIndex", "Index", "LocalIndex"]


class Index(TypedDict, total=False):
    hash_key: str
    range_key: str


class GlobalIndex(TypedDict, total=False):
    """Keys may be lists of up to four fields each; ``projection`` is ``"all"`` by default, ``"keys-only"``, or a list
    of fields."""

    hash_key: str | Sequence[str]
    range_key: str | Sequence[str]
    projection: Literal["all", "keys-only"] | Sequence[str]


class LocalIndex(TypedDict, total=False):
    range_key: str
    projection: Literal["all", "keys-only"] | Sequence[str]


class DynamoTransform(TypedDict, total=False):
    table: Transform


class SubscriberTransform(TypedDict, total=False):
    event_source_mapping: Transform


_TYPES = {"string": "S", "number": "N", "binary": "B"}
_STREAMS = {"keys-only": "KEYS_ONLY", "new-image": "NEW_IMAGE", "old-image": "OLD_IMAGE",
            "new-and-old-images": "NEW_AND_OLD_IMAGES"}
_READ_STREAM = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams")


class Dynamo(Component, kind="sst.aws.Dynamo", parts=("table",)):
    """A DynamoDB table, billed by request, with point-in-time recovery.

        table = aws.Dynamo("Photos", fields={"id": "string", "owner": "string"}, primary_index={"hash_key": "id"},
                           global_indexes={"ByOwner": {"hash_key": "owner"}}, stream="new-and-old-images")
        table.subscribe("Audit", "src/audit.handler")

    fields: the keys of its indexes and their types, ``"string"``, ``"number"`` or ``"binary"``; no other field is
    named. primary_index: can't be changed later: the table would be replaced, which is refused while it holds data.
    stream: what a change record holds; off by default. ttl: the field with the time (seconds since 1970) at which an
    item expires.

    Source: DynamoDB API CreateTable,
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html
    """

    def __init__(self, name: str, *, fields: Mapping[str, Literal["string", "number", "binary"]], primary_index: Index,
                 global_indexes: Mapping[str, GlobalIndex] | None = None,
                 local_indexes: Mapping[str, LocalIndex] | None = None,
                 stream: Literal["keys-only", "new-image", "old-image", "new-and-old-images"] | None = None,
                 ttl: str | None = None,
                 deletion_protection: bool = False, transform: DynamoTransform | None = None,
                 **options: Unpack[Options]) -> None:
        super().__init__(name, **options)
        if stream is not None and stream not in _STREAMS:
            raise UserError(f"stream can't be {stream!r}", hint=f"one of {', '.join(_STREAMS)}")
        hash_key = primary_index.get("hash_key")
        if not hash_key:
            raise UserError("primary_index needs a hash_key", hint='primary_index={"hash_key": "id"}')
        with self.scope(transform):
            self.table = dynamodb.Table(
                "Table", attribute_definitions=_attributes(fields, primary_index, global_indexes or {},
                                                           local_indexes or {}),
                key_schema=_keys(hash_key, primary_index.get("range_key")), billing_mode="PAY_PER_REQUEST",
                global_secondary_indexes=[_global(n, i) for n, i in (global_indexes or {}).items()] or None,
                local_secondary_indexes=[_local(n, hash_key, i) for n, i in (local_indexes or {}).items()] or None,
                stream_view_type=_STREAMS[stream] if stream else None, ttl=ttl, point_in_time_recovery=True,
                deletion_protection=deletion_protection or None)
        self._streams = stream is not None

    @classmethod
    def get(cls, name: str, table: Input[str], **options: Unpack[Options]) -> Self:
        """An existing table, by its name or ARN. It can be linked, its stream can be subscribed to, and it is never
        changed or deleted.

            photos = aws.Dynamo.get("Photos", "acme-photos")

        On stage ``local`` an empty table of this name stands in for it, unless there is one: its key is the text
        ``id``, and it has a stream.
        """
        self = cls.existing(name, **options)
        identified(table, TABLE)
        with self.scope():
            self.table = dynamodb.Table.get("Table", name=table.apply(_name_of) if isinstance(table, Output)
                                            else _name_of(table))
        self._streams = True
        return self

    @property
    def name(self) -> Output[str]:
        return self.table.name

    @property
    def arn(self) -> Output[str]:
        return self.table.arn

    def subscribe(self, name: str, subscriber: Handler, *, filters: Sequence[Mapping[str, Any]] = (),
                  transform: SubscriberTransform | None = None) -> DynamoSubscriber:
        """Call a function with the table's changes, from now on. The table needs a ``stream``.

            table.subscribe("Audit", "src/audit.handler", filters=[{"eventName": ["INSERT"]}])
        """
        if not self._streams:
            raise UserError(f'the table "{self.logical_name}" has no stream to subscribe to',
                            hint='add stream="new-and-old-images"')
        return DynamoSubscriber(f"{self.logical_name}{name}", subscriber=subscriber, stream_arn=self.table.stream_arn,
                                filters=filters,
                                transform=transform)

    def link(self, access: Access | None = None) -> Link:
        """The table's name, and the calls that read and write items and query indexes."""
        return Link(self.logical_name, self.kind, located(self, {"name": self.name}),
                    grants(self.kind, dynamodb.Table.actions, self.arn, access))


class DynamoSubscriber(Component, kind="sst.aws.DynamoSubscriber", parts=("event_source_mapping",)):
    """A function that follows a table's changes; made by ``Dynamo.subscribe``."""

    def __init__(self, name: str, *, subscriber: Handler, stream_arn: Input[str], filters: Sequence[Mapping[str, Any]],
                 transform: SubscriberTransform | None) -> None:
        super().__init__(name)
        with self.scope(transform):
            target = target_of(subscriber, "Function", permissions=[permission(_READ_STREAM, [stream_arn])],
                               where=self.where)
            self.function = target.function
            self.event_source_mapping = lambda_.EventSourceMapping(
                "EventSourceMapping", event_source_arn=stream_arn, function_name=target.arn, starting_position="LATEST",
                filters=[json.dumps(f, sort_keys=True) for f in filters] or None, depends_on=target.ready)


def _name_of(table: str) -> str:
    """``arn:aws:dynamodb:us-east-1:123456789012:table/photos`` → ``photos``."""
    return table.rpartition("/")[2]


def _attributes(fields: Mapping[str, str], primary: Index, glob: Mapping[str, GlobalIndex],
                local: Mapping[str, LocalIndex]) -> list[Any]:
    used = {*primary.values(), *(k for i in glob.values()
                                 for k in (*_listed(i.get("hash_key")), *_listed(i.get("range_key")))),
            *(i.get("range_key", "") for i in local.values())} - {""}
    if missing := sorted(str(u) for u in used - fields.keys()):
        raise UserError(f'an index uses the field "{missing[0]}", which fields does not name',
                        hint=f'fields={{"{missing[0]}": "string", ...}}')
    if unused := sorted(fields.keys() - used):
        raise UserError(f'the field "{unused[0]}" is in no index',
                        hint="name only the keys of indexes; a table takes any other field as it is")
    for k, v in fields.items():
        if v not in _TYPES:
            raise UserError(f'the field "{k}" can\'t be {v!r}', hint=f"one of {', '.join(_TYPES)}")
    return [{"AttributeName": k, "AttributeType": _TYPES[v]} for k, v in sorted(fields.items())]


def _listed(keys: str | Sequence[str] | None) -> list[str]:
    return [] if keys is None else [keys] if isinstance(keys, str) else list(keys)


def _keys(hash_key: str | Sequence[str], range_key: str | Sequence[str] | None) -> list[dict[str, str]]:
    return [*({"AttributeName": k, "KeyType": "HASH"} for k in _listed(hash_key)),
            *({"AttributeName": k, "KeyType": "RANGE"} for k in _listed(range_key))]


def _projection(projection: str | Sequence[str]) -> dict[str, Any]:
    if isinstance(projection, str):
        return {"ProjectionType": projection.upper().replace("-", "_")}
    return {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(projection)}


def _global(name: str, index: GlobalIndex) -> dict[str, Any]:
    return {"IndexName": name, "KeySchema": _keys(index.get("hash_key", ""), index.get("range_key")),
            "Projection": _projection(index.get("projection", "all"))}


def _local(name: str, hash_key: str, index: LocalIndex) -> dict[str, Any]:
    return {"IndexName": name, "KeySchema": _keys(hash_key, index.get("range_key")),
            "Projection": _projection(index.get("projection", "all"))}
