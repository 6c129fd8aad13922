"""Durability: what was answered is on disk, whatever happens to the process next.

The emulator keeps its resources in memory. Here each answer to a call that may have changed something waits for a
checkpoint, and all calls that wait at the same moment share one: what may have changed is copied (on the event loop,
in one go, so that no other call is half in it), and what really did is written by a thread, in one transaction. The
cost is that of the change, however much there is.
"""
from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from sst.embedded.database import Changes, Database
from sst.embedded.tracking import Tracked

__all__ = ["Checkpoints", "Collector", "unsaved"]

_log = logging.getLogger("sst.checkpoint")
_EVERY = 1.0
"""Seconds between two looks at what changes by itself (messages received, schedules fired, logs)."""


def unsaved(error: Exception) -> str:
    """What the caller is told: ``error`` kept this change from the disk."""
    reason = getattr(error, "strerror", None) or error
    return f"the change could not be written to .sst/local: {reason}"


class Collector(Protocol):
    def collect(self, *, everything: bool = False) -> Changes: ...

    def failed(self) -> None:
        """The last changes are not on disk: all of them count as changed again."""
        ...

    def again(self, held: dict[tuple[int, Any], Tracked]) -> None: ...

    def look_twice(self) -> None:
        """Look once more at what was collected since the last time: a thread may have changed it afterwards."""
        ...


class Checkpoints:
    """Group commit over the emulator's services."""

    def __init__(self, collector: Collector, database: Database) -> None:
        self._collector, self._database = collector, database
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._waiting: list[asyncio.Future[None]] = []
        self._wake = asyncio.Event()
        self.count = 0
        self.milliseconds = 0.0

    async def commit(self, held: dict[tuple[int, Any], Tracked] | None = None) -> None:
        """Return when everything that was true on entry is on disk. ``held`` is what the request got hold of."""
        if held:
            self._collector.again(held)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(done)
        self._wake.set()
        await done

    async def run(self) -> None:
        """Serve `commit` for ever; also saves once a second what changed by itself."""
        looked = time.monotonic()
        while True:
            try:
                async with asyncio.timeout(_EVERY):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            if time.monotonic() - looked >= _EVERY:
                looked = time.monotonic()
                self._collector.look_twice()
            waiting, self._waiting = self._waiting, []
            began = time.perf_counter()
            failed: Exception | None = None
            try:
                await self.save()
            except Exception as error:  # an answer must not claim what is not on disk
                _log.exception("checkpoint failed")
                failed = error
            if waiting:
                self.count += 1
                self.milliseconds = (time.perf_counter() - began) * 1e3
            for done in waiting:
                if not done.done():
                    if failed:
                        done.set_exception(failed)
                    else:
                        done.set_result(None)

    async def save(self) -> None:
        """Write what changed since it was last written."""
        try:
            changes = self._collector.collect()
        except Exception:
            self._collector.failed()
            raise
        if changes:
            await asyncio.get_running_loop().run_in_executor(self._writer, self._write, changes)

    def save_now(self) -> None:
        """Everything, without a loop; at the end of the process."""
        self._writer.shutdown(wait=True)
        self._write(self._collector.collect(everything=True))
        self._database.close()

    def _write(self, changes: Changes) -> None:
        try:
            left_out = self._database.write(changes)
        except BaseException:
            self._collector.failed()
            raise
        for place in left_out:
            _log.error("not saved, it has no form in JSON: %s", place)
