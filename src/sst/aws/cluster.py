"""A cluster: where services and tasks run."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self, TypedDict, Unpack

from ..clouds.aws import ecs
from ..core.component import Component, Options
from ..core.output import Input
from ..core.transform import Transform
from ..errors import UserError
from .vpc import Vpc, the_vpc
from .vpc.discovery import Namespace, namespace_of

__all__ = ["Cluster", "ClusterTransform", "Network", "check_cluster", "namespace_in"]


class ClusterTransform(TypedDict, total=False):
    cluster: Transform


class Network(TypedDict, total=False):
    """A network that sst does not manage: its ``id``, ``security_groups`` and ``container_subnets`` of the tasks, and
    ``load_balancer_subnets``. ``assign_public_ip``: whether the container subnets lead to the internet only with a
    public address; False by default. ``cloudmap_namespace_id`` and ``cloudmap_namespace_name``: of Cloud Map, for the
    names of services."""

    id: str
    security_groups: Sequence[str]
    container_subnets: Sequence[str]
    load_balancer_subnets: Sequence[str]
    assign_public_ip: bool
    cloudmap_namespace_id: str
    cloudmap_namespace_name: str


class Cluster(Component, kind="sst.aws.Cluster", parts=("cluster",)):
    """A cluster of ECS, on Fargate.

        vpc = aws.Vpc("MyVpc")
        cluster = aws.Cluster("MyCluster", vpc=vpc)
        aws.Service("MyApi", cluster=cluster, handler="app.main:app", image="ghcr.io/acme/api:1",
                    load_balancer={"ports": [{"listen": "80/http"}]})

    vpc: the network; the only one that was declared before it by default.

    Source: ECS API CreateCluster,
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html
    """

    def __init__(self, name: str, *, vpc: Vpc | Network | None = None, transform: ClusterTransform | None = None,
                 **options: Unpack[Options]) -> None:
        super().__init__(name, **options)
        self._set_network(vpc)
        with self.scope(transform):
            self.cluster = ecs.Cluster("Cluster", capacity_providers=["FARGATE", "FARGATE_SPOT"])

    @classmethod
    def get(cls, name: str, id: str, *, vpc: Vpc | Network | None = None, **options: Unpack[Options]) -> Self:
        """An existing cluster, by its name. Services and tasks can be declared in it.

            cluster = aws.Cluster.get("MyCluster", "acme-cluster", vpc=vpc)
        """
        self = cls.existing(name, **options)
        self._set_network(vpc)
        with self.scope():
            self.cluster = ecs.Cluster.get("Cluster", name=id)
        return self

    @property
    def name(self) -> Input[str]:
        return self.cluster.name

    @property
    def id(self) -> Input[str]:
        """Its ARN."""
        return self.cluster.arn

    def _set_network(self, vpc: Vpc | Network | None) -> None:
        if isinstance(vpc, Mapping):
            missing = [k for k in ("id", "security_groups", "container_subnets") if not vpc.get(k)]
            if missing:
                raise UserError(f"vpc of {self.logical_name} needs {missing[0]}",
                                hint='vpc={"id": "vpc-...", "security_groups": [...], "container_subnets": [...], '
                                     '"load_balancer_subnets": [...]}, or an aws.Vpc')
            space = vpc.get("cloudmap_namespace_id"), vpc.get("cloudmap_namespace_name")
            if bool(space[0]) != bool(space[1]):
                raise UserError(f"vpc of {self.logical_name} names half a namespace of Cloud Map",
                                hint="cloudmap_namespace_id and cloudmap_namespace_name go together")
            self.own_namespace = Namespace(space[0], space[1]) if space[0] and space[1] else None
            self.vpc: Vpc | None = None
            self.vpc_id: Input[str] = vpc["id"]
            self.security_groups: Sequence[Input[str]] = vpc["security_groups"]
            self.container_subnets: Sequence[Input[str]] = vpc["container_subnets"]
            self.public_subnets: Sequence[Input[str]] = vpc.get("load_balancer_subnets", ())
            self.private_subnets: Sequence[Input[str]] = vpc.get("load_balancer_subnets", ())
            self.assign_public_ip, self.cidr = vpc.get("assign_public_ip", False), None
            return
        self.vpc = found = the_vpc(f'Cluster "{self.logical_name}"', vpc, self.where)
        self.vpc_id, self.security_groups = found.id, found.security_groups
        self.public_subnets, self.private_subnets = found.public_subnets, found.private_subnets
        # without NAT a task can reach its image and its logs from a public subnet alone
        self.assign_public_ip, self.cidr = not found.has_nat, found.cidr
        self.container_subnets = found.private_subnets if found.has_nat else found.public_subnets


def namespace_in(cluster: Cluster) -> Namespace:
    """The namespace of its network, in which services have names. Raises ``UserError`` without one."""
    if cluster.vpc is not None:
        return namespace_of(cluster.vpc)
    if cluster.own_namespace is None:
        raise UserError(f"the network of {cluster.logical_name} has no namespace of Cloud Map",
                        hint='vpc={..., "cloudmap_namespace_id": "ns-...", "cloudmap_namespace_name": "..."}')
    return cluster.own_namespace


def check_cluster(name: str, cluster: object) -> None:
    """Refuse what is no cluster; ``name`` is that of the component which runs in it."""
    if not isinstance(cluster, Cluster):
        raise UserError(f"cluster of {name} takes an aws.Cluster, not {cluster!r}",
                        hint='cluster = aws.Cluster("MyCluster"), above it')
