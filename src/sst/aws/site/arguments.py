"""What every site with a server takes, whatever runs on it."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from ...core.component import Options
from ...core.link import LinkItem
from ...core.output import Input
from ..cdn import CdnDomain
from ..cdn.injection import Edge
from ..function.container import FunctionContainer
from ..function.network import FunctionNetwork
from ..permissions import Statement
from ..vpc import Vpc
from . import Assets, BasicAuth
from .in_cluster import SiteBalancer

if TYPE_CHECKING:
    from ..cluster import Cluster
    from ..fargate import Cpu
    from ..router import RouterPath
    from ..service import Scaling

__all__ = ["ServedArgs"]


class ServedArgs(Options, total=False):
    """The arguments of ``SsrSite`` and ``PythonSite`` alike."""

    environment: Mapping[str, Input[str]]
    link: Sequence[LinkItem]
    permissions: Sequence[Statement]
    protection: Literal["key", "none"]
    assets: Assets
    auth: BasicAuth
    domain: str | CdnDomain
    router: RouterPath
    edge: Edge
    warm: int
    vpc: Vpc | FunctionNetwork
    regions: Sequence[str]
    container: bool | FunctionContainer
    cluster: Cluster
    cpu: Cpu
    memory: str
    scaling: Scaling
    load_balancer: SiteBalancer
