"""The provider of everything that is made on this machine."""
from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

from ...core.model import Operation, State
from ...core.provider import Absent, Change, Found, Note, Provider, Result, Unsure
from ...core.schema import Schema
from ...errors import ProviderError, UserError
from .artefacts import Artefacts
from .runner import Runner

__all__ = ["LocalProvider"]


class LocalProvider(Provider):
    """Hands each type to the class that manages it. ``environ`` is the environment of commands; see ``Builder`` for
    ``exact``."""

    def __init__(self, artefacts: Artefacts, *, environ: Mapping[str, str], exact: bool = False) -> None:
        self._artefacts, self._environ, self._exact = artefacts, environ, exact
        self._runner = Runner({**environ, "SST_PYTHON": sys.executable, "SST_PACKAGE": str(Path(__file__).parents[2])})
        self._parts: dict[str, Provider] = {}
        self._lock = RLock()

    def _part(self, type: str) -> Provider:
        """Imported and made when a resource of its type first comes."""
        with self._lock:
            if type not in self._parts:
                self._parts[type] = self._make(type)
            return self._parts[type]

    def _make(self, type: str) -> Provider:
        root = self._artefacts.root
        match type:
            case "local.Build":
                from .build import Builder

                return Builder(self._artefacts, exact=self._exact)
            case "local.Command":
                from .command import Commands

                return Commands(root, self._runner, self._environ)
            case "local.Action":
                from .action import Actions

                return Actions(root, self._runner)
            case "local.Site":
                from .site import SiteBuilder

                return SiteBuilder(root, self._artefacts.cache, self._environ, self._runner)
            case "local.Password":
                from .password import Passwords

                return Passwords()
        raise UserError(f"there is no type {type}",
                        hint="known: local.Build, local.Command, local.Action, local.Site, local.Password")

    def schema(self, type: str) -> Schema:
        return self._part(type).schema(type)

    def plan(self, type: str, prior: State | None, inputs: Mapping[str, Any]) -> Change:
        return self._part(type).plan(type, prior, inputs)

    def create(self, operation: Operation, note: Note) -> Result:
        with _not_made(operation.type):
            return self._part(operation.type).create(operation, note)

    def update(self, operation: Operation, state: State, note: Note) -> Result:
        with _not_made(state.type):
            return self._part(state.type).update(operation, state, note)

    def delete(self, state: State, note: Note) -> None:
        self._part(state.type).delete(state, note)

    def read(self, state: State) -> Result | None:
        return self._part(state.type).read(state)

    def find(self, operation: Operation) -> Found | Absent | Unsure:
        return self._part(operation.type).find(operation)

    def stop(self) -> None:
        self._runner.stop()


@contextmanager
def _not_made(type: str) -> Iterator[None]:
    """What fails on this machine is surely not done: a result is recorded in one step, and an action that can't be
    begun has done nothing. So the state keeps no operation whose end would have to be asked for."""
    try:
        yield
    except UserError as e:
        operation = "build" if type in ("local.Build", "local.Site") else "command"
        raise ProviderError(e.message, hint=e.hint, where=e.where, operation=operation, sent=False) from e
