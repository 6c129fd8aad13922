"""Folders of files and their digests: what a command reads, what it makes, what is uploaded."""
from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from ...build.files import check_links, walk
from ...build.project_files import ProjectFiles
from ...build.zip import encoded
from ...errors import UserError
from ...records import dataclass

__all__ = ["File", "Folder", "fingerprint", "inside", "read_folder"]

_BLOCK = 1 << 20
_SKIPPED = frozenset({".git", ".sst", "node_modules", "__pycache__"})
"""Folders that patterns do not enter."""


@dataclass(frozen=True, slots=True)
class File:
    """``name`` is relative to the folder, with forward slashes. ``md5`` is what S3 shows of an object; empty unless it
    was asked for."""

    name: str
    place: str
    """Its path. A text, because a site may have many."""
    size: int
    sha256: str
    md5: str = ""

    @property
    def path(self) -> Path:
        return Path(self.place)


@dataclass(frozen=True, slots=True)
class Folder:
    files: tuple[File, ...]
    """Sorted by name."""
    digest: str
    """SHA-256 of all names and contents, hex."""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(f.size for f in self.files)


def inside(root: Path, name: str) -> Path:
    """The folder of this name in the project. ``UserError`` for one outside of it."""
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()):
        raise UserError(f"the folder {name!r} is outside of the project")
    return path


def read_folder(path: Path, top: Path, *, md5: bool = False, known: ProjectFiles | None = None) -> Folder:
    """All files under a folder, also hidden ones. Links to files of the project in ``top`` count as files; links to
    folders are not followed. ``UserError`` if there is no such folder, for a link that leads out of the project or to
    credentials, and for a name that is not UTF-8. What is ``known`` of unchanged files is not read again."""
    if not path.is_dir():
        raise UserError(f"there is no folder {path.name!r}", hint=f"looked for {path}")
    places, links = _places(path)
    check_links(links, top)
    files = [f for name, place in sorted(places.items())
             if (f := _known(name, place, known) or _file(name, place, md5=md5))]
    for file in files:
        encoded(file.name, "a bucket", "rename it")
    return Folder(tuple(files), _digest((f.name, f.sha256) for f in files))


def _places(path: Path) -> tuple[dict[str, str], list[str]]:
    """The paths of all that is no folder, by name, and those that are links. Plain texts: a site has thousands."""
    places: dict[str, str] = {}
    links: list[str] = []
    folders = [("", str(path))]
    for shown, at in folders:
        try:
            with os.scandir(at) as found:
                entries = list(found)
        except FileNotFoundError:       # gone meanwhile
            continue
        except OSError as e:
            raise UserError(f"the folder {at} can't be read: {e.strerror}", hint="change who may read it, or remove it"
                            ) from e
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append((f"{shown}{entry.name}/", entry.path))
            elif not entry.is_symlink():
                places[f"{shown}{entry.name}"] = entry.path
            elif not os.path.isdir(entry.path):     # noqa: PTH112  # a text
                places[f"{shown}{entry.name}"] = entry.path
                links.append(entry.path)
    return places, links


def fingerprint(folder: Path, patterns: Sequence[str], output: Path | None) -> str:
    """Hash of the names, contents and executable bits of what a command reads.

    Without ``patterns`` that is every file under the folder that a bundle could hold: none that git ignores, no caches,
    no files of credentials. ``output`` never counts.
    """
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder.name!r}", hint=f"looked for {folder}")
    found: dict[str, Path] = {}
    if not patterns:
        found = {f.name: f.path for f in walk(folder).files}
    for pattern in patterns:
        try:
            matches = [p for p in folder.glob(pattern) if p.is_file()]
        except (ValueError, NotImplementedError) as e:
            raise UserError(f"{pattern!r} is not a pattern of files inside the folder: {e}") from e
        for p in matches:
            if not _SKIPPED & set(p.relative_to(folder).parts):
                found[p.relative_to(folder).as_posix()] = p
    own = {n: p for n, p in found.items() if output is None or not p.is_relative_to(output)}
    return _digest((n, _content(p)) for n, p in sorted(own.items()))


def _content(path: Path) -> str:
    """Hash of a file and its executable bit; empty for one that has vanished meanwhile."""
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            return f"{sha256}{'x' if os.fstat(file.fileno()).st_mode & 0o100 else ''}"
    except FileNotFoundError:
        return ""
    except OSError as e:
        raise UserError(f"{path} can't be read: {e.strerror}",
                        hint="change its rights, name it in .gitignore, or name the files that count in inputs=") from e


def _known(name: str, place: str, known: ProjectFiles | None) -> File | None:
    """A file by what the last command read of it; None if it is to be read, and for what is none."""
    digest = known.digest(place) if known else ""
    about = known.stat(place) if known and digest else None
    return File(name, place, about.st_size, digest) if about else None


def _file(name: str, place: str, *, md5: bool) -> File | None:
    """One file, or None if it is none."""
    try:
        at = os.open(place, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError:       # a link to nothing, or gone meanwhile
        return None
    except OSError as e:
        raise UserError(f"{place} can't be read: {e.strerror}", hint="change who may read it, or remove it") from e
    try:
        about = os.fstat(at)
        if not stat.S_ISREG(about.st_mode):
            return None
        sha256, other = _hashes(at, md5=md5)
    finally:
        os.close(at)
    return File(name, place, about.st_size, sha256, other)


def _hashes(at: int, *, md5: bool) -> tuple[str, str]:
    """SHA-256 of an open file, and its MD5 if that is asked for."""
    sha256, other = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    while block := os.read(at, _BLOCK):
        sha256.update(block)
        if md5:
            other.update(block)
    return sha256.hexdigest(), other.hexdigest() if md5 else ""


def _digest(pairs: Iterable[tuple[str, str]]) -> str:
    return hashlib.sha256("".join(f"{a}\0{b}\n" for a, b in pairs).encode("utf-8", "surrogateescape")).hexdigest()
