"""Local services behind records of the emulator: a database that is asked for by an API call is a process here.

The emulator's calls run in threads; the supervisor belongs to the launcher's loop. What stands here may be called from
any thread but the loop's own.
"""
from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Mapping
from contextvars import copy_context
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sst.embedded.environment import ensure_program
from sst.embedded.services import LocalService, Supervisor

__all__ = ["Backing", "Kept"]

_log = logging.getLogger("sst.services")
T = TypeVar("T")


class Kept(Protocol):
    """A module that has records with services behind them."""

    def attach(self, backing: Backing) -> None:
        """Start services with ``backing`` from now on."""
        ...

    def names(self) -> frozenset[str]:
        """The services that the records need."""
        ...

    def resume(self) -> None:
        """Start what records of the last run need; returns when all of it answers or has failed."""
        ...


class Backing:
    """``host`` is the environment of the user's that programs are installed with."""

    def __init__(self, supervisor: Supervisor, loop: asyncio.AbstractEventLoop, host: Mapping[str, str]) -> None:
        self._supervisor, self._loop, self._host = supervisor, loop, host

    def program(self, name: str) -> Path:
        """The folder of a program's package, installed on first use. Raises `UserError`."""
        return ensure_program(name, self._host)

    def start(self, service: LocalService) -> int:
        """Its port, once it answers. Raises `SstError`."""
        return int(self._wait(self._supervisor.start(service)).rpartition(":")[2])

    def restart(self, service: LocalService) -> int:
        """With another command over the same data. Raises `SstError`."""
        self._wait(self._supervisor.stop(service.name))
        return self.start(service)

    def remove(self, name: str) -> None:
        """End it and delete its data."""
        self._wait(self._supervisor.remove(name))

    def later(self, work: Callable[[], None], name: str) -> threading.Thread:
        """Run ``work`` on a thread of its own, in the account and region of the call that asks for it."""

        def run() -> None:
            try:
                work()
            except Exception:
                _log.exception("%s failed", name)

        thread = threading.Thread(target=copy_context().run, args=(run,), daemon=True, name=f"sst-{name}")
        thread.start()
        return thread

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
