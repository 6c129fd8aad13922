"""The way in: ``fingerprint(source)`` says whether anything changed, ``build(source)`` makes the zip.

The plan compares fingerprints (a few milliseconds, no process started); only a changed one is built, when it is
applied.
"""
from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from ..errors import UserError
from ..machine.files import replace_file
from . import node, python, uv
from .cache import keep, tidy
from .files import File, never
from .layout import layout
from .limit import largest, megabytes, within
from .needed import needed
from .source import Source, runtime_for
from .zip import Entry, deflate, deflate_all, pack, read

__all__ = ["Artefact", "build", "fingerprint", "inputs", "kept", "runtime_for", "with_files"]

_FORMAT = "artefact 1"
_SETTLED = 2.0
"""Seconds after which a file's times can be trusted: a second write within one tick of its clock would not show."""


@dataclass(frozen=True, slots=True)
class Artefact:
    """A function's zip, ready to upload. The file is in the cache: read it, don't change it."""

    path: Path
    sha256: str
    """Of the zip, hex."""
    size: int
    """Of the zip, bytes."""
    unzipped: int
    handler: str
    """As Lambda wants it: ``src/api.handler``, ``bundle.handler``."""
    runtime: str
    largest: tuple[tuple[str, int], ...] = ()
    """The ten largest packages and their unzipped bytes."""
    python: str = ""
    """The Python version its wheels are for. In host builds it may differ from the runtime's: see
    ``uv.interpreter``."""

    def report(self) -> str:
        """One line on the size: ``1.2 MB zipped, 3.4 MB unzipped: pillow 2.9 MB, src 0.1 MB``."""
        parts = ", ".join(f"{n} {megabytes(b)}" for n, b in self.largest[:3])
        return f"{megabytes(self.size)} zipped, {megabytes(self.unzipped)} unzipped: {parts}"


def fingerprint(source: Source, *, cache: Path | None = None) -> str:
    """A hash of all that decides the artefact: contents of source and lock files, options, platform, tools.

    It does not depend on where the project lies. Nothing is built; with ``cache`` (default ``.sst/cache`` in the root)
    an unchanged project is recognised by sizes and times alone. UserError if the handler is missing or broken.
    """
    cache = cache or source.folder / ".sst" / "cache"
    facts = _facts(source, cache)
    # a place is found by reading few files; a broken handler must be named even if it is already known
    files = sorted(inputs(source), key=lambda f: f.name)
    seen = _hash("\n".join([*facts, *(f"{f.name}|{f.size}|{f.mtime}|{f.ctime}|{f.executable}" for f in files)]))
    memo = cache / "seen" / _hash(json.dumps(source.to_dict(), sort_keys=True, default=str))[:32]
    try:
        known_seen, _, known = memo.read_text().partition(" ")
        if known_seen == seen:
            return known
    except OSError:
        pass
    _check(source)
    digest = hashlib.sha256("\n".join(facts).encode())
    for f in files:
        with f.path.open("rb") as content:
            digest.update(f"\n{f.name}|{f.executable}|".encode() + hashlib.file_digest(content, "sha256").digest())
    result = digest.hexdigest()[:40]
    newest = max((max(f.mtime, f.ctime) for f in files), default=0)
    if time.time() - newest / 1e9 > _SETTLED:
        replace_file(memo, f"{seen} {result}".encode())
    return result


def build(source: Source, *, cache: Path, note: Callable[[str], None] = lambda _: None) -> Artefact:
    """Make the artefact, or take it from the cache. Safe among threads and processes.

    ``note`` hears what slow steps do. Errors: UserError for a broken handler, dependencies that can't be had, a bundle
    over Lambda's 250 MB.
    """
    for _ in range(5):
        key = fingerprint(source, cache=cache)
        fresh = not (cache / "artefacts" / key).is_dir()
        try:
            entry = keep(cache, "artefacts", key, partial(_make, source, key, cache, note))
            break
        except _Changed:
            note("files changed while they were bundled; once more")
    else:
        raise UserError(f"The files of {source.handler} keep changing while they are bundled",
                        hint="is a watcher writing into the project?")
    if fresh:
        tidy(cache / "artefacts", newest=40, unused=3600, needed=needed(cache))
        _tidy_shared(cache / "zips")
    return _read(entry)


def kept(key: str, *, cache: Path) -> Artefact | None:
    """The artefact of that fingerprint, if the cache has it. Nothing is built."""
    entry = cache / "artefacts" / key
    try:
        os.utime(entry)  # it is in use: see tidy
        found = _read(entry)
    except FileNotFoundError:
        return None
    return found if found.path.is_file() else None


