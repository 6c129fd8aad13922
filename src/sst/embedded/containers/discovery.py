"""The names of services on this machine: each is a loopback address, and a connection to its port goes to one of the
tasks.

On Linux a name has an address of its own below 127.0.0.0/8, so that its port is the one that the program says. Other
systems have 127.0.0.1 alone, where a port may be taken.
"""
from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from sst.embedded import tracking
from sst.machine.loopback import loopback_address

__all__ = ["Discovery", "Place"]

_log = logging.getLogger("sst.discovery")
Place = tuple[str, int]
"""Address and port."""
_WAIT = 20.0
"""A connection waits so long for a task, while one is starting."""
_PAUSE = 0.2


class Discovery:
    """``wanted`` tells which names have services, with the ports of 127.0.0.1 of the tasks behind each."""

    def __init__(self, folder: Path, wanted: Callable[[], dict[Place, Sequence[int]]]) -> None:
        self._folder, self._wanted = folder, wanted
        self._open: dict[Place, asyncio.Server] = {}
        self._closed: set[Place] = set()
        """Where nothing can listen at present."""
        self._connected: set[asyncio.Task[None]] = set()
        self._turn = 0

    def address(self, name: str) -> str:
        """The address of a name, the same in each run, and another one in another project."""
        return loopback_address(f"{self._folder}\0{name.lower()}")

    def problem(self, place: Place) -> str:
        """Why nothing can listen there; empty if it can, or does already."""
        if place in self._open:
            return ""
        with socket.socket() as line:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                line.bind(place)
            except OSError as error:
                return f"port {place[1]} of {place[0]} can't be had on this machine: {error.strerror}"
        return ""

    async def run(self) -> None:
        """Listen for as long as the cloud runs."""
        try:
            while True:
                with tracking.reading(), contextlib.suppress(RuntimeError):  # the records changed while they were read
                    await self._follow(self._wanted())
                await asyncio.sleep(_PAUSE)
        finally:
            await self._follow({})
            for task in self._connected:
                task.cancel()

    async def _follow(self, wanted: dict[Place, Sequence[int]]) -> None:
        for place in self._open.keys() - wanted.keys():
            self._open.pop(place).close()
        for place in wanted.keys() - self._open.keys():
            try:
                self._open[place] = await asyncio.start_server(partial(self._connect, place), *place)
            except OSError as error:
                if place not in self._closed:
                    _log.warning("%s:%s can't be had: %s", *place, error)
                self._closed.add(place)
        self._closed &= wanted.keys() - self._open.keys()

    async def _connect(self, place: Place, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connected.add(task)
        task.add_done_callback(self._connected.discard)
        with contextlib.closing(writer):
            if (other := await self._task_of(place)) is None:
                return
            theirs, to_them = other
            with contextlib.closing(to_them):
                await asyncio.gather(_pump(reader, to_them), _pump(theirs, writer))

    async def _task_of(self, place: Place) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """A connection to one of the tasks, in turn; another one where nothing listens yet."""
        until = time.monotonic() + _WAIT
        while time.monotonic() < until:
            with tracking.reading():
                ports = self._wanted().get(place)
            if ports is None:
                return None
            self._turn += 1
            for n in range(len(ports)):
                with contextlib.suppress(OSError):
                    return await asyncio.open_connection("127.0.0.1", ports[(self._turn + n) % len(ports)])
            await asyncio.sleep(0.05)
        return None


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError, RuntimeError):
        writer.write_eof()
