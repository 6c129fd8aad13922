"""A task: containers that run once, when a program asks for it."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypedDict, Unpack

from ..clouds.aws import ec2
from ..core.component import Component, Options
from ..core.graph import current
from ..core.link import Link, LinkItem, linked
from ..core.output import Input, Output
from ..core.transform import Transform
from .cluster import Cluster, check_cluster
from .fargate import Common, Container, Cpu, define, size_of
from .fargate.containers import Logging, container_list
from .fargate.dev import dev_settings
from .images import Dockerfile
from .permissions import Statement, permission
from .volume import Volume

__all__ = ["Task", "TaskDev", "TaskTransform"]


class TaskTransform(TypedDict, total=False):
    task_definition: Transform
    task_role: Transform
    execution_role: Transform
    log_group: Transform
    public_security_group: Transform


class TaskDev(TypedDict, total=False):
    """What runs in its place in `sst dev` on stage ``local``. ``command``: a line for the shell. ``directory``: where,
    relative to the config."""

    command: str
    directory: str


class Task(Component, kind="sst.aws.Task", parts=tuple(TaskTransform.__annotations__)):
    """A task of ECS on Fargate, which runs to its end.

        cluster = aws.Cluster("MyCluster", vpc=vpc)
        report = aws.Task("Report", cluster=cluster, handler="src/report.main", image="ghcr.io/acme/report:1",
                          link=[bucket])
        aws.Function("Api", handler="src/api.handler", link=[report])     # sst.task.run(Resource.Report)

    handler: a function that is called once, ``"src/report.main"``. command: words to run in its place. image,
    base: as for a ``Service``: by default an image is made of the project's code. public: the internet may connect to
    it; False by default. dev: in `sst dev` on stage ``local`` it runs from its source, or runs the ``command`` of
    ``{"command": ..., "directory": ...}``; ``False`` runs the deployed code. All others are as for a ``Service``.

    Source: ECS API RunTask, https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html
    """

    def __init__(self, name: str, *, cluster: Cluster, image: str | Dockerfile | None = None,
                 base: str | None = None, handler: str | None = None,
                 command: Sequence[str] | None = None, entrypoint: Sequence[str] | None = None,
                 cpu: Cpu = "0.25 vCPU", memory: str = "0.5 GB", storage: str = "20 GB",
                 architecture: Literal["x86_64", "arm64"] = "x86_64", link: Sequence[LinkItem] = (),
                 permissions: Sequence[Statement] = (), environment: Mapping[str, Input[str]] | None = None,
                 environment_files: Sequence[Input[str]] = (), ssm: Mapping[str, Input[str]] | None = None,
                 logging: Logging | None = None, volumes: Sequence[Volume] = (),
                 containers: Sequence[Container] | None = None, public: bool = False,
                 python: Mapping[str, Any] | None = None, task_role: str | None = None,
                 execution_role: str | None = None, dev: Literal[False] | TaskDev | None = None,
                 transform: TaskTransform | None = None,
                 **options: Unpack[Options]) -> None:
        super().__init__(name, **options)
        check_cluster(name, cluster)
        some = container_list(name, containers, image=image, base=base, handler=handler, command=command,
                              entrypoint=entrypoint, environment=environment,
                              environment_files=environment_files or None, ssm=ssm,
                              volumes=volumes or None, logging=logging)
        self._cluster, self._public = cluster, public
        own = dev_settings(dev, name, takes=("command", "directory"))
        target = current().target
        with self.scope(transform):
            self._made = define(self, Common(cluster, size_of(cpu, memory, storage), architecture,
                                             linked(link, self.where), permissions, some, python or {}, task_role,
                                             execution_role,
                                             dev=own if target.dev and target.is_local and dev is not False else None))
            self._group = ec2.SecurityGroup("PublicSecurityGroup", vpc_id=cluster.vpc_id, description="Public task",
                                            ingress=[{"protocol": "all", "cidr": "0.0.0.0/0"}]) if public else None

    @property
    def task_definition(self) -> Output[str]:
        """ARN of its newest revision."""
        return self._made.task_definition.arn

    def link(self) -> Link:
        """What `sst.task.run` needs, and the rights to run, look at and stop it, and nothing else of the cluster."""
        cluster, definition = self._cluster, self._made.task_definition
        subnets = cluster.public_subnets if self._public else cluster.container_subnets
        groups = [self._group.id] if self._group else list(cluster.security_groups)
        public = self._public or cluster.assign_public_ip
        revisions = definition.arn.apply(lambda arn: f"{arn.rpartition(':')[0]}:*")
        tasks = cluster.cluster.arn.apply(lambda arn: f"{arn.replace(':cluster/', ':task/')}/*")
        only = {"test": "StringEquals", "variable": "iam:PassedToService", "values": ["ecs-tasks.amazonaws.com"]}
        include = [permission(["ecs:RunTask"], [revisions]), permission(["ecs:DescribeTasks", "ecs:StopTask"], [tasks])]
        if self._made.roles:
            include.append(permission(["iam:PassRole"], list(self._made.roles), conditions=[only]))
        return Link(self.logical_name, self.kind, {
            "cluster": cluster.cluster.arn, "containers": list(self._made.containers),
            "taskDefinition": definition.family, "subnets": list(subnets), "securityGroups": groups,
            "assignPublicIp": public}, tuple(include))
