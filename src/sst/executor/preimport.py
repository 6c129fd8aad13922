"""Imports the dependencies of a function before it forks, and nothing of the project.

A dependency that needs the project while it is imported, as models of Django need its settings, is refused; so is each
module that was being imported at that time, for it may have gone on without. Standard library only, Python 3.9.
"""
from __future__ import annotations

import builtins
import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

__all__ = ["preimport"]


def preimport(names: Sequence[str], is_own: Callable[[str], bool]) -> list[str]:
    """Import modules, in this order. ``is_own`` says of a path whether it is the project's.

    Those that can't be imported so. If there are any, this process has traces of them: start another one, without them.
    """
    attempt = _Attempt(frozenset(names), is_own)
    with attempt:
        for name in names:
            try:
                importlib.import_module(name)
            except Exception:
                attempt.refused.add(name)
    return sorted(attempt.refused & set(names))


class _Attempt:
    """While it lasts, modules of the project are not found, and what was being imported then is noted."""

    def __init__(self, wanted: frozenset[str], is_own: Callable[[str], bool]) -> None:
        self._wanted, self._is_own = wanted, is_own
        self._finders, self._import = list(sys.meta_path), builtins.__import__
        self.refused: set[str] = set()

    def __enter__(self) -> None:
        sys.meta_path[:] = [self]
        builtins.__import__ = self._imported

    def __exit__(self, *_: object) -> None:
        sys.meta_path[:] = self._finders
        builtins.__import__ = self._import

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        for finder in self._finders:
            spec = finder.find_spec(name, path, target) if hasattr(finder, "find_spec") else None
            if spec is None:
                continue
            places = [spec.origin] if spec.has_location else list(spec.submodule_search_locations or ())
            if any(self._is_own(str(p)) for p in places):
                self._refuse()
                raise ModuleNotFoundError(f"{name} is a module of the project", name=name)
            return spec
        return None

    def find_distributions(self, *args: Any, **more: Any) -> Iterator[Any]:
        """What ``importlib.metadata`` asks for: packages look up their own version while they are imported."""
        for finder in self._finders:
            if hasattr(finder, "find_distributions"):
                yield from finder.find_distributions(*args, **more)

    def _imported(self, name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> Any:
        try:
            return self._import(name, globals, locals, fromlist, level)
        except Exception:
            whole = _absolute(name, globals or {}, level)
            if whole in self._wanted or any(f"{whole}.{part}" in self._wanted for part in fromlist or ()):
                self._refuse()      # it is there, and failed: not a library that may be missing
            raise

    def _refuse(self) -> None:
        frame: Any = sys._getframe(1)
        while frame:
            if frame.f_code.co_name == "<module>":
                self.refused.add(str(frame.f_globals.get("__name__")))
            frame = frame.f_back


def _absolute(name: str, globals: Any, level: int) -> str:
    if not level:
        return name
    package = str(globals.get("__package__") or globals.get("__name__", "")).rsplit(".", level - 1)[0]
    return f"{package}.{name}" if name else package
