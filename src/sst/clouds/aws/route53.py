"""Route 53: https://docs.aws.amazon.com/Route53/latest/APIReference/Welcome.html"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...core.provider import Note
from ...core.resource import Arg, prop
from .columns import Call, Import, call
from .table import AwsResource, Calls

__all__ = ["Record"]

BUSY = ("PriorRequestNotComplete",)


class Record(AwsResource, type="aws.route53.Record", service="route53"):
    """A DNS record. ``records`` are its values, or ``alias_target`` points it at a thing of AWS. ``ttl`` is in
    seconds. A record that exists already is refused, unless ``override`` is true."""

    zone: Arg[str] = prop("HostedZoneId", replace=True, read="")
    name: Arg[str] = prop(replace=True, read="")
    type: Arg[str] = prop(replace=True, read="")
    ttl: Arg[int] = prop(default=None, read="ResourceRecordSets[0].TTL")
    records: Arg[Sequence[Any]] = prop(default=None, read="ResourceRecordSets[0].ResourceRecords[].Value")
    alias_target: Arg[Mapping[str, Any]] = prop(default=None, read="")
    override: Arg[bool] = prop(default=None, local=True)

    renamed = {"type_": "type"}
    schema_version = 1

    identity = "key"
    identifier = "$zone/$name/$type"
    create = call("change_resource_record_sets", retry=BUSY, idempotent=False)
    read = call("list_resource_record_sets", HostedZoneId="$zone", StartRecordName="$name", StartRecordType="$type",
                MaxItems="1")
    update = (call("change_resource_record_sets", properties="ttl records alias_target", retry=BUSY, idempotent=True),)
    imports = Import("aws_route53_record", "{zoneId}/{name}/{type}")
    delete = call("change_resource_record_sets", HostedZoneId="$zone", ChangeBatch="$removal", retry=BUSY)
    exists_if = "ResourceRecordSets"
    not_found_codes = ("NoSuchHostedZone", "InvalidChangeBatch")
    delete_first = True

    @classmethod
    def request(cls, provider: Calls, inputs: Mapping[str, Any], c: Call) -> dict[str, Any]:
        action = "CREATE" if c is cls.create and not inputs.get("override") else "UPSERT"
        return {"HostedZoneId": inputs["zone"], "ChangeBatch": change(action, inputs)}

    @classmethod
    def normalize(cls, answer: Mapping[str, Any], known: Mapping[str, Any]) -> Mapping[str, Any]:
        name, kind = str(known["name"]).rstrip(".").lower(), known["type"]
        return {"ResourceRecordSets": [r for r in answer.get("ResourceRecordSets", ())
                                       if r["Type"] == kind and r["Name"].rstrip(".").replace("\\052", "*") == name]}

    @classmethod
    def before_delete(cls, provider: Calls, known: dict[str, Any], note: Note) -> None:
        """A record is deleted by what it holds, which may have been changed by hand."""
        there = provider.ask(cls, cls.read, known)
        known["removal"] = ({"Changes": [{"Action": "DELETE", "ResourceRecordSet": there["ResourceRecordSets"][0]}]}
                            if there
                            else change("DELETE", known))


def change(action: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    record: dict[str, Any] = {"Name": inputs["name"], "Type": inputs["type"]}
    if inputs.get("alias_target"):
        record["AliasTarget"] = dict(inputs["alias_target"])
    else:
        record |= {"TTL": inputs.get("ttl") or 60,
                   "ResourceRecords": [{"Value": v} for v in inputs.get("records") or ()]}
    return {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
