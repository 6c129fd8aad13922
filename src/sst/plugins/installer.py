"""Puts packages of providers where they belong, after they were verified: whole, or not at all."""
from __future__ import annotations

import errno
import hashlib
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import IO

from ..errors import UserError
from .download import NotThere
from .hashes import h1_of_folder
from .lock import Lock, Locked
from .registry import Package, Registry, check_against_lock
from .source import Source, host_platform
from .store import Store
from .versions import fits, newest

__all__ = ["Installer"]

Note = Callable[[str], None]


class Installer:
    """``note`` hears what takes long."""

    def __init__(self, store: Store, registry: Registry, note: Note = lambda text: None) -> None:
        self._store, self._registry, self._note = store, registry, note

    def add(self, lock: Lock, name: str, source: Source, constraint: str = "") -> Locked:
        """The newest version that fits, installed, as `sst.lock` is to have it. A mirror folder that has the provider
        is asked before its registry."""
        fits("0", constraint)    # what is none is told before anything is asked
        if (local := newest(self._store.versions_in_mirrors(source), constraint)) is not None:
            return self._from_mirror(name, source, local, constraint)
        version = self._registry.choose(source, constraint)
        for text in self._registry.warnings:
            self._note(text)
        package = self._registry.package(source, version, host_platform(), signed=lock.require_signatures)
        one = Locked(name, source, version, constraint, package.protocol, package.key, tuple(sorted(package.hashes)))
        if (was := lock.providers.get(name)) and was.source == source:
            check_against_lock(was, package)
        folder = self._fetch(one, package)
        return replace(one, hashes=tuple(sorted({*one.hashes, h1_of_folder(folder)})))

    def _from_mirror(self, name: str, source: Source, version: str, constraint: str) -> Locked:
        one = Locked(name, source, version, constraint)
        folder = self._store.find(one)
        assert folder
        return replace(one, hashes=(h1_of_folder(folder),))

    def install(self, lock: Lock, one: Locked) -> bool:
        """Bring exactly what `sst.lock` names; False if it is here already."""
        if self._store.find(one) is not None:
            return False
        try:
            package = self._registry.package(one.source, one.version, host_platform(), signed=lock.require_signatures)
        except NotThere:
            raise UserError(f"{one.source.host} has no {one} any more") from None
        check_against_lock(one, package)
        self._fetch(one, package)
        return True

    def _fetch(self, one: Locked, package: Package) -> Path:
        """Download, verify, unpack beside the place, and rename: two at once leave one folder."""
        place = self._store.place(one.source, one.version)
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            with tempfile.TemporaryDirectory(dir=place.parent, prefix=".new-") as made:
                archive, folder = Path(made) / "package.zip", Path(made) / "package"
                with archive.open("wb+") as file:
                    self._download(one, package, file)
                unpack(archive, folder, str(one))
                self._check(one, package, folder)
                try:
                    folder.rename(place)
                except OSError as e:
                    if e.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                        raise
        except OSError as e:
            if e.errno in (errno.ENOSPC, errno.EDQUOT):
                raise UserError(f"there is no room for {one} in {place.parent}", hint="free some space") from e
            raise
        self._store.remember(place, {h1_of_folder(place), f"zh:{package.sha256}"})
        return place

    def _download(self, one: Locked, package: Package, file: IO[bytes]) -> None:
        self._note(f"downloading {one}")
        try:
            self._registry.fetch(package, file, lambda text: self._note(f"downloading {one}: {text}"))
        except NotThere:
            raise UserError(f"the package of {one} is missing: {package.url}") from None
        file.seek(0)
        if hashlib.file_digest(file, "sha256").hexdigest() != package.sha256:    # type: ignore[arg-type]  # typeshed wants readinto
            raise UserError(f"the package of {one} does not have the sum that was signed",
                            hint="it was changed on its way, or where it is kept; nothing was installed")

    def _check(self, one: Locked, package: Package, folder: Path) -> None:
        if one.hashes and not {f"zh:{package.sha256}", h1_of_folder(folder)} & set(one.hashes):
            raise UserError(f"the package of {one} for {host_platform()} is not the one that sst.lock names",
                            hint="it was published again under the same version; if that is known to be right: "
                                 "sst providers lock")


def unpack(archive: Path, folder: Path, what: str) -> None:
    """Raises ``UserError`` for a package without a program, with unsafe paths, or that is no zip file."""
    try:
        with zipfile.ZipFile(archive) as content:
            for info in content.infolist():
                path = PurePosixPath(info.filename)
                if path.is_absolute() or ".." in path.parts or "\\" in info.filename or stat.S_ISLNK(
                        info.external_attr >> 16):
                    raise UserError(f"the package of {what} has the unsafe path {info.filename!r}",
                                    hint="nothing was installed")
            content.extractall(folder)
    except zipfile.BadZipFile as e:
        raise UserError(f"the package of {what} is not a zip file: {e}") from e
    programs = [p for p in folder.glob("terraform-provider-*") if p.is_file()]
    if not programs:
        shutil.rmtree(folder)
        raise UserError(f"the package of {what} has no program terraform-provider-*")
    for program in programs:
        program.chmod(0o755)