def _read(entry: Path) -> Artefact:
    about = json.loads((entry / "artefact.json").read_bytes())
    about["largest"] = tuple((n, b) for n, b in about["largest"])
    return Artefact(entry / "code.zip", **about)


class _Changed(Exception):
    """The inputs are no longer those of the fingerprint."""


def _make(source: Source, key: str, cache: Path, note: Callable[[str], None], part: Path) -> None:
    room = python if source.is_python else node
    entries, handler = room.bundle(source, cache=cache, note=note)
    entries = sorted({e.name: e for e in [*entries, *_copied(source)]}.values(), key=lambda e: e.name)
    sizes = [(e.name, e.size) for e in entries]
    unzipped, content = within(source.handler, sizes), pack(entries)
    fits = python.fits(source) if source.is_python else ""
    made = Artefact(Path(), hashlib.sha256(content).hexdigest(), len(content), unzipped, handler, source.runtime,
                    largest(sizes), fits)
    if fingerprint(source, cache=cache) != key:
        raise _Changed
    _share(cache / "zips" / f"{made.sha256}.zip", content, part / "code.zip")
    (part / "artefact.json").write_text(json.dumps({k: v for k, v in asdict(made).items() if k != "path"}))


def _share(shared: Path, content: bytes, path: Path) -> None:
    """Write a zip; functions with the same code share one file on disk."""
    try:
        if not shared.exists():
            replace_file(shared, content)
        path.hardlink_to(shared)
    except OSError:  # tidied this instant, or a file system without links
        path.write_bytes(content)


def _tidy_shared(folder: Path) -> None:
    for path in folder.glob("*.zip"):
        try:
            s = path.stat()
            if s.st_nlink == 1 and time.time() - s.st_mtime > 3600:
                path.unlink()
        except FileNotFoundError:
            continue


def with_files(archive: Path, files: Mapping[str, bytes]) -> bytes:
    """The archive with more files in it (``resource.enc``), in memory. Same input, same bytes."""
    return pack([*read(archive), *(deflate(n, c) for n, c in sorted(files.items()))])


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _facts(source: Source, cache: Path) -> list[str]:
    data = {k: v for k, v in source.to_dict().items() if k != "root"}
    facts = [_FORMAT, json.dumps(data, sort_keys=True, default=str)]
    facts.append(f"uv {uv.version(cache)}" if source.is_python else f"esbuild {node.facts()}")
    return facts + ([f"{uv.host_platform()} {uv.running()}"] if source.host else [])


def inputs(source: Source) -> list[File]:
    """Every file whose content decides the artefact; what a watcher should watch."""
    files = python.inputs(source, layout(source)) if source.is_python else node.inputs(source, node.check(source))
    return files + _copies(source)


def _check(source: Source) -> None:
    if source.is_python:
        python.check(source)
    else:
        node.check(source)


def _copies(source: Source) -> list[File]:
    """The files of `copy_files`, named as in the bundle with a `copy/` before it."""
    found: list[File] = []
    for origin, to in source.copy_files:
        path, target = source.folder / origin, PurePosixPath(to or origin)
        if target.is_absolute() or ".." in target.parts:
            raise UserError(f'copy_files: "{target}" must be a path inside the bundle')
        if path.is_file():
            s = path.stat()
            found.append(File(f"copy/{target}", path, s.st_size, s.st_mtime_ns, s.st_ctime_ns, bool(s.st_mode & 0o100)))
        elif path.is_dir():
            found += [File(f"copy/{target / f.name}", f.path, f.size, f.mtime, f.ctime, f.executable)
                      for f in _all(path)]
        else:
            raise UserError(f'copy_files: there is no "{origin}" in {source.root}')
    return found


def _all(folder: Path) -> list[File]:
    """Asked for by name, so ignore rules don't count; caches and credentials still stay out."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(never(p) for p in path.relative_to(folder).parts):
            s = path.stat()
            found.append(File(path.relative_to(folder).as_posix(), path, s.st_size, s.st_mtime_ns, s.st_ctime_ns,
                              bool(s.st_mode & 0o100)))
    return found


def _copied(source: Source) -> list[Entry]:
    return deflate_all({str(PurePosixPath(f.name.removeprefix("copy/"))): (f.path.read_bytes(), f.executable)
                        for f in _copies(source)})
