"""Debugging functions: each listens on a port of its own, for any editor that speaks the Debug Adapter Protocol.

Source: https://github.com/microsoft/debugpy/wiki/API-Reference and https://code.visualstudio.com/docs/python/debugging
"""
from __future__ import annotations

import json
import socket
from collections.abc import Callable, Collection, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import UserError
from .runnable import RunnableFunction

__all__ = ["Debugger"]

_FIRST_PORT = 5678
"""The one that editors know."""


class Debugger:
    """Gives functions their ports, and editors their configuration. ``only``: the titles of those to debug; none means
    all.

    ``folder`` is ours alone. Raises `UserError` if debugpy is not installed beside us.
    """

    def __init__(self, root: Path, folder: Path, *, only: Collection[str], say: Callable[[str], None]) -> None:
        self._root, self._only, self._say = root, frozenset(only), say
        self._folder = folder / "debugger"
        self._ports: dict[str, int] = {}
        found = find_spec("debugpy")
        if found is None or not found.submodule_search_locations:
            raise UserError("debugpy is not installed", hint="pip install 'sst-python[debug]', where sst is installed",
                            code="tool-missing")
        self._folder.mkdir(parents=True, exist_ok=True)
        # a folder with nothing else in it: functions must not find what is installed beside us
        link = self._folder / "debugpy"
        link.unlink(missing_ok=True)
        link.symlink_to(next(iter(found.submodule_search_locations)))

    def __call__(self, function: RunnableFunction) -> tuple[str, int] | None:
        """The folder that has debugpy, and the function's port; None for one that is not debugged."""
        if not function.source.is_python or (self._only and function.title not in self._only):
            return None
        if function.title not in self._ports:
            self._ports[function.title] = self._free()
            self._tell(function.title)
        return str(self._folder), self._ports[function.title]

    def unknown(self, titles: Collection[str]) -> list[str]:
        """Names that were asked for and are of no function."""
        return sorted(self._only - set(titles))

    def _free(self) -> int:
        port = max(self._ports.values(), default=_FIRST_PORT - 1) + 1
        while True:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                    return port
                except OSError:
                    port += 1

    def _tell(self, title: str) -> None:
        wanted = {f"sst: {name}": _attach(f"sst: {name}", port) for name, port in self._ports.items()}
        file = self._root / ".vscode" / "launch.json"
        where = f"{title} is debugged on 127.0.0.1:{self._ports[title]}"
        if _added(file, wanted):
            self._say(f'{where}: attach with "sst: {title}" (.vscode/launch.json)')
        else:
            self._say(f"{where}; for .vscode/launch.json, which has comments and is left as it is:")
            self._say(json.dumps(wanted[f"sst: {title}"]))


def _attach(name: str, port: int) -> dict[str, Any]:
    return {"name": name, "type": "debugpy", "request": "attach", "connect": {"host": "127.0.0.1", "port": port},
            "justMyCode": True}


def _added(file: Path, wanted: Mapping[str, dict[str, Any]]) -> bool:
    """Put the configurations into the file, beside those that are there; False if it can't be read as plain JSON."""
    found: dict[str, Any] = {"version": "0.2.0", "configurations": []}
    if file.exists():
        try:
            found = json.loads(file.read_text("utf-8"))
            others = [c for c in found.setdefault("configurations", []) if c.get("name") not in wanted]
        except (ValueError, AttributeError, TypeError):
            return False
    else:
        others = []
    made = {**found, "configurations": [*others, *wanted.values()]}
    if made != found or not file.exists():
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(made, indent=2) + "\n", "utf-8")
    return True
