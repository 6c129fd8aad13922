"""What a local service says about itself."""
from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

__all__ = ["LocalService"]


class LocalService(Protocol):
    """A program that listens on one loopback port and keeps its data in one folder.

        class Cache:
            name = "valkey/Sessions"
            stop_signal = signal.SIGTERM

            def command(self, folder: Path, port: int) -> list[str]:
                return ["valkey-server", "--port", str(port), "--dir", str(folder), "--appendonly", "yes"]
            ...
    """

    @property
    def name(self) -> str:
        """Unique in one embedded cloud: ``KIND/NAME``, of letters, digits, ``-`` and ``_``. Names its folder."""
        ...

    @property
    def stop_signal(self) -> signal.Signals:
        """What asks it to save and end; it is killed if it is still there after 10 seconds."""
        ...

    def command(self, folder: Path, port: int) -> Sequence[str]:
        """The program and its arguments; ``folder`` exists, and is where its data stays between runs.

        A process that was left behind is taken over only if its command is still this one.
        """
        ...

    def environment(self, folder: Path) -> Mapping[str, str]:
        """Its whole environment: nothing of the user's or the emulator's is added."""
        ...

    def endpoint(self, port: int) -> str:
        """The address for programs: ``redis://127.0.0.1:6379``."""
        ...

    def ready(self, port: int) -> bool:
        """One short try, from a thread of its own: whether it answers now."""
        ...
