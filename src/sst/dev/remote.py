"""Live functions on an AWS stage: the Events API that carries their calls, and the bridge that hears them.

The API is declared with the first function that takes part, so that an app without functions has none.
"""
from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from ..aws.function.live import LiveSettings, lease_end
from ..clouds.aws import appsync
from ..core.graph import Graph, Scope
from ..core.model import Snapshot
from ..project.world import World
from ..runtime.bridge.wire import Keys
from .bridge import Bridge, Endpoints, Network, Refused
from .live import Live

__all__ = ["Remote", "declare_live", "patience"]

_NEAR = 60.0
"""Milliseconds of a round trip below which functions wait as long as they do by themselves."""
_API = "SstLive"
_CHANNELS = "SstLiveChannels"


async def patience(world: World) -> int:
    """Milliseconds that functions should wait for us, from how far away the region is; 0 is the usual. In steps, so
    that plans stay.

    A question and its answer cross the way there and back once, and are handed on twice in the region.
    """
    at = urlsplit(world.aws.endpoint("appsync") or f"https://appsync.{world.project.region}.amazonaws.com")
    trips = []
    for _ in range(3):
        began = time.monotonic()
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection(at.hostname, at.port
                                                                       or (443 if at.scheme == "https" else 80)), 3)
        except (OSError, TimeoutError):  # through a proxy, perhaps: nobody can tell
            continue
        trips.append((time.monotonic() - began) * 1000)
        writer.close()
    return _wait(min(trips, default=0))


def _wait(trip: float) -> int:
    """For a round trip of so many milliseconds."""
    return 0 if trip < _NEAR else 100 * math.ceil((2 * trip + 100) / 100)


def declare_live(graph: Graph, *, wait: int = 0, clock: Callable[[], float] = time.time) -> None:
    """Have the functions of this program ask for a developer while the lease lasts; ``wait`` is of `patience`."""
    made: list[LiveSettings] = []

    def settings() -> LiveSettings:
        if not made:
            with graph.within(Scope()):
                api = appsync.Api(_API, event_config=appsync.signed_by_iam())
                channels = appsync.ChannelNamespace(_CHANNELS, api_id=api.id)
            made.append(LiveSettings(api.http, api.realtime, api.arn, channels.name, lease_end(clock()), wait))
        return made[0]

    graph.settings["live"] = settings


class Remote:
    """Keeps a bridge to what is deployed. ``say`` hears how it is with the connection."""

    def __init__(self, world: World, live: Live, say: Callable[[str], None]) -> None:
        self._world, self._live, self._say = world, live, say
        self._at: tuple[Endpoints, str] | None = None
        self._task: asyncio.Task[None] | None = None

    async def use(self, snapshot: Snapshot) -> None:
        """Bridge what this state says; nothing if it has no API."""
        states = {s.type: s.values for s in snapshot.resources.values() if s.type.startswith("aws.appsync.")
                  and s.parent is None}
        api, channels = states.get("aws.appsync.Api"), states.get("aws.appsync.ChannelNamespace")
        wanted = (Endpoints(api["http"], api["realtime"]), f"/{channels['name']}") if api and channels else None
        if wanted == self._at and not (self._task and self._task.done()):
            return
        await self.close()
        self._at = wanted
        if wanted:
            self._task = asyncio.create_task(self._run(*wanted))

    async def close(self) -> None:
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _run(self, endpoints: Endpoints, channel: str) -> None:
        settings = self._world.aws.settings
        network = Network(settings.ca_bundle() or "", *settings.proxies())
        bridge = Bridge(endpoints, self._keys, channel, self._live, connected=self._connected, network=network)
        try:
            await bridge.run()
        except Refused as refused:
            self._say(f"the line to AWS is refused: {refused}. Functions run as they are deployed")

    def _keys(self) -> Keys:
        found = self._world.aws.settings.credentials()
        return Keys(found.access_key, found.secret_key, found.token or "")

    def _connected(self, yes: bool, why: str) -> None:
        if yes:
            self._say("connected: calls of functions come here")
        elif why:
            self._say(f"not connected ({why}); functions run as they are deployed meanwhile")
