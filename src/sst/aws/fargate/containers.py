"""The task definition of services and tasks: containers, roles, logs, variables and secrets."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast

from ...clouds.aws import ecs, iam, logs, ssm
from ...clouds.aws.partition import partition_of
from ...core.component import Component
from ...core.graph import current
from ...core.link import Link
from ...core.link_env import environment
from ...core.output import Input
from ...errors import UserError
from ..function.logs import retention_days
from ..function.role import trust
from ..images import Dockerfile
from ..permissions import Statement, granted, permission, statements
from ..volume import Mounted, Volume, mounted
from .image import Image, image_of
from .sizes import Size, cpu_units, memory_mb

if TYPE_CHECKING:
    from ..cluster import Cluster

__all__ = ["Common", "Container", "ContainerDev", "Definition", "Health", "Logging", "define"]

EXECUTION = "policy/service-role/AmazonECSTaskExecutionRolePolicy"
EXEC = ("ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel")
"""For `aws ecs execute-command`. Source:
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html#ecs-exec-required-iam-permissions"""


LOW_PORTS = {"namespace": "net.ipv4.ip_unprivileged_port_start", "value": "0"}
"""Lets a user that is not root listen to port 80. Source:
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_SystemControl.html"""


class Logging(TypedDict, total=False):
    """``retention``: ``"1 month"`` by default. ``name`` of the log group: ``/sst/cluster/<cluster>/<name>/<container>``
    by default."""

    retention: str
    name: str


class Health(TypedDict, total=False):
    """``command``: words; ``"CMD-SHELL"`` or ``"CMD"`` first. ``start_period``: failures do not count so long, ``"0
    seconds"`` by default. ``timeout`` of one check: ``"5 seconds"``. ``interval``: ``"30 seconds"``. ``retries``: so
    many failures make it unhealthy, 3."""

    command: Sequence[str]
    start_period: str
    timeout: str
    interval: str
    retries: int


class ContainerDev(TypedDict, total=False):
    """What runs in place of a container in `sst dev`. ``command``: a line for the shell. ``directory``: where, relative
    to the config. ``autostart``: start it with the session, True by default."""

    command: str
    directory: str
    autostart: bool


class Container(TypedDict, total=False):
    """One of several containers. ``name`` is required; the rest is as for the service or task itself. ``cpu`` and
    ``memory`` are its share."""

    name: str
    image: str | Dockerfile | Image
    base: str
    handler: str
    command: Sequence[str]
    entrypoint: Sequence[str]
    environment: Mapping[str, Input[str]]
    environment_files: Sequence[Input[str]]
    ssm: Mapping[str, Input[str]]
    logging: Logging
    health: Health
    volumes: Sequence[Volume]
    cpu: str
    memory: str
    dev: Literal[False] | ContainerDev


@dataclass(frozen=True)
class Common:
    """The arguments that services and tasks share, checked."""

    cluster: Cluster
    size: Size
    architecture: Literal["x86_64", "arm64"]
    links: Sequence[Link]
    permissions: Sequence[Statement]
    containers: Sequence[Container]
    python: Mapping[str, Any]
    task_role: str | None
    execution_role: str | None
    ports: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """By container, the ports that something forwards to."""
    dev: Mapping[str, Any] | None = None
    """Of a task in `sst dev` on stage ``local``: it runs from its source, or this command."""
    copy_files: Sequence[tuple[str, str]] = ()
    """Further files of the project's code: from where, to where."""


@dataclass(frozen=True)
class Definition:
    task_definition: ecs.TaskDefinition
    task_role: iam.Role | None
    execution_role: iam.Role | None
    containers: Sequence[str]
    ready: Sequence[object]
    """What must be there before a task starts: the policies of its roles."""
    roles: Sequence[Input[str]]
    """ARNs that a caller of RunTask must be allowed to pass."""


def container_list(name: str, containers: Sequence[Container] | None, **given: Any) -> list[Container]:
    """The containers: those given, or the only one that the component's own arguments describe."""
    one = cast("Container", {k: v for k, v in given.items() if v is not None})
    own = [k for k in one if k not in ("name", "python")]
    if containers is None:
        return [{**one, "name": name}]
    if own:
        raise UserError(f"{name} has both containers and {own[0]}", hint="say it in the container that it is about")
    names = [c.get("name") for c in containers]
    if not containers or None in names:
        raise UserError(f"each container of {name} needs a name", hint='containers=[{"name": "web", ...}]')
    if len(set(names)) < len(names):
        raise UserError(f"two containers of {name} have the same name")
    return list(containers)


