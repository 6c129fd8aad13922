"""What is public, one class for each kind of address: a function URL, an API, a bucket. A new kind is one file here and
one line in `DOORS`."""
from __future__ import annotations

from collections.abc import Mapping

from sst.embedded.doors.api import Api, Domain
from sst.embedded.doors.bucket import S3, Bucket
from sst.embedded.doors.distribution import DistributionDoor
from sst.embedded.doors.door import Door, Request
from sst.embedded.doors.function_url import FunctionUrl
from sst.embedded.doors.load_balancer import LoadBalancer

__all__ = ["DOORS", "Door", "Request"]

DOORS: Mapping[str, Door] = {door.kind: door for door in (
    FunctionUrl(), Api("http_api"), Api("rest_api"), Api("websocket"), Domain(), Bucket(), S3(), DistributionDoor(),
    LoadBalancer())}
"""By kind, as ``clouds.address`` names it."""
