"""What the arguments of a site say of a cluster; `cluster_app` declares what follows from it."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from ...errors import UserError
from ...records import dataclass
from ..function.container import FunctionContainer

if TYPE_CHECKING:   # a site in a function does without them
    from ..alb import Alb
    from ..cluster import Cluster
    from ..fargate import Cpu
    from ..service import Scaling

__all__ = ["InCluster", "SiteBalancer", "base_of", "in_cluster"]


class SiteBalancer(TypedDict, total=False):
    """``domain``: the load balancer's own, ``"origin.example.com"``, for HTTPS between it and the CDN. Or
    ``instance``: an ``aws.Alb`` that several share, and the ``priority`` of the site's rule there, 1 to 50000."""

    domain: str
    instance: Alb
    priority: int


@dataclass(frozen=True)
class InCluster:
    """Where the app of a site runs, as the site's arguments say."""

    cluster: Cluster
    cpu: Cpu
    memory: str
    scaling: Scaling | None
    balancer: SiteBalancer


def in_cluster(name: str, cluster: Cluster | None, *, cpu: Cpu | None, memory: str | None, scaling: Scaling | None,
               load_balancer: SiteBalancer | None, function: Mapping[str, Any],
               language: Sequence[str] = ("python",)) -> InCluster | None:
    """The arguments that are about a cluster; None if the app runs in a function. ``function``: those that are about a
    function; of ``server`` a container takes those of its ``language`` too. Raises ``UserError`` for those that do not
    go together."""
    of_service = {"cpu": cpu, "memory": memory, "scaling": scaling, "load_balancer": load_balancer}
    if cluster is None:
        if odd := [k for k, v in of_service.items() if v is not None]:
            raise UserError(f"{odd[0]} of {name} is for an app in a cluster", hint="add cluster=cluster; or "
                            'server={"memory": "2 GB"} for its function')
        return None
    from ..cluster import check_cluster

    check_cluster(name, cluster)
    server = function.get("server") or {}
    odd = [k for k, v in function.items() if k != "server" and v] or [
        f"{k} in server" for k in server if k not in ("architecture", *language)]
    if odd:
        raise UserError(f"{odd[0]} of {name} is for an app in a function, and this one runs in a cluster",
                        hint="what an app in a cluster takes: cpu, memory, scaling, load_balancer; and architecture, "
                             f"{', '.join(language)} in server")
    return InCluster(cluster, cpu or "0.25 vCPU", memory or "0.5 GB", scaling, load_balancer or {})


def base_of(container: bool | FunctionContainer) -> str | None:
    """What the image of an app stands on, where ``container`` says it."""
    return container.get("base") if isinstance(container, Mapping) else None
