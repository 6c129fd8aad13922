"""The way into a network through a task that runs in it: a session of Session Manager for each host and port."""
from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from ...errors import SstError
from ..deploys import in_thread
from .connection import PAUSES, WAIT_SECONDS, Unreachable, Way

if TYPE_CHECKING:
    from .channel import Session
    from .streams import Stream, Streams

__all__ = ["Forwarder", "TaskConnection"]


@runtime_checkable
class Forwarder(Way, Protocol):
    """Tasks that run in a network; `clouds.aws.task_gateway.TaskGateway` is one."""

    def forward(self, host: str, port: int) -> Session: ...


class TaskConnection:
    """``say`` is told what happens. A session is started for the first connection to a host and port, and another one
    when it was lost: with its task, or because nothing was sent for as long as the account lets sessions idle."""

    def __init__(self, gateway: Forwarder, say: Callable[[str], None]) -> None:
        self.gateway, self._say = gateway, say
        self.address = ""
        self._ways: dict[tuple[str, int], Streams] = {}
        self._one_by_one: defaultdict[tuple[str, int], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._looking: asyncio.Task[None] | None = None
        self._watching: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Raises `SstError` where no task could be gone through."""
        self.address = await in_thread(self.gateway.address)

    def begin(self) -> None:
        """Look for a task in the background; what is in the way is told."""
        self._looking = asyncio.create_task(self._look())

    async def dial(self, host: str, port: int) -> tuple[Stream, Stream]:
        """A connection from the task to an address, whose name it resolves. Raises `Unreachable`."""
        try:
            async with asyncio.timeout(WAIT_SECONDS), self._one_by_one[host, port]:
                way = self._ways.get((host, port))
                if way is None or not way.is_open:
                    way = self._ways[host, port] = await self._started(host, port)
                stream = way.connect()
                return stream, stream
        except TimeoutError:
            raise Unreachable(f"nothing answered for {WAIT_SECONDS:.0f} seconds") from None
        except (SstError, OSError) as error:
            raise Unreachable(str(error)) from error

    async def close(self) -> None:
        for task in [*self._watching, *([self._looking] if self._looking else [])]:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await asyncio.gather(*(way.close() for way in self._ways.values()))

    async def _started(self, host: str, port: int) -> Streams:
        from .streams import Streams

        session = await in_thread(lambda: self.gateway.forward(host, port))
        way = Streams(lambda: self._say(f"{self.gateway.network}: the task can't connect to {host}:{port}; do its "
                                        "security groups let it in?"))
        await way.open(session)
        watch = asyncio.create_task(self._watch(way, host, port))
        self._watching.add(watch)
        watch.add_done_callback(self._watching.discard)
        return way

    async def _watch(self, way: Streams, host: str, port: int) -> None:
        why = await way.wait_closed()
        self._say(f"{self.gateway.network}: the session to {host}:{port} has ended: {why}; the next connection starts "
                  "another one")
        await way.close()

    async def _look(self) -> None:
        turn, last = 0, ""
        while True:
            try:
                await self.open()
            except (SstError, OSError) as error:
                if str(error) != last:
                    last = str(error)
                    self._say(f"{self.gateway.network}: {last}")
                await asyncio.sleep(PAUSES[min(turn, len(PAUSES) - 1)])
                turn += 1
            else:
                self._say(f"{self.gateway.network}: connected through {self.address}")
                return
