"""What the pages are made from: the project, its state, its picture and its recorded calls, each read when needed."""
from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Any

from ..core.browse import Browser
from ..core.model import Snapshot, State
from ..core.monitor import Monitor
from ..core.picture import Picture
from ..core.provider import Provider
from ..embedded.cloud import folder_of
from ..embedded.record_file import FILE
from ..engine.cost import Held, held
from ..engine.plan import Plan
from ..errors import SstError
from ..project.backend import Backend
from ..project.project import Project
from ..project.run import diff
from ..state.redact import Redactor, secrets_of
from .records import Records

__all__ = ["Seen", "Source"]

_FRESH_SECONDS, _FRESH_FAR_SECONDS = 0.5, 5.0
"""A state in AWS is read less often, since each look costs requests; one that can't be read, too."""


@dataclass(frozen=True)
class Seen:
    """The state at one moment."""

    snapshot: Snapshot
    picture: Picture
    functions: dict[str, str]
    """The user's names and titles -> physical names."""
    titles: dict[str, str]
    """Physical name of a function -> name of its part."""


class Source:
    """One project on one stage. ``reopen`` reads the project again: each plan is of the program as it is now."""

    def __init__(self, project: Project, open: Callable[[Project], Backend], reopen: Callable[[], Project]) -> None:
        self.project, self._open, self._reopen = project, open, reopen
        self.records = Records(folder_of(project.place or project.root) / FILE if project.is_local else None)
        self.redactor = Redactor(mask="[secret]")
        self._backend = open(project)
        self._seen: tuple[float, Seen] | None = None
        self._file = 0
        self._unread: tuple[float, SstError] | None = None
        self._fresh = _FRESH_SECONDS if project.is_local else _FRESH_FAR_SECONDS
        self._lock, self._program = RLock(), RLock()

    @property
    def backend(self) -> Backend:
        return self._backend

    def seen(self) -> Seen:
        """The state, at most half a second old, or 5 seconds in AWS. Raises ``SstError`` if it can't be read."""
        with self._lock:
            if self._seen and time.monotonic() - self._seen[0] < self._fresh:
                return self._seen[1]
            if self._unread and time.monotonic() - self._unread[0] < self._fresh:
                raise self._unread[1]
            try:
                snapshot = self._loaded()
            except SstError as error:
                self._unread = time.monotonic(), error
                raise
            if not self._seen or snapshot.serial != self._seen[1].snapshot.serial or \
                    len(snapshot.resources) != len(self._seen[1].snapshot.resources):
                self.redactor.add(list(secrets_of(snapshot)))
                for name, value in self._backend.secrets.get_all().items():
                    self.redactor.add(value, mask=f"[secret {name}]")
            picture = self._backend.registry(snapshot).picture(snapshot)
            functions = {name: p.function for p in picture.parts if p.function for name in (p.name, p.title)}
            made = Seen(snapshot, picture, functions, {p.function: p.name for p in picture.parts if p.function})
            self._seen = time.monotonic(), made
            return made

    def _loaded(self) -> Snapshot:
        """`sst local reset` deletes the state of an open console: it is empty then, until a deploy makes a new one."""
        if not self.project.is_local:
            return self._backend.stage.load()
        file = self.project.folder / "local/state.db"
        if self._file and self._file != (now := _inode(file)):
            if not now:
                return Snapshot()
            self._backend = self._open(self.project)    # who still reads the former one may end that
        snapshot = self._backend.stage.load()
        self._file = _inode(file)
        return snapshot

    def browser(self, seen: Seen, state: State) -> Browser | None:
        return self._backend.registry(seen.snapshot)(state).browser(state)

    def held(self, seen: Seen) -> list[Held]:
        """What the state holds that has fixed charges."""
        return list(held(seen.snapshot, self._backend.registry(seen.snapshot).monthly))

    def monitors(self, seen: Seen, function: str = "") -> list[tuple[Monitor, list[State]]]:
        """What is kept of functions by clouds themselves, or of one (its physical name), by provider."""
        registry, found = self._backend.registry(seen.snapshot), dict[int, tuple[Provider, list[State]]]()
        for part in seen.picture.parts:
            state = seen.snapshot.resources.get(part.urns[0]) if part.function else None
            if state and function in ("", part.function):
                provider = registry(state)
                found.setdefault(id(provider), (provider, []))[1].append(state)
        return [(monitor, states) for provider, states in found.values() if (monitor := provider.monitor())]

    def use_of(self, service: str, action: str) -> str:
        return self._backend.clouds.registry("").use_of(service, action)

    def plan(self) -> tuple[Plan, Snapshot]:
        """What a deploy would do now; the program is run. Raises ``SstError``."""
        with self.program() as backend:
            return diff(backend, hide=self.redactor.add)

    @contextmanager
    def program(self) -> Iterator[Backend]:
        """A backend of its own for a command; one at a time, since programs are modules of this process."""
        with self._program:
            backend = self._open(self._reopen())
            try:
                yield backend
            finally:
                backend.close()
                self._seen = self._unread = None

    def hidden(self, value: Any) -> Any:
        """The value without secrets."""
        if isinstance(value, str):
            return self.redactor.redact(value)
        if isinstance(value, dict):
            return {k: self.hidden(v) for k, v in value.items()}
        return [self.hidden(v) for v in value] if isinstance(value, list | tuple) else value


def _inode(file: Path) -> int:
    try:
        return file.stat().st_ino
    except OSError:
        return 0
