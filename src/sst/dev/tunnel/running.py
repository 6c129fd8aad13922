"""`sst tunnel`: opened, shown, and held until it is ended."""
from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.model import Snapshot, shown
from ...errors import UserError
from .connection import Gateway
from .endpoints import Endpoint, endpoints_in, rewritten
from .task import Forwarder
from .tunnel import Tunnel, folder_of

if TYPE_CHECKING:
    from ...project.backend import Backend

__all__ = ["Opened", "Wanted", "behind_gateways", "hold", "wanted_of"]


@dataclass(frozen=True)
class Wanted:
    """What is to be opened; ``endpoints`` with the network of each."""

    gateways: Sequence[Gateway | Forwarder]
    folder: Path
    endpoints: Mapping[Endpoint, str]


@dataclass(frozen=True)
class Opened:
    """A tunnel that is open, for whoever shows it."""

    networks: Sequence[tuple[str, str, str, Sequence[str]]]
    """Name; id and address of the bastion, or services and a task of them; ranges."""
    forwards: Mapping[Endpoint, int]
    """Empty where connections are redirected: then the endpoints have their own addresses."""
    socks: int


def wanted_of(backend: Backend) -> Wanted:
    """What the state of the stage says. Raises `UserError` if there is nothing to go through."""
    project = backend.project
    if project.is_local:
        raise UserError("stage local needs no tunnel: its databases run on this machine",
                        hint="`sst shell` runs a command with their addresses")
    snapshot = backend.stage.load()
    if not snapshot.resources:
        raise UserError(f'stage "{project.stage}" is not deployed', hint="`sst deploy` first")
    wanted, _ = behind_gateways(backend, snapshot)
    if not wanted.gateways:
        raise UserError(f'no network of stage "{project.stage}" has a bastion, or a service to go through',
                        hint='aws.Vpc("MyVpc", bastion=True), then `sst deploy`. Of an existing network, an instance '
                             "with the tag sst:is-bastion=true is the bastion")
    return wanted


def behind_gateways(backend: Backend, snapshot: Snapshot) -> tuple[Wanted, str]:
    """What is behind the bastions and tasks of a state, and a word on what is in a network without them."""
    project, registry, links = backend.project, backend.registry(snapshot), shown(snapshot.links)
    gateways = registry.gateways(snapshot)
    endpoints = {e: g.network for g in gateways for e in endpoints_in(links, g.inside)}
    words = [f"{e.title} is in the network {network}, which this machine can't reach"
             for network, inside in registry.closed_networks(snapshot).items() for e in endpoints_in(links, inside)
             if e not in endpoints]
    how = '; aws.Vpc(..., bastion=True) opens a way, and dev={...} of a database uses a server of yours'
    return Wanted(gateways, folder_of(project.root, project.stage), endpoints), "; ".join(words) + how if words else ""


def hold(wanted: Wanted, *, say: Callable[[str], None], show: Callable[[Opened], None], argv: Sequence[str] = (),
         environment: Mapping[str, str] | None = None, route: bool = False) -> int:
    """Keep it open until ctrl-c, or until the command ``argv`` ends, whose exit code is returned. With ``route``, all
    connections of this machine to the networks are redirected."""
    return asyncio.run(_hold(wanted, say, show, argv, environment or {}, route))


async def _hold(wanted: Wanted, say: Callable[[str], None], show: Callable[[Opened], None], argv: Sequence[str],
                environment: Mapping[str, str], route: bool) -> int:
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    tunnel = Tunnel(wanted.gateways, wanted.folder, say)
    opening = asyncio.ensure_future(_open(tunnel, wanted, route))

    def end() -> None:
        ended.set()
        opening.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, end)
    try:
        try:
            show(await opening)
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None
        if argv:
            return await _run(argv, rewritten(environment, tunnel.ports))
        await ended.wait()
        return 0
    finally:
        await tunnel.close()


async def _open(tunnel: Tunnel, wanted: Wanted, route: bool) -> Opened:
    await tunnel.open()
    if route:
        await tunnel.route()
    else:
        for endpoint, network in wanted.endpoints.items():
            await tunnel.forward(endpoint, network)
    return Opened([(c.gateway.network, c.gateway.id, c.address, c.gateway.ranges) for c in tunnel.connections],
                  tunnel.ports, await tunnel.socks())


async def _run(argv: Sequence[str], environment: Mapping[str, str]) -> int:
    """Ctrl-c reaches the command as it reaches us: whether it ends is for the command to decide."""
    process = await asyncio.create_subprocess_exec(*argv, env=environment)
    code = await process.wait()
    return code if code >= 0 else 128 - code
