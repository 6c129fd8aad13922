"""An SSH connection to a bastion that comes back when it is lost."""
from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ...embedded.settings import read_json
from ...errors import SstError, UserError
from ...machine.files import write_private
from ..deploys import in_thread

if TYPE_CHECKING:
    import asyncssh

__all__ = ["PAUSES", "WAIT_SECONDS", "Connection", "Gateway", "KnownHosts", "Unreachable", "Way"]

_CONNECT_SECONDS = 15.0
_ALIVE_SECONDS, _ALIVE_COUNT = 15.0, 3
"""A connection over which nothing comes for 45 seconds is lost."""
WAIT_SECONDS = 20.0
"""How long somebody who connects waits for a lost connection to come back."""
PAUSES = (0.25, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)


class Way(Protocol):
    """Into a network. Its methods may take their time, and raise `SstError`."""

    @property
    def network(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def ranges(self) -> Sequence[str]: ...
    def address(self) -> str: ...


class Gateway(Way, Protocol):
    """A bastion; `clouds.aws.bastion.Bastion` is one."""

    @property
    def user(self) -> str: ...
    @property
    def port(self) -> int: ...
    def host_keys(self) -> Sequence[str]: ...
    def allow(self, public_key: str) -> None: ...


class Unreachable(Exception):
    """Why there is no way to an address."""


class KnownHosts:
    """The host key that each bastion has shown first, in a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def of(self, id: str) -> str:
        return str((read_json(self.file) or {}).get(id, ""))

    def keep(self, id: str, key: str) -> None:
        known = dict(read_json(self.file) or {})
        if known.get(id) != key:
            write_private(self.file, json.dumps({**known, id: key}, indent=1) + "\n")


class Connection:
    """``say`` is told what happens. The key that logs in is made here, and is never written anywhere."""

    def __init__(self, gateway: Gateway, known: KnownHosts, say: Callable[[str], None]) -> None:
        import asyncssh

        self.gateway, self._known, self._say = gateway, known, say
        self.address = ""
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        self._ssh: asyncssh.SSHClientConnection | None = None
        self._there = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect, and keep connected from then on. Raises `UserError`, or `ProviderError` of a call."""
        await self._connect()
        self.begin()

    def begin(self) -> None:
        """Connect in the background, and keep connected; what is in the way is told."""
        self._keeping = asyncio.create_task(self._keep())

    async def dial(self, host: str, port: int) -> tuple[asyncssh.SSHReader[bytes], asyncssh.SSHWriter[bytes]]:
        """A connection from the bastion to an address, whose name it resolves. Raises `Unreachable`."""
        import asyncssh

        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await self._there.wait()
                assert self._ssh is not None
                return await self._ssh.open_connection(host, port, encoding=None)
        except TimeoutError:
            raise Unreachable("there is no connection to the bastion" if not self._there.is_set() else
                              f"nothing answered for {WAIT_SECONDS:.0f} seconds; do its security groups let the "
                              "bastion in?") from None
        except asyncssh.ChannelOpenError as e:
            raise Unreachable(e.reason or "the bastion refused") from e
        except (asyncssh.Error, OSError) as e:
            raise Unreachable(str(e) or type(e).__name__) from e

    async def close(self) -> None:
        if self._keeping:
            self._keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeping
        if self._ssh:
            self._ssh.abort()
            await self._ssh.wait_closed()

    async def _keep(self) -> None:
        name, turn, last = self.gateway.network, 0, ""
        while True:
            if self._ssh is not None:
                await self._ssh.wait_closed()
                self._ssh, turn, last = None, 0, ""
                self._there.clear()
                self._say(f"{name}: the connection to the bastion was lost; connecting again")
            try:
                await self._connect()
            except (SstError, OSError) as error:
                if str(error) != last:      # not each time anew
                    last = str(error)
                    self._say(f"{name}: {last}")
                await asyncio.sleep(PAUSES[min(turn, len(PAUSES) - 1)])
                turn += 1
            else:
                self._say(f"{name}: connected to the bastion at {self.address}")

    async def _connect(self) -> None:
        import asyncssh

        at = self.gateway
        self.address = await in_thread(at.address)
        try:
            trusted = await self._trusted()
            await in_thread(lambda: at.allow(self._key.export_public_key().decode().strip()))
            self._ssh = await asyncssh.connect(
                self.address, at.port, username=at.user, client_keys=[self._key], known_hosts=(trusted, [], []),
                config=None, agent_path=None, preferred_auth="publickey", connect_timeout=_CONNECT_SECONDS,
                login_timeout=_CONNECT_SECONDS, keepalive_interval=_ALIVE_SECONDS, keepalive_count_max=_ALIVE_COUNT)
        except (asyncssh.Error, OSError, TimeoutError) as error:
            raise self._explained(error) from error
        shown = self._ssh.get_server_host_key()
        assert shown is not None
        self._known.keep(at.id, _text(shown))
        self._there.set()

    async def _trusted(self) -> list[asyncssh.SSHKey]:
        """The host key of the last time; else those on the instance's console; else the one that it shows now."""
        import asyncssh

        at = self.gateway
        if before := self._known.of(at.id):
            return [asyncssh.import_public_key(before)]
        if printed := await in_thread(at.host_keys):
            return [asyncssh.import_public_key(key) for key in printed]
        async with asyncio.timeout(_CONNECT_SECONDS):
            shown = await asyncssh.get_server_host_key(self.address, at.port, config=None)
        assert shown is not None
        self._say(f"{at.network}: its console does not show the host key of the bastion yet; {shown.get_fingerprint()} "
                  "is trusted from now on")
        return [shown]

    def _explained(self, error: Exception) -> UserError:
        import asyncssh

        at = self.gateway
        who = f"the bastion of {at.network} ({at.id}, {self.address})"
        match error:
            case asyncssh.PermissionDenied():
                return UserError(f"{who} refuses the key",
                                 hint="its image must have EC2 Instance Connect, as Amazon Linux 2023 has; an instance "
                                      "that has just started may take a minute")
            case asyncssh.HostKeyNotVerifiable() | asyncssh.KeyExchangeFailed():
                return UserError(f"{who} shows another host key than {self._source()}",
                                 hint="somebody may be between it and you: do not connect unless you know why. If the "
                                      f"key was changed on purpose, delete {self._known.file}")
            case _:
                return UserError(f"{who} can't be reached at port {at.port}: {str(error) or 'it does not answer'}",
                                 hint="does bastion={\"allow\": [...]} include this machine's address, and does this "
                                      "network let SSH out?")

    def _source(self) -> str:
        return "before" if self._known.of(self.gateway.id) else "on its console"


def _text(key: asyncssh.SSHKey) -> str:
    return key.export_public_key().decode().strip()
