"""All of a stage's tunnels together: the ways into its networks, and what listens for them on this machine."""
from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ...embedded.ports import listener
from ...errors import UserError
from ...machine.redirection import SUPPORTED, Redirection, destination
from ..deploys import in_thread
from ..ports import Ports
from .connection import Connection, Gateway, KnownHosts
from .endpoints import LOOPBACK, Endpoint
from .local import Listeners
from .task import Forwarder, TaskConnection

__all__ = ["Tunnel", "folder_of"]


def folder_of(root: Path, stage: str) -> Path:
    """Where the tunnels of a stage keep the host keys of bastions and the ports on this machine."""
    return root / ".sst" / "tunnel" / stage


class Tunnel:
    """``say`` is told of each connection, and of bastions that are lost and found again. ``ports`` is the file that
    remembers which port leads where. ``redirects``: this system can redirect connections (`route`)."""

    def __init__(self, gateways: Sequence[Gateway | Forwarder], folder: Path, say: Callable[[str], None], *,
                 ports: Path | None = None, redirects: bool = SUPPORTED) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        known = KnownHosts(folder / "hosts.json")
        self.connections: list[Connection | TaskConnection] = [
            TaskConnection(g, say) if isinstance(g, Forwarder) else Connection(g, known, say) for g in gateways]
        self.ports: dict[Endpoint, int] = {}
        """Which port of this machine leads where."""
        self._names: dict[str, Connection | TaskConnection] = {}
        self._listeners = Listeners(self._dial, say)
        self._redirects = redirects
        self._redirection: Redirection | None = None
        self._remembered = Ports(ports or folder / "ports.json")

    async def open(self) -> None:
        """Connect to all of them. Raises `SstError`."""
        for connection in self.connections:
            await connection.open()

    def begin(self) -> None:
        """Connect in the background: what listens already waits for it."""
        for connection in self.connections:
            connection.begin()

    async def forward(self, endpoint: Endpoint, network: str) -> int:
        """The port of 127.0.0.1 that leads to this endpoint: the same as the last time, if it is free."""
        if (known := self.ports.get(endpoint)) is not None:
            return known
        self._names[endpoint.host] = next(c for c in self.connections if c.gateway.network == network)
        listening, port = self._listener(endpoint.title)
        await self._listeners.forward(listening, endpoint.title, endpoint.host, endpoint.port)
        self.ports[endpoint] = port
        return port

    async def socks(self) -> int:
        """The port of 127.0.0.1 of a SOCKS5 proxy."""
        listening, port = self._listener("SOCKS")
        await self._listeners.socks(listening)
        return port

    async def route(self) -> None:
        """Lead the connections of this machine to all addresses of the networks through the tunnel, until it
        is closed. Raises `UserError`."""
        if not self._redirects:
            raise UserError("sst tunnel --route works on Linux only",
                            hint="without it, a port of 127.0.0.1 leads to each database, and a SOCKS5 proxy to all")
        ranges = [ipaddress.IPv4Network(r) for c in self.connections for r in c.gateway.ranges]
        if own := [str(r) for r in ranges if _own_address(r) in r]:
            raise UserError(f"this machine is itself in {own[0]}, a range of the app's network",
                            hint="without --route nothing is redirected")

        def wanted(connection: socket.socket) -> tuple[str, int]:
            host, port = destination(connection)
            if not any(ipaddress.IPv4Address(host) in r for r in ranges):
                raise OSError("it was not redirected")
            return host, port

        listening, port = listener(0)
        await self._listeners.routed(listening, wanted)
        self._redirection = Redirection([str(r) for r in ranges], port)
        try:
            await in_thread(self._redirection.open)
        except OSError as e:
            raise UserError(f"connections can't be redirected: {e}", hint="--route needs root, which it gets by sudo, "
                            "and nft or iptables; without --route it needs neither") from e

    async def close(self) -> None:
        if self._redirection:
            await in_thread(self._redirection.close)
        await self._listeners.close()
        for connection in self.connections:
            await connection.close()

    def _listener(self, title: str) -> tuple[Any, int]:
        try:
            return listener(self._remembered.of(title))
        except OSError as e:
            raise UserError(f"no port of {LOOPBACK} is free for {title}: {e}") from e

    async def _dial(self, host: str, port: int) -> tuple[Any, Any]:
        return await self._way(host).dial(host, port)

    def _way(self, host: str) -> Connection | TaskConnection:
        """The bastion of a linked endpoint, of the range of an address, or else the first."""
        if host in self._names:
            return self._names[host]
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return self.connections[0]
        return next((c for c in self.connections
                     if any(address in ipaddress.ip_network(r) for r in c.gateway.ranges)), self.connections[0])


def _own_address(range: ipaddress.IPv4Network) -> ipaddress.IPv4Address:
    """The address that this machine would use to reach the range; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((str(range[1]), 9))
        except OSError:
            return ipaddress.IPv4Address(0)
        return ipaddress.IPv4Address(probe.getsockname()[0])
