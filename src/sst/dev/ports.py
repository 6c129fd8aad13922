"""Ports of the servers that a session runs: the same ones in each session, as long as nobody else takes them."""
from __future__ import annotations

import json
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

    def of(self, name: str) -> int:
        """Raises `SstError` if there is none."""
        with self._lock:
            if name not in self._checked:
                taken = {port for other, port in self._known.items() if other != name}
                port = free_port(self._known.get(name, 0))
                while port in taken:
                    port = free_port(0)
                self._known[name] = port
                self._checked.add(name)
                write_private(self._file, json.dumps(self._known, indent=1))
            return self._known[name]
