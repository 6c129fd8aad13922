"""Artefacts of builds: made, kept in the cache of this machine, and read when they are uploaded."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, Semaphore
from typing import TYPE_CHECKING, Any

from ...core.model import Snapshot
from ...core.provider import Note
from ...errors import ProviderError, UserError

if TYPE_CHECKING:
    from ...build.artefact import Artefact
    from ...build.source import Source

__all__ = ["Artefacts"]


class Artefacts:
    """Runs the bundler in ``root`` and keeps what it makes in ``cache``."""

    def __init__(self, root: Path, cache: Path) -> None:
        self.root, self.cache = root, cache
        self._made_from: dict[str, Mapping[str, Any]] = {}
        self._guard, self._locks, self._turns = Lock(), dict[str, Lock](), Semaphore(2)
        self._instead: dict[str, str] = {}
        """What was built instead of what was planned, because files changed meanwhile: once for all that share it."""

    def load(self, snapshot: Snapshot) -> None:
        """Remember what artefacts were made from, so that one that was cleaned from the cache can be made again."""
        for s in snapshot.resources.values():
            if s.type == "local.Build":
                self._made_from[str(s.outputs.get("path"))] = s.inputs

    @contextmanager
    def file_of(self, inputs: Mapping[str, Any]) -> Iterator[Path]:
        """The zip of a function's code, with the files that are added at the last moment."""
        path = Path(inputs["code"]["path"])
        if not path.is_file() and (made_from := self._made_from.get(str(path))):
            path = self.make(made_from, lambda text: None, exact=True).path
        if not (files := inputs.get("files")):
            yield path
            return
        from base64 import b64decode
        from tempfile import TemporaryDirectory

        from ...build.artefact import with_files

        with TemporaryDirectory(prefix="sst-code-") as folder:
            with_files(path, {name: b64decode(text) for name, text in files.items()}, made := Path(folder) / "code.zip")
            yield made

    def make(self, inputs: Mapping[str, Any], note: Note, *, exact: bool = False) -> Artefact:
        """The artefact of a build. With ``exact`` only one with the fingerprint that was asked for will do."""
        from ...build.artefact import build, kept  # where nothing is built, it need not be read
        from ...build.source import Source

        planned, source = inputs["fingerprint"], Source.from_dict({**inputs["source"], "root": str(self.root)})
        for key in (planned, self._instead.get(planned, "")):
            if key and (there := kept(key, source, cache=self.cache)):
                return there
        if exact and self._now(source) != planned:
            raise ProviderError(f"the artefact {planned} of {source.handler} is not in the cache of this machine, and "
                                "the files here make another one", operation="build", sent=False,
                                hint="check out the commit of that deploy and run `sst deploy`")
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

    def planned(self, fingerprint: str) -> None:
        """A new plan has seen the files anew."""
        self._instead.pop(fingerprint, None)

    @contextmanager
    def _lock(self, key: str) -> Iterator[None]:
        """One builds, the others take it from the cache; and two builds at a time are enough for a machine."""
        with self._guard:
            mine = self._locks.setdefault(key, Lock())
        with mine, self._turns:
            yield

    def _now(self, source: Source) -> str:
        """What the files here would make; empty if they make nothing."""
        from ...build.artefact import fingerprint

        try:
            return fingerprint(source, cache=self.cache)
        except UserError:
            return ""