def define(owner: Component, given: Common) -> Definition:
    """Declare the task definition and what it needs, inside of the component's scope."""
    graph = current()
    env = environment(graph, given.links)
    secret_arns: dict[str, Input[str]] = {}
    versions = []
    for key, value in sorted(env.secret.items()):
        parameter = ssm.Parameter(f"Secret{key.removeprefix('SST_RESOURCE_')}", type="SecureString", value=value)
        secret_arns[key] = parameter.arn
        versions.append(parameter.version)
    if versions:
        # a changed secret must start new tasks: they read it when they start
        env.plain["SST_SECRETS"] = "".join(f"{v}." for v in versions)
    definitions, log_arns, own_secrets = [], [], []
    volumes: list[Mounted] = []
    for one in given.containers:
        asked = {**secret_arns, **one.get("ssm", {})}
        own_secrets += list(one.get("ssm", {}).values())
        group = logs.LogGroup(_child("LogGroup", one, given), name=_group_name(given.cluster, owner, one),
                              retention=retention_days(one.get("logging", {}).get("retention", "1 month")))
        log_arns.append(group.arn)
        image = image_of(graph, _child("Code", one, given), image=one.get("image"), handler=one.get("handler"),
                         command=one.get("command"), base=one.get("base"),
                         port=next(iter(given.ports.get(one["name"], ())), None), architecture=given.architecture,
                         python=given.python, what=one["name"], dev=given.dev, copy_files=given.copy_files)
        points = mounted(one.get("volumes", ()), one["name"])
        definitions.append({**_container(one, image, env.plain, asked, group, given.ports.get(one["name"], ())),
                            **_mount_points(points, len(volumes))})
        volumes += points
    task_role, task_policy = _task_role(given, volumes, owner.where)
    execution, ready = _execution_role(given, [*secret_arns.values(), *own_secrets], log_arns, owner.where)
    local = graph.target.is_local
    roles = [r.arn for r in (task_role, execution) if r is not None]
    made = ecs.TaskDefinition(
        "TaskDefinition", container_definitions=definitions, cpu=str(given.size.cpu), memory=str(given.size.memory),
        requires_compatibilities=["FARGATE"],
        runtime_platform=None if local else {"cpuArchitecture": given.architecture.upper(),
                                             "operatingSystemFamily": "LINUX"},
        ephemeral_storage=None if given.size.storage == 20 else {"sizeInGiB": given.size.storage},
        task_role_arn=_role_arn(given.task_role, task_role), execution_role_arn=_role_arn(given.execution_role,
                                                                                          execution),
        volumes=[_volume(v, n) for n, v in enumerate(volumes)] or None,
        depends_on=[target for v in volumes for target in v.ready])
    return Definition(made, task_role, execution, [c["name"] for c in given.containers],
                      [x for x in (task_policy, *ready) if x is not None], roles)


def _container(one: Container, image: Image, plain: Mapping[str, Input[str]], secrets: Mapping[str, Input[str]],
               group: logs.LogGroup, ports: Sequence[int]) -> dict[str, Any]:
    own = {**plain, **image.environment, **one.get("environment", {})}
    _refuse_secrets(own, one["name"])
    made: dict[str, Any] = {
        "name": one["name"], "image": image.name, "essential": True,
        "environment": [{"name": k, "value": v} for k, v in sorted(own.items()) if k not in secrets],
        "portMappings": [{"containerPort": p, "protocol": "tcp"} for p in ports],
        "logConfiguration": {"logDriver": "awslogs", "options": {
            "awslogs-group": group.name, "awslogs-region": current().region, "awslogs-stream-prefix": "/service"}},
        "linuxParameters": {"initProcessEnabled": True},
    }
    optional = {
        "command": image.command, "entryPoint": one.get("entrypoint"), "dockerLabels": dict(image.labels) or None,
        "secrets": [{"name": k, "valueFrom": v} for k, v in sorted(secrets.items())] or None,
        "environmentFiles": [{"value": f, "type": "s3"} for f in one.get("environment_files", ())] or None,
        "cpu": cpu_units(one["cpu"]) if "cpu" in one else None,
        "memory": memory_mb(one["memory"]) if "memory" in one else None,
        "systemControls": [LOW_PORTS] if image.unprivileged and any(p < 1024 for p in ports) else None,
        "healthCheck": _health(one["health"]) if "health" in one else None}
    return {**made, **{k: v for k, v in optional.items() if v is not None}}


