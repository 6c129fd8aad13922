"""The names that services have inside of a network: one namespace of Cloud Map, made for the first that asks."""
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...clouds.aws import servicediscovery
from ...core.graph import current
from ...core.output import Input

if TYPE_CHECKING:
    from . import Vpc

__all__ = ["Namespace", "namespace_of"]


@dataclass(frozen=True)
class Namespace:
    id: Input[str]
    name: Input[str]


def namespace_of(vpc: Vpc) -> Namespace:
    """``<stage>.<app>.sst``, as the end of SST's names; that of a further network of an app begins with its name."""
    graph = current()
    made: dict[str, Namespace] = graph.context.once("namespaces", dict)
    if vpc.urn not in made:
        name = f"{graph.stage}.{graph.app}.sst"
        with vpc.scope():
            space = servicediscovery.PrivateDnsNamespace(
                "Namespace", name=f"{vpc.logical_name.lower()}.{name}" if made else name, vpc=vpc.id)
        made[vpc.urn] = Namespace(space.namespace_id, space.name)
    return made[vpc.urn]
