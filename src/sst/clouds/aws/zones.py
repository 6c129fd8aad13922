"""Availability zones: which an account has in a region."""
from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from ...errors import UserError

if TYPE_CHECKING:
    from .client import Aws

__all__ = ["zone"]

_asking = Lock()
_known: WeakKeyDictionary[Aws, dict[str, list[str]]] = WeakKeyDictionary()


def zone(aws: Aws, number: int, region: str | None = None) -> str:
    """The name of a zone by its number, from 0, in the order of their names. They are asked for once. Raises
    ``UserError`` if there are not so many.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAvailabilityZones.html
    """
    where = region or aws.region
    with _asking:
        found = _known.setdefault(aws, {})
        if where not in found:
            answer = aws.call("ec2", "describe_availability_zones", {"Filters": [
                {"Name": "opt-in-status", "Values": ["opt-in-not-required"]},
                {"Name": "state", "Values": ["available"]}]}, region=region)
            found[where] = sorted(z["ZoneName"] for z in answer["AvailabilityZones"])
    if number >= len(found[where]):
        raise UserError(f"{where} has {len(found[where])} availability zones: {', '.join(found[where])}",
                        hint="az=... of the Vpc: fewer of them, or their names")
    return found[where][number]
