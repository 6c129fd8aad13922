"""Calls from an AWS stage, over the bridge: connects to the API that the functions of the program name."""
from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Collection, Mapping
from typing import Protocol
from urllib.parse import urlsplit

from ..core.dev_parts import Bridge as Address
from ..core.target import Lease
from ..runtime.bridge.wire import Keys
from .bridge import Bridge, Endpoints, Network, Refused
from .call import CallRunner

__all__ = ["BridgeCalls", "Connection", "measure_latency"]

_NEAR = 60.0
"""Milliseconds of a round trip below which functions wait as long as they do by themselves."""


class Credentials(Protocol):
    @property
    def access_key(self) -> str: ...
    @property
    def secret_key(self) -> str: ...
    @property
    def token(self) -> str | None: ...


class Connection(Protocol):
    """How this machine reaches the cloud; `clouds.aws.settings.Settings` is one."""

    @property
    def events_url(self) -> str: ...
    def credentials(self) -> Credentials: ...
    def ca_bundle(self) -> str | None: ...
    def proxies(self) -> tuple[Mapping[str, str], str]: ...


async def measure_latency(url: str) -> int:
    """Milliseconds that functions should wait for a session, from how far away ``url`` is; 0 is the default. In steps,
    so that plans stay the same.

    A question and its answer cross the way there and back once, and are handed on twice in the region.
    """
    at = urlsplit(url)
    trips = []
    for _ in range(3):
        began = time.monotonic()
        try:
            async with asyncio.timeout(3):
                _, writer = await asyncio.open_connection(at.hostname, at.port or (443 if at.scheme == "https" else 80))
        except (OSError, TimeoutError):  # through a proxy, perhaps: it can't be measured
            continue
        trips.append((time.monotonic() - began) * 1000)
        writer.close()
    return wait_for_round_trip(min(trips, default=0))


def wait_for_round_trip(milliseconds: float) -> int:
    return 0 if milliseconds < _NEAR else 100 * math.ceil((2 * milliseconds + 100) / 100)


class BridgeCalls:
    """A `parts.function.CallSource`. ``say`` reports how the connection is."""

    def __init__(self, runner: CallRunner, connection: Callable[[], Connection], say: Callable[[str], None]) -> None:
        self._runner, self._connection, self._say = runner, connection, say
        self._wait = 0
        self._at: Address | None = None
        self._task: asyncio.Task[None] | None = None

    def lease(self) -> Lease:
        return Lease.starting(time.time(), wait=self._wait)

    async def prepare(self) -> None:
        self._wait = await measure_latency(await asyncio.to_thread(lambda: self._connection().events_url))

    async def attach(self, bridges: Collection[Address]) -> None:
        wanted = next(iter(bridges), None)
        if wanted == self._at and not (self._task and self._task.done()):
            return
        await self.close()
        self._at = wanted
        if wanted:
            self._task = asyncio.create_task(self._run(wanted))

    async def functions_changed(self) -> None:
        """Functions ask for a session themselves."""

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _run(self, at: Address) -> None:
        connection = self._connection()
        network = Network(connection.ca_bundle() or "", *connection.proxies())
        bridge = Bridge(Endpoints(str(at.http), str(at.realtime)), self._keys, str(at.channel), self._runner,
                        connected=self._connected, network=network)
        try:
            await bridge.run()
        except Refused as refused:
            self._say(f"AWS refuses the connection of sst dev: {refused}. Functions run as they are deployed")

    def _keys(self) -> Keys:
        found = self._connection().credentials()
        return Keys(found.access_key, found.secret_key, found.token or "")

    def _connected(self, yes: bool, why: str) -> None:
        if yes:
            self._say("connected: calls of functions come here")
        elif why:
            self._say(f"not connected ({why}); functions run as they are deployed meanwhile")
