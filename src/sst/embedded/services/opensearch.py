"""OpenSearch as a local service: the engine in memory, with a password and a record of its writes."""
from __future__ import annotations

import hashlib
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["OpenSearch"]

_START = Path(__file__).with_name("opensearch_server.py")
_SECONDS = 0.5


@dataclass(frozen=True)
class OpenSearch:
    """A server on 127.0.0.1, over HTTP; see `opensearch_server`. Each change of user or password needs another
    ``generation``."""

    name: str
    package: Path
    """The folder of the package ``osmem_server``."""
    user: str
    password: str = field(repr=False)
    generation: int = 0
    stop_signal: signal.Signals = signal.SIGTERM

    def command(self, folder: Path, port: int) -> Sequence[str]:
        return [sys.executable, "-I", str(_START), str(self.package / "bin/osmem-server"), str(folder), str(port),
                str(self.generation)]

    def environment(self, folder: Path) -> Mapping[str, str]:
        return {"LANG": "C.UTF-8", "SST_LOGIN": hashlib.sha256(f"{self.user}:{self.password}".encode()).hexdigest()}

    def endpoint(self, port: int) -> str:
        return f"http://127.0.0.1:{port}"

    def ready(self, port: int) -> bool:
        """Whether it asks for a password: it listens once it has what was written before."""
        try:
            with socket.create_connection(("127.0.0.1", port), _SECONDS) as line:
                line.sendall(b"GET / HTTP/1.0\r\n\r\n")
                return b" 401 " in line.recv(100)
        except OSError:
            return False
