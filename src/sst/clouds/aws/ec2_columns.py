"""What the columns of EC2's rows have in common: errors, tags and lists."""
from __future__ import annotations

from typing import Any

from .columns import Listing, Part, Tagging, call

__all__ = ["IN_USE", "OURS", "TAGGED", "UNSEEN", "listed", "no", "spec"]


class no:
    """Codes that say that something does not exist.

    https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-error-codes.html"""

    ADDRESS = "InvalidAllocationID.NotFound"
    ASSOCIATION = "InvalidAssociationID.NotFound"
    ENDPOINT = "InvalidVpcEndpointId.NotFound"
    GATEWAY = "InvalidInternetGatewayID.NotFound"
    GROUP = "InvalidGroup.NotFound"
    INSTANCE = "InvalidInstanceID.NotFound"
    NAT = "NatGatewayNotFound"
    ROUTE = "InvalidRoute.NotFound"
    SUBNET = "InvalidSubnetID.NotFound"
    TABLE = "InvalidRouteTableID.NotFound"
    VPC = "InvalidVpcID.NotFound"


UNSEEN = (no.VPC, no.SUBNET, no.TABLE, no.GATEWAY, no.GROUP, no.NAT, no.ADDRESS, "InvalidGatewayID.NotFound")
"""What was made a moment ago is not seen everywhere yet.
Source: https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html"""
IN_USE = ("DependencyViolation",)
TAGGED = Tagging(wire="", add=call("create_tags", Resources=["$id"], Tags="$tags"),
                 remove=call("delete_tags", Resources=["$id"], Tags="$tag_list"))
OURS = [{"Name": "tag:sst:lineage", "Values": ["$lineage"]}]
"""A filter for what this state has made."""


def spec(kind: str) -> list[dict[str, Any]]:
    """Tags that are set by the create call itself."""
    return [{"ResourceType": kind, "Tags": "$tags"}]


def listed(op: str, items: str, id: str, order: int, parts: tuple[Part, ...] = ()) -> Listing:
    """How `sst orphans` lists a type; pages follow ``NextToken``."""
    return Listing(op, f"{items}.{{id: {id}, tags: Tags}}", ("NextToken", "NextToken"), order=order, parts=parts)
