"""Starts, takes over and ends the local services of one embedded cloud."""
from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Sequence
from pathlib import Path

from sst.embedded.ports import free_port
from sst.embedded.services.process import Process, end_left_over
from sst.embedded.services.service import LocalService
from sst.errors import SstError

__all__ = ["Supervisor"]

_TAKE_OVER_SECONDS = 5.0
_NAME = re.compile(r"[A-Za-z0-9_-]+/[A-Za-z0-9_-]+")


class Supervisor:
    """Owned by the launcher: what it started ends with it, unless the launcher is killed. Then the next one takes over
    the processes that are still wanted, with their data, and ends the others. One that is not ready ``ready_seconds``
    after its start is ended again.

    ``folder`` has one folder for each service: ``data`` (the service's own), ``log``, and what identifies its process.
    """

    def __init__(self, folder: Path, *, ready_seconds: float = 30.0) -> None:
        self._folder, self._ready_seconds = folder, ready_seconds
        self._running: dict[str, tuple[LocalService, Process, str]] = {}

    async def begin(self, services: Sequence[LocalService]) -> None:
        """Have exactly these running. Raises `SstError` if one does not start."""
        await asyncio.to_thread(end_left_over, self._folder, frozenset(service.name for service in services))
        for service in services:
            await self.start(service)

    async def start(self, service: LocalService) -> str:
        """Its endpoint, once it is ready; one that runs already is taken over. Raises `SstError`."""
        if found := self._running.get(service.name):
            return found[2]
        if not _NAME.fullmatch(service.name):
            raise SstError(f"{service.name!r} is no name of a local service", hint="write it like postgres/Main")
        return await asyncio.to_thread(self._start, service)

    def endpoints(self) -> dict[str, str]:
        """Name -> endpoint of what runs now."""
        return {name: endpoint for name, (_, process, endpoint) in sorted(self._running.items()) if process.running}

    async def stop(self, name: str) -> None:
        """End it; its data stays."""
        service, process, _ = self._running.pop(name)
        await asyncio.to_thread(process.end, service.stop_signal)

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
            port = free_port(port)
            self._launch(service, process, data, port)
        endpoint = service.endpoint(port)
        self._running[service.name] = service, process, endpoint
        return endpoint

    def _can_take_over(self, service: LocalService, process: Process, data: Path) -> bool:
        return process.runs(service.command(data, process.port)) and _wait(
            service, process, process.port, _TAKE_OVER_SECONDS
        )

    def _launch(self, service: LocalService, process: Process, data: Path, port: int) -> None:
        try:
            process.start(service.command(data, port), service.environment(data), port)
            if _wait(service, process, port, self._ready_seconds):
                return
        except OSError as error:
            raise SstError(f"the local service {service.name} could not be started: {error}") from error
        reason = "is not ready" if process.running else "ended"
        process.end(service.stop_signal)
        raise SstError(f"the local service {service.name} {reason}: {process.last_line()}",
                       hint=f"its log is {process.folder / 'log'}")


def _wait(service: LocalService, process: Process, port: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while process.running and time.monotonic() < deadline:
        if service.ready(port):
            return True
        time.sleep(0.02)
    return False
