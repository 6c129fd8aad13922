"""On AWS stages: the way into the networks whose databases the app links, through their bastions."""
from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.model import Snapshot
from ..call import CallRunner
from ..deploys import in_thread
from ..tunnel.calls import Rerouted
from ..tunnel.endpoints import Endpoint, rewritten
from ..tunnel.running import Wanted
from . import Deployed, Part

if TYPE_CHECKING:
    from ..tunnel.tunnel import Tunnel

__all__ = ["TunnelPart"]


class TunnelPart(Part):
    """Opens a tunnel where a database is in a network, and leads what runs here through it. ``find`` tells what a state
    has behind bastions, and a word on what has no way. ``say`` reports."""

    def __init__(self, find: Callable[[Snapshot], tuple[Wanted, str]], say: Callable[[str], None],
                 ports: Path) -> None:
        self._find, self._say, self._remembered = find, say, ports
        self._tunnel: Tunnel | None = None
        self._through: tuple[str, ...] = ()
        """The bastions that it goes through."""
        self._said = ""

    async def resume(self, deployed: Deployed) -> None:
        if deployed.snapshot.resources:
            await self.use(deployed)

    async def use(self, deployed: Deployed) -> None:
        wanted, word = await in_thread(lambda: self._find(deployed.snapshot))
        if word and word != self._said:
            self._say(word)
        self._said = word
        through = tuple(g.id for g in wanted.gateways)
        if through != self._through:        # another bastion has taken its place
            await self.close()
        if not wanted.endpoints:
            return
        if self._tunnel is None:
            from ..tunnel.tunnel import Tunnel

            self._through = through
            self._tunnel = Tunnel(wanted.gateways, wanted.folder, self._say, ports=self._remembered)
            self._tunnel.begin()
        for endpoint, network in wanted.endpoints.items():
            await self._tunnel.forward(endpoint, network)

    def runner(self, functions: CallRunner) -> CallRunner:
        """Runs calls whose functions find such links too."""
        return Rerouted(functions, lambda: self.ports)

    @property
    def ports(self) -> Mapping[Endpoint, int]:
        return self._tunnel.ports if self._tunnel else {}

    def environment(self, given: Mapping[str, str]) -> Mapping[str, str]:
        """Variables whose links lead through the tunnel."""
        return rewritten(given, self.ports) if self.ports else given

    async def close(self) -> None:
        if self._tunnel:
            await self._tunnel.close()
            self._tunnel = None
