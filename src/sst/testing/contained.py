"""Runs the user's program inside of somebody else's process and leaves that as it was."""
from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ..project.program import MODULE, imported, unload

__all__ = ["Switch", "contained"]

_FOREIGN = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN")


@contextmanager
def contained(root: Path) -> Iterator[None]:
    """Inside, the program of ``root`` may be loaded and run. Afterwards imported modules, the import path and the
    environment are those of before: tests import the project's files by pytest's rules, and never get the program's
    copies of them."""
    environment, path, finders = dict(os.environ), list(sys.path), list(sys.meta_path)
    modules = {name: sys.modules[name] for name in (*imported(root), MODULE) if name in sys.modules}
    try:
        yield
    finally:
        unload(root)
        sys.modules.update(modules)
        sys.path[:], sys.meta_path[:] = path, finders
        _become(environment)


class Switch:
    """Variables that can be put into the environment and taken out again; off at first. Turning it twice is turning it
    once."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._wanted = {**dict.fromkeys(_FOREIGN), **variables}
        self._before: dict[str, str | None] | None = None

    def on(self) -> None:
        if self._before is None:
            self._before = {name: os.environ.get(name) for name in self._wanted}
            _set(self._wanted)

    def off(self) -> None:
        if self._before is not None:
            _set(self._before)
            self._before = None


def _set(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _become(environment: Mapping[str, str]) -> None:
    _set({**dict.fromkeys(os.environ.keys() - environment.keys()), **environment})
