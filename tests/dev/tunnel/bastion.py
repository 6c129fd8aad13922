"""A bastion: an SSH server of its own on loopback, behind which there are addresses that only it knows."""
from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncssh

__all__ = ["Bastion", "Gate", "bastion", "echo"]

Inside = Mapping[tuple[str, int], int]
"""What is behind it: host and port there, to the port of loopback that stands for it."""


@dataclass
class Gate:
    """How a `Tunnel` finds a bastion; what AWS would say."""

    port: int
    keys: Sequence[str] = ()
    """Host keys on its console."""
    network: str = "MyVpc"
    id: str = "i-1"
    ranges: Sequence[str] = ("10.0.0.0/22", "10.0.4.0/22")
    user: str = "ec2-user"
    allowed: list[str] = field(default_factory=list)
    admit: bool = True

    def address(self) -> str:
        return "127.0.0.1"

    def host_keys(self) -> Sequence[str]:
        return self.keys

    def allow(self, public_key: str) -> None:
        if self.admit:
            self.allowed.append(public_key)


class _Server(asyncssh.SSHServer):
    def __init__(self, owner: Bastion) -> None:
        self.owner = owner

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.owner.connections.append(conn)

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return username == self.owner.gate.user and key.export_public_key().decode().strip() in self.owner.allowed()

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> Any:
        return self.owner.way(dest_host, dest_port)


@dataclass
class Bastion:
    gate: Gate
    host_key: str
    inside: Inside
    allowed: Callable[[], Sequence[str]]
    connections: list[asyncssh.SSHServerConnection] = field(default_factory=list)

    def way(self, host: str, port: int) -> Any:
        at = self.inside.get((host, port))
        if at is None:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "Name or service not known")

        async def carry(reader: asyncssh.SSHReader[bytes], writer: asyncssh.SSHWriter[bytes]) -> None:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", at)
            await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
            far_writer.close()
            writer.close()
        return carry

    def lose(self) -> None:
        """Break off all connections."""
        for one in self.connections:
            one.abort()
        self.connections.clear()


async def _copy(reader: Any, writer: Any) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.write_eof()


@contextlib.asynccontextmanager
async def bastion(inside: Inside, *, port: int = 0, address: str = "127.0.0.1", key: asyncssh.SSHKey | None = None,
                  allowed: Callable[[], Sequence[str]] | None = None) -> AsyncIterator[Bastion]:
    own = key or asyncssh.generate_private_key("ssh-ed25519")
    gate = Gate(0)
    made = Bastion(gate, own.export_public_key().decode().strip(), inside, allowed or (lambda: gate.allowed))
    server = await asyncssh.listen(address, port, server_host_keys=[own], server_factory=lambda: _Server(made),
                                   encoding=None)
    gate.port = server.get_port()
    try:
        yield made
    finally:
        server.close()
        made.lose()
        await server.wait_closed()


@contextlib.asynccontextmanager
async def echo() -> AsyncIterator[int]:
    """A server that sends all back once it has all, and then its length; the port of it."""
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = await reader.read()
        writer.write(data + b"|%d" % len(data))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
