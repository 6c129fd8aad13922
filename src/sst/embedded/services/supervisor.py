"""Starts, takes over and ends the local services of one embedded cloud."""
from __future__ import annotations

import asyncio
import logging
import re
import shutil
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from sst.embedded.ports import free_port
from sst.embedded.services import unprivileged
from sst.embedded.services.process import Process, end_left_over
from sst.embedded.services.service import LocalService
from sst.errors import SstError

__all__ = ["Supervisor"]

_log = logging.getLogger("sst.services")
_TAKE_OVER_SECONDS = 5.0
_LOOK_SECONDS = 0.25
_AGAIN_SECONDS = 5.0
_PORTS = 3
"""So many are tried, one after the other, where other programs take them."""
_NAME = re.compile(r"[A-Za-z0-9_-]+/[A-Za-z0-9_-]+")


class Supervisor:
    """Owned by the launcher: what it started ends with it, unless the launcher is killed. Then the next one takes over
    the processes that are still wanted, with their data, and ends the others. One that is not ready ``ready_seconds``
    after its start is ended again: MariaDB makes its first tables by then, also on a busy machine.

    ``folder`` has one folder for each service: ``data`` (the service's own), ``log``, and what identifies its process.
    """

    def __init__(self, folder: Path, *, ready_seconds: float = 120.0) -> None:
        self._folder, self._ready_seconds = folder, ready_seconds
        self._running: dict[str, tuple[LocalService, Process, str]] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def begin(self, services: Sequence[LocalService], later: frozenset[str] = frozenset()) -> None:
        """Have exactly these running, and leave those named in ``later``, which will be started. Raises `SstError` if
        one does not start."""
        await asyncio.to_thread(end_left_over, self._folder, later | {service.name for service in services})
        await asyncio.to_thread(unprivileged.sweep)
        for service in services:
            await self.start(service)

    async def start(self, service: LocalService) -> str:
        """Its endpoint, once it is ready; one that runs already is taken over. Raises `SstError`."""
        if not _NAME.fullmatch(service.name):
            raise SstError(f"{service.name!r} is not the name of a local service", hint="write it like postgres/Main")
        async with self._turns[service.name]:
            if found := self._running.get(service.name):
                return found[2]
            return await asyncio.to_thread(self._start, service)

    async def watch(self) -> None:
        """Start again what ends by itself, for ever."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            for name in [name for name, (_, process, _) in list(self._running.items()) if not process.running]:
                async with self._turns[name]:
                    if (found := self._running.get(name)) and not found[1].running:
                        _log.warning("the local service %s has ended: %s", name, found[1].last_line())
                        try:
                            await asyncio.to_thread(self._start, found[0])
                        except SstError as error:
                            _log.error("%s", error)
                            await asyncio.sleep(_AGAIN_SECONDS)

    def endpoints(self) -> dict[str, str]:
        """Name -> endpoint of what runs now."""
        return {name: endpoint for name, (_, process, endpoint) in sorted(self._running.items()) if process.running}

    async def stop(self, name: str) -> None:
        """End it if it runs; its data stays."""
        async with self._turns[name]:
            if found := self._running.pop(name, None):
                await asyncio.to_thread(found[1].end, found[0].stop_signal)

    async def remove(self, name: str) -> None:
        """End it and delete its data."""
        await self.stop(name)
        folder = self._folder / name
        await asyncio.to_thread(unprivileged.forget, folder / "data")
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def close(self) -> None:
        """End all of them, at once."""
        await asyncio.gather(*(self.stop(name) for name in list(self._running)))

    def _start(self, service: LocalService) -> str:
        folder = self._folder / service.name
        data = folder / "data"
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        process = Process(folder)
        port = process.port
        if process.running and not self._can_take_over(service, process, data):
            process.end(service.stop_signal)
        if not process.running:
            port = self._launch(service, process, data, free_port(port))
        endpoint = service.endpoint(port)
        self._running[service.name] = service, process, endpoint
        return endpoint

    def _can_take_over(self, service: LocalService, process: Process, data: Path) -> bool:
        return process.runs(service.command(data, process.port)) and _wait(
            service, process, process.port, _TAKE_OVER_SECONDS
        )

    def _launch(self, service: LocalService, process: Process, data: Path, port: int) -> int:
        """Its port: another one if somebody took ``port`` before the service could."""
        for turn in range(_PORTS):
            try:
                process.start(service.command(data, port), service.environment(data), port)
                if _wait(service, process, port, self._ready_seconds):
                    return port
            except OSError as error:
                raise SstError(f"the local service {service.name} could not be started: {error}") from error
            reason = "is not ready" if process.running else "ended"
            process.end(service.stop_signal)
            if reason == "is not ready" or turn == _PORTS - 1 or (other := free_port(port)) == port:
                break
            port = other
        raise SstError(f"the local service {service.name} {reason}: {process.last_line()}",
                       hint=f"its log is {process.folder / 'log'}")


def _wait(service: LocalService, process: Process, port: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while process.running and time.monotonic() < deadline:
        if service.ready(port):
            return True
        time.sleep(0.02)
    return False
