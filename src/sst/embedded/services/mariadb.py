"""MariaDB as a local service: the database of RDS's engines MySQL and MariaDB."""
from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sst.embedded.services import unprivileged
from sst.errors import UserError

__all__ = ["MariaDb", "find_mariadbd"]

_START = Path(__file__).with_name("mariadb_start.py")
_SECONDS = 0.5
FOLDERS = ("/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/opt/homebrew/bin", "/usr/local/bin")
"""Where systems put servers that are not on the path of every user."""
_SETTINGS = {"bind-address": "127.0.0.1", "innodb-buffer-pool-size": "32M", "innodb-log-file-size": "16M",
             "performance-schema": "0", "default-time-zone": "+00:00", "character-set-server": "utf8mb4",
             "collation-server": "utf8mb4_unicode_ci", "socket": "socket", "pid-file": "pid"}
"""Little memory: it serves one developer. What is written is forced to the disk, as ever."""


def find_mariadbd(environment: Mapping[str, str], folders: Sequence[str] = FOLDERS) -> Path:
    """The system's server, on the path or in ``folders``. Raises `UserError` if there is none."""
    path = os.pathsep.join((environment.get("PATH", ""), *folders))
    if found := shutil.which("mariadbd", path=path):
        return Path(found)
    raise UserError("MySQL runs on stage `local` by the program mariadbd, which is not on this machine",
                    hint="install it: apt install mariadb-server-core (Debian and Ubuntu), dnf install mariadb-server "
                         "(Fedora), brew install mariadb (macOS)", code="tool-missing")


@dataclass(frozen=True)
class MariaDb:
    """A server of its own on 127.0.0.1, with one database and one user, who may do everything; see `mariadb_start`.

    ``settings`` are options of the server; one that it does not know is left out. Each change of ``password`` needs
    another ``generation``.
    """

    name: str
    program: Path
    user: str
    password: str = field(repr=False)
    database: str
    generation: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM

    def command(self, folder: Path, port: int) -> Sequence[str]:
        uid, gid = unprivileged.account() or (0, 0)
        options = [f"--{k}={v}" for k, v in {**_SETTINGS, "port": str(port)}.items()]
        options += [f"--loose-{k.replace('_', '-')}={v}" for k, v in sorted(self.settings.items())]
        return [sys.executable, "-I", str(_START), str(self.program), str(unprivileged.place(folder)), str(uid),
                str(gid), self.user, self.database, str(self.generation), *options]

    def environment(self, folder: Path) -> Mapping[str, str]:
        return {"LANG": "C.UTF-8", "SST_PASSWORD": _scrambled(self.password)}

    def endpoint(self, port: int) -> str:
        return f"mysql://127.0.0.1:{port}"

    def ready(self, port: int) -> bool:
        """Whether it greets with version 10 of its protocol, and not with an error."""
        try:
            with socket.create_connection(("127.0.0.1", port), _SECONDS) as line:
                return line.recv(5)[4:] == b"\x0a"
        except OSError:
            return False


def _scrambled(password: str) -> str:
    """As the server keeps it (``mysql_native_password``)."""
    once = hashlib.sha1(password.encode(), usedforsecurity=False).digest()
    return f"*{hashlib.sha1(once, usedforsecurity=False).hexdigest().upper()}"
