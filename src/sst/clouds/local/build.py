"""Builds as resources: a function's artefact, made on this machine before anything is uploaded."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, Semaphore
from typing import Any

from ...build.artefact import Artefact, build, fingerprint, kept
from ...build.source import Source
from ...core.model import Operation, State
from ...core.output import Output
from ...core.provider import Absent, Change, Found, Note, Result, Unsure
from ...core.resource import Arg, Resource, out, prop
from ...errors import ProviderError, UserError

__all__ = ["Build", "Builder"]


class Build(Resource, type="local.Build"):
    """A function's bundle. It is built again when ``fingerprint`` changes; an unchanged one costs nothing."""

    source: Arg[Mapping[str, Any]] = prop()
    """``build.Source`` as a mapping, without the project's folder."""
    fingerprint: Arg[str] = prop()
    """Hash of everything the bundle is made from."""

    digest = "fingerprint"

    path: Output[str] = out(volatile=True)
    """Name of the zip file in the cache."""
    sha256: Output[str] = out(volatile=True)
    handler: Output[str] = out(volatile=True)
    size: Output[int] = out(volatile=True)


class Builder:
    """The provider of ``local.Build``: runs the bundler in ``root``, keeps artefacts in ``cache``.

    With ``exact`` only the artefact that was asked for will do: in a rollback, and in the deploy of a saved plan.
    """

    def __init__(self, root: Path, cache: Path) -> None:
        self.root, self.cache, self.exact = root, cache, False
        self._guard, self._locks, self._turns = Lock(), dict[str, Lock](), Semaphore(2)
        self._instead: dict[str, str] = {}
        """What was built instead of what was planned, because files changed meanwhile: once for all that share it."""

    def diff(self, type: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Change:
        self._instead.pop(new.get("fingerprint", ""), None)  # a new plan has seen the files anew
        return Change(frozenset(k for k in Build.props if old.get(k) != new.get(k)))

    def create(self, operation: Operation, note: Note) -> Result:
        return self._made(operation.inputs, note)

    def update(self, state: State, inputs: Mapping[str, Any], changed: frozenset[str], note: Note) -> Result:
        return self._made(inputs, note)

    def read(self, state: State) -> Result | None:
        return Result(state.id, state.outputs)

    def delete(self, state: State, note: Note) -> None:
        """The cache may serve another function; it is cleaned by age, not here."""

    def find(self, operation: Operation) -> Found | Absent | Unsure:
        return Absent()

    def open(self, path: str, inputs: Mapping[str, Any]) -> Path:
        """The file of an artefact; built again if the cache was cleaned since."""
        file = Path(path)
        return file if file.is_file() else self._build(inputs, lambda text: None).path

    def _made(self, inputs: Mapping[str, Any], note: Note) -> Result:
        made = self._build(inputs, note)
        really = {**inputs, "fingerprint": made.fingerprint}  # another one than planned if files changed meanwhile
        return Result(made.fingerprint, {"path": str(made.path), "sha256": made.sha256, "handler": made.handler,
                                         "size": made.size}, really)

    def _now(self, source: Source) -> str:
        """What the files here would make; empty if they make nothing."""
        try:
            return fingerprint(source, cache=self.cache)
        except UserError:
            return ""

    def _build(self, inputs: Mapping[str, Any], note: Note) -> Artefact:
        planned, source = inputs["fingerprint"], Source.from_dict({**inputs["source"], "root": str(self.root)})
        for key in (planned, self._instead.get(planned, "")):
            if key and (there := kept(key, source, cache=self.cache)):
                return there
        if self.exact and self._now(source) != planned:
            raise ProviderError(f"the artefact {planned} of {source.handler} is not in the cache of this machine, and "
                                "the files here make another one", operation="build", sent=False,
                                hint="check out the files that it was made from (the commit of that deploy) and run "
                                     "`sst deploy`")
        with self._lock(planned):
            if there := kept(self._instead.get(planned, planned), source, cache=self.cache):
                return there
            try:
                made = build(source, cache=self.cache, note=note)
            except OSError as e:
                raise ProviderError(f"the bundle could not be written: {e}", operation="build", sent=False,
                                    hint="free some disk space, or check the rights of .sst/") from e
            if made.fingerprint != planned:
                self._instead[planned] = made.fingerprint
            return made

    @contextmanager
    def _lock(self, key: str) -> Iterator[None]:
        """One builds, the others take it from the cache; and two builds at a time are enough for a machine."""
        with self._guard:
            mine = self._locks.setdefault(key, Lock())
        with mine, self._turns:
            yield
