"""What images stand on: found once, and kept by its digest in ``sst.lock``."""
from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from threading import Lock as Mutex
from typing import TYPE_CHECKING

from ...build.cache import keep
from ...build.image.base import base_of_folder, base_of_registry, is_layout
from ...build.image.image import Base, Blob, digest_of
from ...build.image.reference import Reference
from ...build.image.registry import Registry
from ...core.provider import Note
from ...errors import ProviderError
from ...machine.files import cached
from ...plugins.lock import Lock
from ..local.folders import inside

if TYPE_CHECKING:
    from .ecr_registry import Registries

__all__ = ["Bases", "locked"]

_writing = Mutex()


def locked(root: Path, base: str) -> str:
    """The digest that a base is held to: what ``sst.lock`` has for it, or what its folder holds; empty if neither."""
    if folder := _folder(root, base):
        return digest_of((folder / "index.json").read_bytes())
    return Reference.of(base).digest or Lock.read(root).images.get(base, "")


def _folder(root: Path, base: str) -> Path | None:
    return inside(root, base) if is_layout(root / base) else None


class Bases:
    """``root`` is the project's folder, ``cache`` what of bases is kept there: what they say, not their layers."""

    def __init__(self, root: Path, cache: Path, registries: Registries) -> None:
        self._root, self._cache, self._registries = root, cache, registries

    def digest(self, base: str, known: str, note: Note) -> str:
        """The digest of a base: that of its name, of ``sst.lock``, or ``known`` from an earlier deploy; else the one
        that its tag has now, which is then written to ``sst.lock``."""
        if _folder(self._root, base):
            return locked(self._root, base)
        with _writing:
            found = locked(self._root, base) or known
            if not found:
                reference = Reference.of(base)
                note(f"asking {reference.registry} which image {base} is")
                found = self._asked(reference, base)
            lock = Lock.read(self._root)
            if not Reference.of(base).digest and lock.images.get(base) != found:
                lock.with_image(base, found).write(self._root)
            return found

    def _asked(self, reference: Reference, base: str) -> str:
        try:
            return self._registries.of(reference.registry).manifest(reference.name, reference.version)[1]
        except ProviderError as e:
            e.hint = (f"the base of an image is base=..., an image or a folder in the OCI layout; by default it is one "
                      f"of Config(registry=...). {e.hint}").strip()
            raise

    def base(self, name: str, digest: str, architecture: str) -> Base:
        if folder := _folder(self._root, name):
            return base_of_folder(folder, architecture, name)
        reference = Reference.of(name).at(digest)
        key = f"{digest.removeprefix('sha256:')}-{architecture}"

        def make(part: Path) -> None:
            found = base_of_registry(self._registries.of(reference.registry), reference, architecture)
            (part / "base.json").write_text(json.dumps(asdict(found)))

        def known(entry: Path) -> Base | None:
            return cached(entry / "base.json", lambda about: Base(
                name, digest, about["config"], about["descriptors"], [Blob(**b) for b in about["layers"]]))

        made = known(keep(self._cache, "bases", key, make, known))
        assert made
        return made

    def fetch(self, name: str, digest: str, blob: Blob, path: Path) -> None:
        """A layer of the base, for a repository that lacks it."""
        reference = Reference.of(name).at(digest)
        self._registries.of(reference.registry).download(reference.name, blob.digest, blob.size, path)

    def repository_in(self, registry: Registry, base: str) -> str:
        """The repository of a base that lies in the same registry."""
        if _folder(self._root, base):
            return ""
        reference = Reference.of(base)
        return reference.name if self._registries.of(reference.registry) is registry else ""


