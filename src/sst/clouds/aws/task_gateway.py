"""Tasks of a stage's services, as ways into networks that have no bastion: Session Manager connects through them.

Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html,
https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-sessions-start.html
"""
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ...errors import ProviderError, UserError

if TYPE_CHECKING:
    from .client import Aws

__all__ = ["Forwarding", "TaskGateway"]

DOCUMENT = "AWS-StartPortForwardingSessionToRemoteHost"
AGENT = "ExecuteCommandAgent"
_MOST = 100
"""`DescribeTasks` takes so many."""
_TRIES = 3
"""A task may be about to end: so many are tried."""


@dataclass(frozen=True)
class Forwarding:
    """A session that leads to one host and port. Its token lets whoever has it use the session."""

    url: str
    token: str = field(repr=False)
    proxy: str = ""
    ca_bundle: str = ""


@dataclass(frozen=True)
class TaskGateway:
    """The services whose tasks run in a network, and let Session Manager in."""

    network: str
    """The user's name of the network."""
    services: tuple[tuple[str, str], ...]
    """Cluster and name of each."""
    ranges: tuple[str, ...]
    """The addresses of its subnets, as CIDR blocks."""
    inside: frozenset[str]
    """The names of the components in the network."""
    aws: Callable[[], Aws] = field(repr=False, compare=False)

    @property
    def id(self) -> str:
        return ", ".join(name for _, name in self.services)

    def address(self) -> str:
        """The task that comes first, for people. Raises `UserError` where none can be gone through."""
        return f"task {self._tasks()[0].rpartition('_')[0].rpartition('_')[2]}"

    def forward(self, host: str, port: int) -> Forwarding:
        """Start a session in which a task connects to an address, whose name it resolves. Raises `UserError`,
        `ProviderError`."""
        aws, last = self.aws(), ""
        for target in self._tasks()[:_TRIES]:
            try:
                made = aws.call("ssm", "start_session", {
                    "Target": target, "DocumentName": DOCUMENT,
                    "Parameters": {"host": [host], "portNumber": [str(port)]}})
            except ProviderError as e:
                if e.code != "TargetNotConnected":
                    raise
                last = str(e)
            else:
                return Forwarding(made["StreamUrl"], made["TokenValue"], _proxy(aws, made["StreamUrl"]),
                                  aws.settings.ca_bundle() or "")
        raise UserError(f"no task of {self.id} is connected to Session Manager: {last}", hint=_WAY)

    def _tasks(self) -> list[str]:
        """Targets of Session Manager: ``ecs:CLUSTER_TASK_RUNTIME``."""
        tasks = list(self._running())
        found = [target for task in tasks for target in _targets(task)]
        if found:
            return found
        if not tasks:
            raise UserError(f"no task of {self.id} runs, and {self.network} has no bastion",
                            hint="`sst tunnel` goes through a bastion, aws.Vpc(..., bastion=True), or through a task "
                                 "that runs")
        raise UserError(f"the agent of Session Manager runs in no task of {self.id}", hint=_WAY)

    def _running(self) -> Iterator[dict[str, Any]]:
        aws = self.aws()
        for cluster, name in self.services:
            try:
                arns = aws.call("ecs", "list_tasks", {"cluster": cluster, "serviceName": name,
                                                      "desiredStatus": "RUNNING"}).get("taskArns", ())
            except ProviderError as e:
                if e.code in ("ServiceNotFoundException", "ClusterNotFoundException"):
                    continue
                raise
            if arns:
                yield from aws.call("ecs", "describe_tasks", {"cluster": cluster, "tasks": list(arns)[:_MOST]}
                                    ).get("tasks", ())


_WAY = ("a task that has just started takes a minute; it has to reach the service ssmmessages: by NAT, a public "
        "address or an interface endpoint, and its role has to allow ssmmessages:*")


def _targets(task: dict[str, Any]) -> Iterator[str]:
    """One for a task: through each of its containers the network is the same."""
    cluster, number = task["clusterArn"].rpartition("/")[2], task["taskArn"].rpartition("/")[2]
    if task.get("lastStatus") != "RUNNING":
        return
    for one in task.get("containers", ()):
        agents = [a for a in one.get("managedAgents", ()) if a.get("name") == AGENT]
        if one.get("runtimeId") and any(a.get("lastStatus") == "RUNNING" for a in agents):
            yield f"ecs:{cluster}_{number}_{one['runtimeId']}"
            return


def _proxy(aws: Aws, url: str) -> str:
    from ...net.http import Pool

    proxies, no_proxy = aws.settings.proxies()
    host = urlsplit(url).hostname or ""
    return "" if Pool(no_proxy=no_proxy).goes_direct(host) else proxies.get("https", "")
