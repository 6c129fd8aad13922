"""Local services behind records of the emulator: a database that is asked for by an API call is a process here.

The emulator's calls run in threads; the supervisor belongs to the launcher's loop. What stands here may be called from
any thread but the loop's own.
"""
from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from contextvars import copy_context
from pathlib import Path
from typing import Any, TypeVar

from sst.embedded.certificates import Authority
from sst.embedded.environment import ensure_packages, ensure_program
from sst.embedded.services import LocalService, Supervisor
from sst.embedded.services.mariadb import find_mariadbd
from sst.embedded.services.tls_relay import TlsRelay
from sst.embedded.settings import Settings

__all__ = ["Backing"]

_log = logging.getLogger("sst.services")
T = TypeVar("T")


class Backing:
    """Used by one kind of `backed.Records`."""

    def __init__(self, supervisor: Supervisor, loop: asyncio.AbstractEventLoop, settings: Settings) -> None:
        self._supervisor, self._loop, self._host = supervisor, loop, settings.host
        self.region = settings.region
        self._authority = Authority(settings.folder, settings.host)
        self._relays: dict[str, TlsRelay] = {}

    def program(self, name: str) -> Path:
        """The folder of a program's package, installed on first use; of ``mariadb`` the program itself, which the
        system must have. Raises `UserError`."""
        return find_mariadbd(self._host) if name == "mariadb" else ensure_program(name, self._host)

    def packages(self, name: str) -> Path:
        """The folder of the packages of a lock file, installed on first use. Raises `UserError`."""
        return ensure_packages(name, self._host)

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

    def veil(self, name: str, wanted: int) -> int:
        """The port at which clients reach a service by TLS, ``wanted`` if it is free; `lead` says what is behind it.
        Raises `OSError` if there is none."""
        if name not in self._relays:
            relay = TlsRelay(self._authority.server())
            self._wait(relay.open(wanted))
            self._relays[name] = relay
        return self._relays[name].port

    def lead(self, name: str, port: int) -> None:
        self._relays[name].target = port

    def unveil(self, name: str) -> None:
        if relay := self._relays.pop(name, None):
            self._loop.call_soon_threadsafe(relay.close)

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
