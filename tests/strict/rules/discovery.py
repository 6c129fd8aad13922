"""Cloud Map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.torture.proxy import Refuse

from ..account import Account
from ..request import ApiRequest
from ..rule import after, rule, shown

CREATING, DRAINING = 45.0, 30.0
"""Seconds."""
API = "https://docs.aws.amazon.com/cloud-map/latest/api"


@after("servicediscovery.CreatePrivateDnsNamespace")
def made(request: ApiRequest, account: Account) -> None:
    account.mark("namespace", str(request.params["Name"]))


@after("ecs.DeleteService")
def drained(request: ApiRequest, account: Account) -> None:
    account.mark("instances-gone", "")


@rule("servicediscovery.DeleteService", source=f"{API}/API_DeleteService.html")
def registered_instances(request: ApiRequest, account: Account) -> Refuse | None:
    """A name can't be deleted while tasks are registered under it, which ECS ends some time after the service."""
    if account.age("instances-gone", "") < DRAINING:
        return Refuse("ResourceInUse", 400, "Service contains registered instances; delete the instances before "
                      "deleting the service")
    return None


@shown("servicediscovery.ListNamespaces", source=f"{API}/API_CreatePrivateDnsNamespace.html")
def namespace_not_seen(request: ApiRequest, account: Account, answer: dict[str, Any]) -> Mapping[str, Any]:
    """A namespace is there once the operation that makes it is over, most of a minute later."""
    return {**answer, "Namespaces": [one for one in answer.get("Namespaces", ())
                                     if account.age("namespace", one["Name"]) >= CREATING]}
