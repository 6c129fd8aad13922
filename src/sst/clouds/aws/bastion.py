"""The ways in which a machine outside reaches the private addresses of a network; the instance that is one."""
from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...core.model import Snapshot, State, shown
from ...errors import ProviderError, UserError
from .task_gateway import TaskGateway

if TYPE_CHECKING:
    from .client import Aws

__all__ = ["Bastion", "closed_networks", "gateways_of"]

NETWORK, VPC, SUBNET, SERVICE = "sst.aws.Vpc", "aws.ec2.Vpc", "aws.ec2.Subnet", "aws.ecs.Service"
USER = "ec2-user"
"""Of Amazon Linux. Source: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/managing-users.html"""
_KEYS = re.compile(r"-----BEGIN SSH HOST KEY KEYS-----(.*?)-----END SSH HOST KEY KEYS-----", re.DOTALL)
_KEY = re.compile(r"\b(?:ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp\d+) AAAA[\w+/]+=*")


@dataclass(frozen=True)
class Bastion:
    """One of a stage. Each key that may log in is handed over by a call of AWS and is good for 60 seconds, so none is
    kept anywhere.

    Source: https://docs.aws.amazon.com/ec2-instance-connect/latest/APIReference/API_SendSSHPublicKey.html
    """

    network: str
    """The user's name of the network."""
    id: str
    ranges: tuple[str, ...]
    """The addresses of its subnets, as CIDR blocks."""
    inside: frozenset[str]
    """The names of the components in the network."""
    aws: Callable[[], Aws] = field(repr=False, compare=False)
    user: str = USER
    port: int = 22

    def address(self) -> str:
        """Its public address, as it is now. Raises `UserError` if it has none."""
        try:
            answer = self.aws().call("ec2", "describe_instances", {"InstanceIds": [self.id]})
        except ProviderError as e:
            if e.code in ("InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed"):
                raise self._gone() from e
            raise
        found: list[dict[str, Any]] = [i for r in answer.get("Reservations", ()) for i in r["Instances"]]
        state = str(found[0]["State"]["Name"]) if found else "terminated"
        if state in ("terminated", "shutting-down"):
            raise self._gone()
        if state != "running":
            raise UserError(f"the bastion of {self.network} ({self.id}) is {state}",
                            hint=f"aws ec2 start-instances --instance-ids {self.id}")
        if not (address := found[0].get("PublicIpAddress")):
            raise UserError(f"the bastion of {self.network} ({self.id}) has no public address",
                            hint="it has to be in a public subnet")
        return str(address)

    def host_keys(self) -> list[str]:
        """The SSH host keys that it printed on its console when it started first, as OpenSSH writes them; none if it
        has not done that yet, or no longer shows it."""
        try:
            text = _console(self.aws(), self.id)
        except ProviderError as e:
            if e.code in ("UnauthorizedOperation", "AccessDenied"):
                return []
            raise
        return _KEY.findall(found[-1]) if (found := _KEYS.findall(text)) else []

    def allow(self, public_key: str) -> None:
        """Let this key log in, for 60 seconds."""
        self.aws().call("ec2-instance-connect", "send_ssh_public_key",
                        {"InstanceId": self.id, "InstanceOSUser": self.user, "SSHPublicKey": public_key},
                        idempotent=True)

    def _gone(self) -> UserError:
        return UserError(f"the bastion of {self.network} ({self.id}) is gone", hint="`sst refresh`, then `sst deploy`")


def _console(aws: Aws, id: str) -> str:
    for latest in ({"Latest": True}, {}):
        try:
            answer = aws.call("ec2", "get_console_output", {"InstanceId": id, **latest})
        except ProviderError as e:
            if latest and e.code == "UnsupportedOperation":     # only Nitro instances have the latest output
                continue
            raise
        return b64decode(answer.get("Output") or "").decode("utf-8", "replace")
    return ""


def gateways_of(snapshot: Snapshot, open: Callable[[State], Aws]) -> list[Bastion | TaskGateway]:
    """The ways into the deployed networks: the bastion of each, or else the services whose tasks run in it. ``open``
    gives the client of a network's account and region."""
    return [way for name, link in _networks(snapshot) if (way := _gateway(snapshot, name, link, open)) is not None]


def closed_networks(snapshot: Snapshot) -> dict[str, frozenset[str]]:
    """The deployed networks without a way, and the names of the components in each."""
    return {name: _inside(snapshot, name) for name, link in _networks(snapshot)
            if not link.get("bastion") and not _services(snapshot, name)}


def _networks(snapshot: Snapshot) -> list[tuple[str, Mapping[str, Any]]]:
    return [(name, link) for name, link in sorted(shown(snapshot.links).items()) if link.get("type") == NETWORK]


def _gateway(snapshot: Snapshot, network: str, link: Mapping[str, Any],
             open: Callable[[State], Aws]) -> Bastion | TaskGateway | None:
    mine = [s for urn, s in snapshot.resources.items() if _names(urn)[0] == network]
    vpc = next((s for s in mine if s.type == VPC), None)
    if vpc is None:
        return None
    own = [str(s.values["cidr_block"]) for s in mine if s.type == SUBNET]
    ranges, inside = tuple(sorted(own or [str(vpc.values["cidr_block"])])), _inside(snapshot, network)
    if bastion := link.get("bastion"):
        return Bastion(network, str(bastion), ranges, inside, lambda: open(vpc))
    services = _services(snapshot, network)
    return TaskGateway(network, services, ranges, inside, lambda: open(vpc)) if services else None


def _services(snapshot: Snapshot, network: str) -> tuple[tuple[str, str], ...]:
    """Cluster and name of each that lets Session Manager into its tasks."""
    inside, only = _inside(snapshot, network), len(_networks(snapshot)) == 1
    # what is in an existing network need not refer to it: its subnets were looked up
    there = [s.values for urn, s in snapshot.resources.items()
             if s.type == SERVICE and not s.retained and (only or _names(urn)[0] in inside)]
    return tuple(sorted((str(v["cluster"]), str(v["name"])) for v in there if v.get("enable_execute_command")))


def _inside(snapshot: Snapshot, network: str) -> frozenset[str]:
    mine = {urn for urn in snapshot.resources if _names(urn)[0] == network}
    return frozenset({_names(urn)[0] for urn in _users(snapshot, mine)} - {network})


def _names(urn: str) -> list[str]:
    return urn.rpartition("::")[2].split("/")


def _users(snapshot: Snapshot, roots: set[str]) -> Iterator[str]:
    """What depends on any of these, over any number of others."""
    users: dict[str, list[str]] = {}
    for urn, state in snapshot.resources.items():
        for dep in state.deps:
            users.setdefault(dep, []).append(urn)
    todo, seen = list(roots), set(roots)
    while todo:
        for urn in users.get(todo.pop(), ()):
            if urn not in seen:
                seen.add(urn)
                todo.append(urn)
                yield urn
