"""What is to be built: data that can be stored in state."""
from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..records import dataclass
from .text import text_of
from .toml import read_toml

__all__ = ["NODE", "OURS", "PYTHONS", "SUFFIXES", "Source", "runtime_for"]

PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
"""Versions Lambda offers."""
NODE = "nodejs24.x"
OURS = ("sst-python", "sst-sdk")
"""Distributions that are never bundled: the runtime part of the first is added as files, the second would shadow it."""
SUFFIXES = (".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs")
"""What a Node handler's file may end in, in the order they are tried."""


@dataclass(frozen=True, slots=True)
class Source:
    """A function's code and how it is to be built.

    >>> s = Source(root="/app", handler="src/api.handler", runtime="python3.12")
    >>> Source.from_dict(s.to_dict()) == s
    True
    """

    root: str
    """The project's folder, absolute. It is not part of the fingerprint."""
    handler: str
    """``path/to/file.function``; Python: ``package.module:app`` is an ASGI or WSGI object."""
    runtime: str
    """``python3.12``, ``nodejs22.x``."""
    architecture: str = "x86_64"
    """``x86_64`` or ``arm64``."""
    host: bool = False
    """True builds for this machine (stage local, dev), False for Lambda."""
    copy_files: tuple[tuple[str, str], ...] = ()
    """Further files and folders, each (from, to): from is relative to the root, to is relative to the bundle."""
    python: Mapping[str, Any] = field(default_factory=dict)
    """``extras``, ``groups``, ``exclude`` (globs in the bundle), ``root`` (the folder that modules are imported from,
    relative to the project's)."""
    nodejs: Mapping[str, Any] = field(default_factory=dict)
    """``minify``, ``format``, ``sourcemap``, ``splitting``, ``install``, ``loader``, ``banner``, ``external``,
    ``esbuild``."""

    bundle: str = ""
    """A folder that is the bundle as it is, relative to the root; the handler is relative to it."""
    hook: str = ""
    """What changes the bundle before it is zipped, see ``build.hooks``."""
    image: bool = False
    """It becomes the layers of an image, so Lambda's limit of 250 MB does not hold."""
    apart: tuple[str, ...] = ()
    """Folders, relative to the root, that are there for something else: a site. The bundle leaves them out, but for
    modules in them that the handler imports."""

    def to_dict(self) -> dict[str, Any]:
        given = {k: v for k, v in (("bundle", self.bundle), ("hook", self.hook), ("image", self.image),
                                   ("apart", list(self.apart))) if v}
        return {**given, "root": self.root,
                "handler": self.handler, "runtime": self.runtime, "architecture": self.architecture,
                "host": self.host, "copy_files": [list(c) for c in self.copy_files],
                "python": dict(self.python), "nodejs": dict(self.nodejs)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Source:
        copies = tuple((str(a), str(b)) for a, b in data.get("copy_files", ()))
        return cls(**{**data, "copy_files": copies, "apart": tuple(data.get("apart", ()))})

    @property
    def folder(self) -> Path:
        """The root, absolute, without links and ``..``."""
        return Path(self.root).resolve()

    @property
    def is_python(self) -> bool:
        return self.runtime.startswith("python")

    @property
    def version(self) -> str:
        """The language's version: ``3.12``, ``22``."""
        return re.sub(r"^[a-z]+|\.x$", "", self.runtime)


def runtime_for(root: Path, handler: str, *, python: str = "") -> str:
    """The runtime that fits a handler's file; for Python the project's own version, held within what Lambda offers.

    ``python`` ("3.12") is used as it is. Else: ``.python-version``, the lowest version ``requires-python`` allows that
    is not below the running one, the running one. A handler with a colon is an ASGI or WSGI object, so Python.

    >>> runtime_for(Path("."), "web/main:app", python="3.12")
    'python3.12'
    """
    root = root.resolve()
    if ":" not in handler:
        stem = root / handler.rpartition(".")[0]
        if not _python_file(root, handler) and any(stem.with_name(stem.name + s).is_file() for s in SUFFIXES):
            return NODE
    return f"python{python or _project_python(root, handler)}"


def _python_file(root: Path, handler: str) -> bool:
    from .layout import python_file

    return python_file(root, handler) is not None


def _project_python(root: Path, handler: str) -> str:
    from .layout import python_file

    running = f"{sys.version_info[0]}.{sys.version_info[1]}"
    file = python_file(root, handler)
    folder = (file or root / "x").parent
    while True:
        pin, project = folder / ".python-version", folder / "pyproject.toml"
        if pin.is_file() and (m := re.match(r"\D*(\d+\.\d+)", text_of(pin))):
            return _clamp(m[1])
        if project.is_file() and (spec := _requires(project)):
            return _fit(spec, running)
        if folder == root or root not in folder.parents:
            return _clamp(running)
        folder = folder.parent


def _requires(project: Path) -> str:
    return str(read_toml(project).get("project", {}).get("requires-python", ""))


def _fit(spec: str, running: str) -> str:
    """The running version if the project allows it, else the nearest one that it allows."""
    allowed = [v for v in PYTHONS if _allows(spec, v)]
    if not allowed:
        raise UserError(f"Lambda has no Python that fits requires-python = \"{spec}\"",
                        hint=f"it offers {', '.join(PYTHONS)}")
    return min(allowed, key=lambda v: abs(PYTHONS.index(v) - PYTHONS.index(_clamp(running))))


def _allows(spec: str, version: str) -> bool:
    have = _pair(version)
    for part in spec.split(","):
        m = re.match(r"\s*(>=|<=|==|!=|~=|>|<|===)\s*(\d+)(?:\.(\d+))?(\.\d+|\.\*)?", part)
        if not m:
            continue
        op, want, patch = m[1], (int(m[2]), int(m[3] or 0)), bool(m[4]) and m[4] not in (".*", ".0")
        ok = {">=": have >= want, ">": have > want or (patch and have == want), "<=": have <= want or not m[3],
              "<": have < want or (patch and have == want), "==": have == want or not m[3], "===": have == want,
              "!=": have != want or patch, "~=": have[0] == want[0] and have >= want and (not m[4] or have == want)}[op]
        if not ok:
            return False
    return True


def _clamp(version: str) -> str:
    if version in PYTHONS:
        return version
    return PYTHONS[0] if _pair(version) < _pair(PYTHONS[0]) else PYTHONS[-1]


def _pair(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    return int(major), int(minor or 0)
