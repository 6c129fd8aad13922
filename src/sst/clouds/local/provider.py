"""The provider of everything that is made on this machine."""
from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...core.model import Operation, State
from ...core.provider import Absent, Change, Found, Note, Provider, Result, Unsure
from ...core.schema import Schema
from ...errors import UserError
from .action import Actions
from .artefacts import Artefacts
from .build import Builder
from .command import Commands
from .password import Passwords
from .runner import Runner
from .site import SiteBuilder

__all__ = ["LocalProvider"]


class LocalProvider(Provider):
    """Hands each type to the class that manages it. ``environ`` is the environment of commands; see ``Builder`` for
    ``exact``."""

    def __init__(self, artefacts: Artefacts, *, environ: Mapping[str, str], exact: bool = False) -> None:
        self._runner = Runner({**environ, "SST_PYTHON": sys.executable, "SST_PACKAGE": str(Path(__file__).parents[2])})
        self._parts: dict[str, Provider] = {
            "local.Build": Builder(artefacts, exact=exact),
            "local.Command": Commands(artefacts.root, self._runner, environ),
            "local.Action": Actions(artefacts.root, self._runner),
            "local.Site": SiteBuilder(artefacts.root, artefacts.cache, environ, self._runner),
            "local.Password": Passwords()}

    def _part(self, type: str) -> Provider:
        if type not in self._parts:
            raise UserError(f"there is no type {type}", hint=f"known: {', '.join(self._parts)}")
        return self._parts[type]

    def schema(self, type: str) -> Schema:
        return self._part(type).schema(type)

    def plan(self, type: str, prior: State | None, inputs: Mapping[str, Any]) -> Change:
        return self._part(type).plan(type, prior, inputs)

    def create(self, operation: Operation, note: Note) -> Result:
        return self._part(operation.type).create(operation, note)

    def update(self, operation: Operation, state: State, note: Note) -> Result:
        return self._part(state.type).update(operation, state, note)

    def delete(self, state: State, note: Note) -> None:
        self._part(state.type).delete(state, note)

    def read(self, state: State) -> Result | None:
        return self._part(state.type).read(state)

    def find(self, operation: Operation) -> Found | Absent | Unsure:
        return self._part(operation.type).find(operation)

    def stop(self) -> None:
        self._runner.stop()
