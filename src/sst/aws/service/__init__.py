"""A service: containers that are kept running, behind a load balancer."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict, Unpack

from ...clouds.aws import ecs
from ...core.component import Component, Options
from ...core.dev_parts import DevPart
from ...core.graph import current
from ...core.link import Link, LinkItem, linked
from ...core.output import Input, Output, combine
from ...core.transform import Transform
from ...errors import UserError
from ..cluster import Cluster, check_cluster
from ..fargate import Common, Container, Cpu, Definition, define, size_of
from ..fargate.containers import ContainerDev, Health, Logging, container_list
from ..fargate.dev import ServiceDev, dev_processes
from ..fargate.image import Image
from ..images import Dockerfile
from ..permissions import Statement
from ..volume import ExistingFileSystem, Volume
from .load_balancer import (
    Balanced,
    Conditions,
    Header,
    HealthCheck,
    LoadBalancer,
    Query,
    Rule,
    declare_balancer,
    rules_of,
    tcp_ports,
)
from .registry import Registered, ServiceRegistry, declare_registry, registry_port
from .scaling import Scaling, declare_scaling, range_of

__all__ = ["Capacity", "Conditions", "Container", "ContainerDev", "Dockerfile", "ExistingFileSystem", "Header",
           "Health", "HealthCheck", "LoadBalancer", "Logging", "Query", "Rule", "Scaling", "Service", "ServiceDev",
           "ServiceRegistry", "ServiceTransform", "Share", "Volume"]

UNAVAILABLE = "http://url-unavailable-in-dev.mode"


class Share(TypedDict, total=False):
    """``base``: so many tasks first. ``weight``: its share of the others."""

    base: int
    weight: int


class Capacity(TypedDict, total=False):
    """How tasks are spread over Fargate and Fargate Spot."""

    fargate: Share
    spot: Share


class ServiceTransform(TypedDict, total=False):
    service: Transform
    task_definition: Transform
    task_role: Transform
    execution_role: Transform
    log_group: Transform
    auto_scaling_target: Transform
    load_balancer: Transform
    load_balancer_security_group: Transform
    listener: Transform
    listener_rule: Transform
    target: Transform


class Service(Component, kind="sst.aws.Service", parts=tuple(ServiceTransform.__annotations__)):
    """A service of ECS on Fargate.

        cluster = aws.Cluster("MyCluster", vpc=vpc)
        api = aws.Service("MyApi", cluster=cluster, handler="app.main:app", image="ghcr.io/acme/api:1", link=[bucket],
                          load_balancer={"ports": [{"listen": "80/http"}]}, scaling={"min": 2, "max": 2})
        api.url

    cluster: where it runs. handler: a web app, ``"app.main:app"``, which uvicorn serves, or a function that is called
    once, ``"src/worker.run"``; by default the project's own app. command: words to run in their place. image: one that
    exists, or that of a Dockerfile, ``{"context": "api"}``; by default one is made of the project's code, on ``base``:
    an image of a registry, or a folder in the OCI layout. On stage ``local`` the code itself runs; with
    ``Config(local={"engine": "podman"})`` the image. Other components give the ``Image`` that they have built.
    cpu: ``"0.25 vCPU"`` by default. memory: ``"0.5 GB"``. storage: ``"20 GB"``, at most 200. architecture:
    ``"x86_64"`` or ``"arm64"``.
    link: what it uses; grants least privilege. permissions: further IAM statements. environment: variables, never
    secrets. ssm: variables with the ARN of a parameter or secret. volumes: file systems that it mounts,
    ``[{"efs": files, "path": "/mnt/efs"}]``.
    load_balancer: what reaches it. service_registry: the port at which its tasks are reached by a name of the
    network, ``{"port": 8080}``. scaling: how many tasks run. health: a command that says whether a container works.
    wait: whether a deploy waits until the new tasks run, and fails if they do not; True on stage ``local``, False
    elsewhere.
    dev: what runs in its place in `sst dev`, ``{"command": ...}``; by default its Python code, from its source and
    restarted when a file is saved. ``False`` deploys it there, too.

    Source: ECS API CreateService,
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html
    """

    def __init__(self, name: str, *, cluster: Cluster, image: str | Dockerfile | Image | None = None,
                 base: str | None = None, handler: str | None = None,
                 command: Sequence[str] | None = None, entrypoint: Sequence[str] | None = None,
                 cpu: Cpu = "0.25 vCPU", memory: str = "0.5 GB", storage: str = "20 GB",
                 architecture: Literal["x86_64", "arm64"] = "x86_64", link: Sequence[LinkItem] = (),
                 permissions: Sequence[Statement] = (), environment: Mapping[str, Input[str]] | None = None,
                 environment_files: Sequence[Input[str]] = (), ssm: Mapping[str, Input[str]] | None = None,
                 logging: Logging | None = None, volumes: Sequence[Volume] = (), health: Health | None = None,
                 containers: Sequence[Container] | None = None, load_balancer: LoadBalancer | None = None,
                 service_registry: ServiceRegistry | None = None,
                 scaling: Scaling | None = None, capacity: Literal["spot"] | Capacity | None = None,
                 wait: bool | None = None, python: Mapping[str, Any] | None = None, task_role: str | None = None,
                 execution_role: str | None = None, dev: Literal[False] | ServiceDev | None = None,
                 transform: ServiceTransform | None = None, **options: Unpack[Options]) -> None:
        super().__init__(name, **options)
        check_cluster(name, cluster)
        some = container_list(name, containers, image=image, base=base, handler=handler, command=command,
                              entrypoint=entrypoint, environment=environment,
                              environment_files=environment_files or None, ssm=ssm,
                              volumes=volumes or None, logging=logging, health=health)
        ways = rules_of(load_balancer, [c["name"] for c in some], name) if load_balancer is not None else []
        (low, high), launch = range_of(scaling or {}, name), _launch(capacity, name)
        registered = registry_port(service_registry, [c["name"] for c in some], name)
        common = Common(cluster, size_of(cpu, memory, storage), architecture, linked(link, self.where), permissions,
                        some, python or {}, task_role, execution_role, tcp_ports(ways, registered))
        self._url: Input[str] | None = None
        self._host: Input[str] | None = None
        self._dev = dev_processes(self, dev, common)
        if self._dev:       # the developer's machine runs it
            own = (dev or {}).get("url")
            self._url = own or (self._dev[0].url or UNAVAILABLE if ways else None)
            self._host = "127.0.0.1" if registered else None
            return
        with self.scope(transform):
            made = define(self, common)
            self.task_definition = made.task_definition
            balanced = declare_balancer(self, cluster, load_balancer or {}, ways) if ways else None
            self.load_balancer = balanced.load_balancer if balanced else None
            self._url = balanced.url if balanced else None
            path = self.urn.rpartition("::")[2].replace("/", "-")
            known = declare_registry(path, registered[1], cluster) if registered else None
            self._host = known.host if known else None
            self.service = _service(path, made, balanced, known, cluster, (low, high), launch, wait)
            self.auto_scaling_target = declare_scaling(scaling or {}, cluster, self.service, balanced, name)

    @property
    def url(self) -> Output[str]:
        """The address of its load balancer; in `sst dev` that of the server in its place."""
        if self._url is None:
            raise UserError(f"{self.logical_name} has no load balancer, and so no url",
                            hint='load_balancer={"ports": [{"listen": "80/http"}]}')
        return combine(url=self._url)["url"]

    @property
    def host(self) -> Output[str]:
        """Its name inside of the network, from Cloud Map."""
        if self._host is None:
            raise UserError(f"{self.logical_name} has no name in its network", hint='service_registry={"port": 8080}')
        return combine(host=self._host)["host"]

    def link(self) -> Link:
        """Its address, if it has a load balancer, and its name, if it is registered in Cloud Map."""
        found = {"url": self._url, "service": self._host}
        return Link(self.logical_name, self.kind, {k: v for k, v in found.items() if v is not None})

    def dev_parts(self) -> Sequence[DevPart]:
        """What runs in its place in `sst dev`."""
        return self._dev


def _service(name: str, made: Definition, balanced: Balanced | None, registered: Registered | None, cluster: Cluster,
             count: tuple[int, int], launch: Mapping[str, Any], wait: bool | None) -> ecs.Service:
    return ecs.Service(
        "Service", cluster=cluster.name, name=name, task_definition=made.task_definition.arn,
        desired_count=count[0], **launch,
        ignore_changes=("desired_count",) if count[0] < count[1] else (),
        network_configuration={"awsvpcConfiguration": {
            "subnets": list(cluster.container_subnets), "securityGroups": list(cluster.security_groups),
            "assignPublicIp": "ENABLED" if cluster.assign_public_ip else "DISABLED"}},
        load_balancers=list(balanced.targets) if balanced else None,
        service_registries=list(registered.registries) if registered else None,
        deployment_configuration={"maximumPercent": 200, "minimumHealthyPercent": 100,
                                  "deploymentCircuitBreaker": {"enable": True, "rollback": True}},
        enable_execute_command=True, wait_for_steady_state=current().target.is_local if wait is None else wait,
        depends_on=[*made.ready, *(balanced.ready if balanced else ())])


def _launch(capacity: Literal["spot"] | Capacity | None, name: str) -> dict[str, Any]:
    if capacity is None:
        return {"launch_type": "FARGATE"}
    if capacity == "spot":
        return {"capacity_provider_strategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}]}
    if not isinstance(capacity, Mapping) or not capacity:
        raise UserError(f"capacity of {name} can't be {capacity!r}",
                        hint='capacity="spot", or {"fargate": {"base": 1, "weight": 1}, "spot": {"weight": 1}}')
    return {"capacity_provider_strategy": [
        {"capacityProvider": provider, "base": capacity[key].get("base", 0),  # type: ignore[literal-required]
         "weight": capacity[key].get("weight", 1)}  # type: ignore[literal-required]  # keys of the mapping above
        for key, provider in (("fargate", "FARGATE"), ("spot", "FARGATE_SPOT")) if key in capacity]}
