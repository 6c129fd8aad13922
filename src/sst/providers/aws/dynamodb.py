"""DynamoDB: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/Welcome.html"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...core.output import Output
from ...core.resource import Arg, out, prop
from .table import AwsResource, Call, Tagging, call

__all__ = ["Table"]

BUSY = ("ResourceInUseException", "LimitExceededException", "ContinuousBackupsUnavailableException",
        "ResourceNotFoundException: not yet", "ValidationException: updating")


class Table(AwsResource, type="aws.dynamodb.Table", service="dynamodb"):
    """A table. ``stream_view_type`` switches its stream on; ``ttl`` names the field by which items expire."""

    name: Arg[str] = prop("TableName", limit=255, replace=True, default=None)
    attribute_definitions: Arg[Sequence[Mapping[str, Any]]] = prop()
    key_schema: Arg[Sequence[Mapping[str, Any]]] = prop(replace=True)
    billing_mode: Arg[str] = prop(default="PAY_PER_REQUEST", read="Table.BillingModeSummary.BillingMode")
    global_secondary_indexes: Arg[Sequence[Mapping[str, Any]]] = prop(default=None, read="")
    local_secondary_indexes: Arg[Sequence[Mapping[str, Any]]] = prop(default=None, replace=True, read="")
    stream_view_type: Arg[str] = prop("StreamSpecification.StreamViewType", default=None)
    deletion_protection: Arg[bool] = prop("DeletionProtectionEnabled", default=None)
    ttl: Arg[str] = prop("TimeToLiveSpecification.AttributeName", default=None, read="")
    point_in_time_recovery: Arg[bool] = prop("PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled", default=None, read="")
    tags: Arg[Mapping[str, str]] = prop(default=None)

    arn: Output[str] = out("=arn:$partition:dynamodb:$region:$account:table/$name")
    stream_arn: Output[str] = out("TableDescription.LatestStreamArn || Table.LatestStreamArn", volatile=True)

    holds_data = True
    create = call("create_table", wait="table_exists", wait_on="TableName")
    read = call("describe_table", TableName="$name")
    reads = "Table"
    update = (
        call("update_table", only="attribute_definitions global_secondary_indexes", TableName="$name", retry=BUSY),
        call("update_table", only="billing_mode deletion_protection", TableName="$name", retry=BUSY, idempotent=True),
        call("update_table", only="stream_view_type", TableName="$name", retry=BUSY),
        call("update_time_to_live", only="ttl", also=True, TableName="$name", retry=BUSY, idempotent=True),
        call("update_continuous_backups", only="point_in_time_recovery", also=True, TableName="$name", retry=BUSY, idempotent=True))
    empty = {"deletion_protection": False, "point_in_time_recovery": False}
    unset = {"ttl": call("update_time_to_live", TableName="$name", TimeToLiveSpecification={"AttributeName": "$ttl_was", "Enabled": False}),
             "stream_view_type": call("update_table", TableName="$name", StreamSpecification={"StreamEnabled": False})}
    delete = call("delete_table", TableName="$name", retry=("ResourceInUseException",))
    gone = ("ResourceNotFoundException",)
    tagging = Tagging(add=call("tag_resource", ResourceArn="$arn", Tags="$tags"),
                      remove=call("untag_resource", ResourceArn="$arn", TagKeys="$tag_keys"))

    @classmethod
    def request(cls, provider: Any, inputs: Mapping[str, Any], c: Call) -> dict[str, Any]:
        made = super().request(provider, inputs, c)
        if "StreamSpecification" in made:
            made["StreamSpecification"]["StreamEnabled"] = True
        if "TimeToLiveSpecification" in made:
            made["TimeToLiveSpecification"]["Enabled"] = True
        return made
