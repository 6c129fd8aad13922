"""A service's name inside of its network, in Cloud Map."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from ...clouds.aws import servicediscovery
from ...core.output import Output
from ...errors import UserError
from ..cluster import Cluster, namespace_in

__all__ = ["Registered", "ServiceRegistry", "declare_registry", "registry_port"]

_TTL = 60


class ServiceRegistry(TypedDict, total=False):
    """``port``: at which its tasks answer, 1 to 65535. ``container``: which one of several listens to it."""

    port: int
    container: str


@dataclass(frozen=True)
class Registered:
    host: Output[str]
    registries: Sequence[Mapping[str, Any]]


def registry_port(given: ServiceRegistry | None, containers: Sequence[str], name: str) -> tuple[str, int] | None:
    """The container and the port that the name leads to."""
    if given is None:
        return None
    port, container = given.get("port"), given.get("container", containers[0] if len(containers) == 1 else "")
    if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= 65535:
        raise UserError(f"service_registry of {name} needs the port at which its tasks answer; it is {port!r}",
                        hint='service_registry={"port": 8080}')
    if container not in containers:
        raise UserError(f"service_registry of {name} needs one of its containers",
                        hint=f'"container": {" or ".join(f"{c!r}" for c in containers)}')
    return container, port


def declare_registry(name: str, port: int, cluster: Cluster) -> Registered:
    """Records of type A and SRV for the tasks, which live for a minute. ECS keeps them."""
    space = namespace_in(cluster)
    records = [{"Type": kind, "TTL": _TTL} for kind in ("A", "SRV")]
    made = servicediscovery.Service(
        "CloudMapService", name=name, namespace_id=space.id, namespace_name=space.name,
        dns_config={"DnsRecords": records, "RoutingPolicy": "MULTIVALUE"},
        health_check_custom_config={"FailureThreshold": 1})
    return Registered(made.host, [{"registryArn": made.arn, "port": port}])
