"""Builds as resources: a function's artefact, made on this machine before anything is uploaded."""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...core.model import Operation, State
from ...core.output import Output
from ...core.provider import Absent, Change, Found, Note, Provider, Result, Unsure
from ...core.resource import Arg, Resource, out, prop, schema_of
from ...core.schema import Schema
from .artefacts import Artefacts

__all__ = ["Build", "Builder"]


class Build(Resource, type="local.Build", digest="fingerprint"):
    """A function's bundle. It is built again when ``fingerprint`` changes; an unchanged one costs nothing."""

    source: Arg[Mapping[str, Any]] = prop()
    """``build.Source`` as a mapping, without the project's folder."""
    fingerprint: Arg[str] = prop()
    """Hash of everything the bundle is made from."""

    path: Output[str] = out(volatile=True)
    """Name of the zip file in the cache."""
    sha256: Output[str] = out(volatile=True)
    handler: Output[str] = out(volatile=True)
    size: Output[int] = out(volatile=True)


class Builder(Provider):
    """The provider of ``local.Build``. With ``exact`` only the artefact that was asked for will do: in a rollback, and
    in the deploy of a saved plan."""

    def __init__(self, artefacts: Artefacts, *, exact: bool = False) -> None:
        self.artefacts, self.exact = artefacts, exact

    def schema(self, type: str) -> Schema:
        return schema_of(Build)

    def plan(self, type: str, prior: State | None, inputs: Mapping[str, Any]) -> Change:
        self.artefacts.planned(str(inputs.get("fingerprint")))
        changed = frozenset(k for k in Build.props if (prior.inputs if prior else {}).get(k) != inputs.get(k))
        return Change(changed, unknown=frozenset(Build.outs) if changed else frozenset())

    def create(self, operation: Operation, note: Note) -> Result:
        artefact = self.artefacts.make(operation.inputs, note, exact=self.exact)
        really = {**operation.inputs, "fingerprint": artefact.fingerprint}  # another one if files changed meanwhile
        return Result(artefact.fingerprint, {"path": str(artefact.path), "sha256": artefact.sha256,
                                             "handler": artefact.handler, "size": artefact.size}, really)

    def update(self, operation: Operation, state: State, note: Note) -> Result:
        return self.create(operation, note)

    def read(self, state: State) -> Result | None:
        return Result(state.id, state.outputs)

    def delete(self, state: State, note: Note) -> None:
        """The cache may serve another function; it is cleaned by age, not here."""

    def find(self, operation: Operation) -> Found | Absent | Unsure:
        return Absent()