def _refuse_secrets(variables: Mapping[str, Input[str]], name: str) -> None:
    from ...core.output import gather

    for key, value in variables.items():
        if gather([value])[1]:
            raise UserError(f"the variable {key} of {name} holds a secret, and a task definition can be read by many",
                            hint="link it: link=[secret] gives Resource.<Name>; or ssm={...} with the ARN of a "
                                 "parameter")


def _health(health: Health) -> dict[str, Any]:
    from ...core.units import seconds

    if not health.get("command"):
        raise UserError("health needs a command", hint='health={"command": ["CMD-SHELL", "curl -f http://localhost"]}')
    if not 1 <= health.get("retries", 3) <= 10:
        raise UserError(f"retries of health can't be {health['retries']}", hint="1 to 10")
    words = list(health["command"])
    return {"command": words if words[0] in ("CMD", "CMD-SHELL") else ["CMD", *words],
            "startPeriod": seconds(health.get("start_period", "0 seconds"), what="start_period", high=300),
            "timeout": seconds(health.get("timeout", "5 seconds"), what="timeout", low=2, high=60),
            "interval": seconds(health.get("interval", "30 seconds"), what="interval", low=5, high=300),
            "retries": health.get("retries", 3)}


def _child(name: str, one: Container, given: Common) -> str:
    """Resources of a container: named after it where there are several."""
    return name if len(given.containers) == 1 else f"{one['name'].replace('.', '-')}{name}"


def _group_name(cluster: Cluster, owner: Component, one: Container) -> Input[str]:
    given, path = one.get("logging", {}).get("name"), owner.urn.rpartition("::")[2].replace("/", "-")
    return given or f"/sst/cluster/{cluster.name}/{path}/{one['name']}"


def _mount_points(volumes: Sequence[Mounted], first: int) -> dict[str, Any]:
    points = [{"sourceVolume": f"volume{n}", "containerPath": v.path} for n, v in enumerate(volumes, first)]
    return {"mountPoints": points} if points else {}


def _volume(volume: Mounted, number: int) -> dict[str, Any]:
    """Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_EFSVolumeConfiguration.html"""
    return {"name": f"volume{number}", "efsVolumeConfiguration": {
        "fileSystemId": volume.system, "transitEncryption": "ENABLED",
        "authorizationConfig": {"accessPointId": volume.point, "iam": "ENABLED"}}}


def _task_role(given: Common, volumes: Sequence[Mounted], where: str) -> tuple[iam.Role | None, iam.RolePolicy | None]:
    if given.task_role is not None:
        return None, None
    role = iam.Role("TaskRole", assume_role_policy=trust("ecs-tasks.amazonaws.com"))
    wanted = [*given.permissions, *granted(given.links), *(v.permission for v in volumes), permission(EXEC, ["*"])]
    document = {"Version": "2012-10-17", "Statement": statements(wanted, where)}
    return role, iam.RolePolicy("TaskPolicy", role=role.name, name="inline", policy=document)


def _execution_role(given: Common, secrets: Sequence[Input[str]], log_arns: Sequence[Input[str]],
                    where: str) -> tuple[iam.Role | None, list[object]]:
    if given.execution_role is not None:
        return None, []
    role = iam.Role("ExecutionRole", assume_role_policy=trust("ecs-tasks.amazonaws.com"))
    attached = iam.RolePolicyAttachment("ExecutionRolePolicy", role=role.name,
                                        policy_arn=f"arn:{partition_of(current().region)}:iam::aws:{EXECUTION}")
    if not secrets:
        return role, [attached]
    wanted = [permission(["ssm:GetParameters", "secretsmanager:GetSecretValue"], list(secrets))]
    document = {"Version": "2012-10-17", "Statement": statements(wanted, where)}
    return role, [attached, iam.RolePolicy("ExecutionPolicy", role=role.name, name="secrets", policy=document)]


def _role_arn(given: str | None, made: iam.Role | None) -> Input[str]:
    if made is not None:
        return made.arn
    if given and given.startswith("arn:"):
        return given
    return f"arn:{partition_of(current().region)}:iam::{_account()}:role/{given}"


def _account() -> Input[str]:
    from ..account import account_id

    return account_id()
