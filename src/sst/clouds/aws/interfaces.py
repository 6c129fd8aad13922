"""Network interfaces that services leave behind in a subnet or a security group for a while.

Lambda shares its interfaces between functions, and takes them away up to 20 minutes after the last one is gone; until
then the subnet and the group can't be deleted.
https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-enis
"""
from __future__ import annotations

from ...core.provider import Note
from ...errors import ProviderError
from .table import Calls

__all__ = ["PATIENCE", "release_interfaces"]

PATIENCE = 25 * 60
"""Seconds for which interfaces of a service that takes them away by itself are waited for."""
GONE = "InvalidNetworkInterfaceID.NotFound"
LEAVING = ("AWS Lambda VPC ENI", "ELB ", "arn:aws:ecs:")
"""How the descriptions begin of interfaces that a service takes away by itself."""


def release_interfaces(provider: Calls, by: str, id: str, note: Note) -> None:
    """Delete the interfaces that nothing uses any more, and wait for those that a service still holds. ``by`` is the
    filter of `DescribeNetworkInterfaces`: ``subnet-id`` or ``group-id``. Others are left alone: the delete call will
    say that they are in the way."""
    waited = 0.0
    while True:
        answer = provider.aws.call("ec2", "describe_network_interfaces", {"Filters": [{"Name": by, "Values": [id]}]},
                                   note=note, poll=waited > 0)
        there = [i for i in answer.get("NetworkInterfaces", ()) if by == "group-id" or i.get("SubnetId") == id]
        held = [i for i in there if not _deleted(provider, i["NetworkInterfaceId"], i.get("Status", ""), note)]
        leaving = [i for i in held if i.get("Description", "").startswith(LEAVING)]
        if not leaving or waited >= PATIENCE:
            return
        if not waited or waited % 60 == 0:
            note(f"waiting for {len(leaving)} network interface{'s' * (len(leaving) > 1)} "
                 f"({leaving[0]['Description'][:60]}); up to {(PATIENCE - waited) / 60:.0f} minutes")
        provider.aws.sleep(10)
        waited += 10


def _deleted(provider: Calls, interface: str, status: str, note: Note) -> bool:
    if status != "available":
        return False
    try:
        provider.aws.call("ec2", "delete_network_interface", {"NetworkInterfaceId": interface}, note=note,
                          idempotent=True)
    except ProviderError as e:
        return e.code == GONE
    return True
