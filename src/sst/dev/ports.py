"""Ports of the servers that a session runs: the same ones in each session, as long as nobody else takes them."""
from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

from ..embedded.ports import free_port
from ..embedded.settings import read_json
from ..machine.files import write_private

__all__ = ["Ports"]


class Ports:
    """``file`` remembers them by name."""

    def __init__(self, file: Path) -> None:
        self._file, self._checked, self._lock = file, set[str](), threading.Lock()
        self._known = {str(name): int(str(port)) for name, port in (read_json(file) or {}).items()}

    def of(self, name: str, wanted: int = 0) -> int:
        """``wanted`` if nobody has it. Raises `SstError` if there is none."""
        with self._lock:
            if name not in self._checked:
                taken = {port for other, port in self._known.items() if other != name}
                port = wanted if wanted and not _answers(wanted) else free_port(self._known.get(name, 0))
                while port in taken:
                    port = free_port(0)
                self._known[name] = port
                self._checked.add(name)
                write_private(self._file, json.dumps(self._known, indent=1))
            return self._known[name]


def _answers(port: int) -> bool:
    """Whether a server listens there: some listen to one of both addresses of localhost alone."""
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family) as probe:
                if probe.connect_ex((host, port)) == 0:
                    return True
        except OSError:     # this machine has no IPv6
            continue
    return False
