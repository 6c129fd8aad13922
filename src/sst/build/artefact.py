"""The way in: ``fingerprint(source)`` says whether anything changed, ``build(source)`` makes the zip.

The plan compares fingerprints (a few milliseconds, no process started while nothing changed); only a changed one is
built, when it is applied. What is built is what was read, once: the artefact says what that was.
"""
from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
import zipfile
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..machine.files import cached, remove_tree, replace_cached
from ..records import dataclass
from . import node, node_project, python, uv
from .cache import lock, settle, tidy
from .copies import check_prebuilt, copies, not_copied
from .hooks import run_hook
from .imports import refuse_unreachable
from .layout import layout
from .limit import largest, megabytes, within
from .needed import needed
from .project_files import ProjectFiles
from .source import Source, runtime_for
from .zip import Parts, Written, bytes_part, entry_part, extract, file_part, read, write_zip

__all__ = ["Artefact", "build", "fingerprint", "kept", "runtime_for", "warnings", "with_files"]


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
    fingerprint: str = ""
    """Of what it was made from."""
    largest: tuple[tuple[str, int], ...] = ()
    """The ten largest packages and their unzipped bytes."""
    python: str = ""
    """The Python version its wheels are for. In host builds it may differ from the runtime's: see
    ``uv.interpreter``."""

    def report(self) -> str:
        """One line on the size: ``1.2 MB zipped, 3.4 MB unzipped: pillow 2.9 MB, src 0.1 MB``."""
        parts = ", ".join(f"{n} {megabytes(b)}" for n, b in self.largest[:3])
        return f"{megabytes(self.size)} zipped, {megabytes(self.unzipped)} unzipped: {parts}"


def fingerprint(source: Source, *, cache: Path | None = None, files: ProjectFiles | None = None) -> str:
    """A hash of all that decides the zip: contents of source and lock files, options, platform, tools.

    Functions that share a zip have the same. It does not depend on where the project lies. ``cache`` is ``.sst/cache``
    in the root by default; ``files`` is shared by the functions that one command asks for, so that a project is walked
    once. UserError if the handler is missing or broken, or if a Node function can't be bundled.
    """
    cache = cache or source.folder / ".sst" / "cache"
    files = files or ProjectFiles(cache)
    room = (_as_it_is if source.bundle else python.fingerprint if source.is_python
            else node_project.fingerprint if node_project.is_project(source) else node.fingerprint)
    content = room(source, cache=cache, files=files)
    files.save()
    return _key(source, content, {n: files.digest(str(p)) for n, p in copies(source).items()})


def warnings(source: Source, files: ProjectFiles) -> list[str]:
    """What a deploy leaves out although the function may need it, a line each."""
    own = python.warnings(source, files) if source.is_python and not source.bundle else ()
    return [*own, *not_copied(source)]


def build(source: Source, *, cache: Path, note: Callable[[str], None] = lambda _: None) -> Artefact:
    """Make the artefact, or take it from the cache. Safe among threads and processes.

    Files that change meanwhile are in it as they were read; the artefact's ``fingerprint`` is that of what was read.
    ``note`` is called with what slow steps do. Raises UserError for a broken handler, dependencies that can't be
    installed, or a bundle over Lambda's 250 MB.
    """
    files = ProjectFiles(cache)
    key = fingerprint(source, cache=cache, files=files)
    found = kept(key, source, cache=cache)
    if not found:
        with lock(cache, "artefacts", key):
            found = kept(key, source, cache=cache) or kept(_make(source, cache, note), source, cache=cache)
        assert found
        tidy(cache / "artefacts", newest=40, unused=3600, needed=needed(cache))
        _tidy_shared(cache / "zips")
    if source.is_python and not source.bundle:  # functions share a bundle, and each imports its own modules
        refuse_unreachable(python.modules_of(source, layout(source), files), _installed(found.path.parent).__contains__)
    return found


@lru_cache(16)
def _installed(entry: Path) -> frozenset[str]:
    """The names of the files of installed packages in a bundle."""
    own = cached(entry / "own.json", set) or set()
    with zipfile.ZipFile(entry / "code.zip") as archive:
        return frozenset(archive.namelist()) - own


def kept(key: str, source: Source, *, cache: Path) -> Artefact | None:
    """The artefact of that fingerprint for this function, if the cache has it. Nothing is built."""
    entry = cache / "artefacts" / key
    if not (about := _whole(entry)):
        return None
    os.utime(entry)  # it is in use: see tidy
    handler = _handler(entry, source, about.pop("packaged"))
    about["largest"] = tuple((n, b) for n, b in about["largest"])
    return Artefact(entry / "code.zip", handler=handler, fingerprint=key, runtime=source.runtime,
                    **about) if handler else None


def _whole(entry: Path) -> dict[str, Any] | None:
    """What is noted of an artefact, if it and its zip are as they were written."""
    about = cached(entry / "artefact.json", lambda found: {**found, "packaged": found["packaged"]})
    return about if about and _is_file(entry / "code.zip", about.get("size")) else None


def _is_file(path: Path, size: int | None) -> bool:
    return path.is_file() and path.stat().st_size == size


def with_files(archive: Path, files: Mapping[str, bytes], to: Path) -> None:
    """Write the archive with more files in it (``resource.enc``). Same input, same bytes."""
    parts = {e.name: entry_part(e) for e in read(archive)}
    write_zip(to, {**parts, **{n: bytes_part(n, c) for n, c in files.items()}})


def _handler(entry: Path, source: Source, packaged: str | None) -> str:
    """The function's handler as Lambda wants it, noted beside the zip: a rollback may not find its file any more."""
    memo = entry / "handlers" / f"{_hash([source.handler])}.json"
    if known := cached(memo, lambda kept: str(kept + "")):
        return known
    if source.bundle or node_project.is_project(source):
        return source.handler
    try:
        found = python.handler_of(source, packaged) if source.is_python else node.handler_of(source)
    except UserError:
        return ""
    replace_cached(memo, found)
    return found


def _make(source: Source, cache: Path, note: Callable[[str], None]) -> str:
    """Bundle what is there; the fingerprint of what was read."""
    part = cache / "artefacts" / f"{os.getpid()}-{os.urandom(6).hex()}.part"
    part.mkdir(parents=True)
    try:
        files, copied, packaged = ProjectFiles(cache), dict[str, str](), None
        parts: Parts = {}
        content: Callable[[], str] = str
        if source.is_python and not source.bundle:
            made = python.bundle(source, cache=cache, files=files, note=note)
            (part / "own.json").write_text(json.dumps(sorted(made.own)))
            parts, packaged, content = made.parts, made.packaged, made.key
        elif node_project.is_project(source):
            found, parts, own = node_project.bundle(source, cache=cache, files=files, note=note)
            content = lambda: found  # noqa: E731  # as with Python, where it is known once all is read
            (part / "own.json").write_text(json.dumps(sorted(own)))
        elif not source.bundle:
            found, parts = node.bundle(source, cache=cache, files=files, note=note)
            content = lambda: found  # noqa: E731  # as with Python, where it is known once all is read
        more = {n: file_part(n, p, executable=os.access(p, os.X_OK), seen=_noted(copied, n))
                  for n, p in copies(source).items()}
        written = write_zip(part / "code.zip", {**parts, **more})
        if source.hook:
            written = _hooked(source, part)
        about = {"sha256": written.sha256, "size": written.size, "unzipped": _unzipped(source, written),
                 "largest": largest(written.sizes), "packaged": packaged,
                 "python": python.fits(source) if source.is_python and not source.bundle else ""}
        (part / "artefact.json").write_text(json.dumps(about))
        key = _key(source, content(), copied)
        _share(cache / "zips" / f"{written.sha256}.zip", part / "code.zip")
        settle(part, cache / "artefacts" / key, _whole)
        return key
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _unzipped(source: Source, written: Written) -> int:
    return sum(size for _, size in written.sizes) if source.image else within(source.handler, written.sizes)


def _as_it_is(source: Source, *, cache: Path, files: ProjectFiles) -> str:
    """A folder that is the bundle; its files count as copied ones."""
    check_prebuilt(source)
    return ""


def _hooked(source: Source, part: Path) -> Written:
    """The zip again, after the hook has changed its files."""
    raw, folder = part / "code.zip", part / "files"
    extract(raw, folder)
    run_hook(source.hook, folder, source.handler)
    files = {p.relative_to(folder).as_posix(): p for p in sorted(folder.rglob("*")) if p.is_file()}
    raw.unlink()
    made = write_zip(raw, {n: file_part(n, p, executable=os.access(p, os.X_OK)) for n, p in files.items()})
    shutil.rmtree(folder)
    return made


def _share(shared: Path, path: Path) -> None:
    """Functions with the same code share one file on disk."""
    shared.parent.mkdir(parents=True, exist_ok=True)
    try:
        if _is_file(shared, path.stat().st_size):
            path.unlink()
            path.hardlink_to(shared)
        else:
            remove_tree(shared)
            shared.hardlink_to(path)
    except OSError:  # another process was faster, or a file system without links
        if not path.exists():
            shutil.copyfile(shared, path)


def _tidy_shared(folder: Path) -> None:
    for path in folder.glob("*.zip"):
        try:
            s = path.stat()
            if s.st_nlink == 1 and time.time() - s.st_mtime > 3600:
                path.unlink()
        except FileNotFoundError:
            continue


def _key(source: Source, content: str, copied: Mapping[str, str]) -> str:
    """``content`` is the key of the code, ``copied`` has the digests of further files."""
    data = {k: v for k, v in source.to_dict().items() if k not in ("root", "handler")}
    facts = ["artefact 2", json.dumps(data, sort_keys=True, default=str), content, node.facts()]
    if source.host:
        facts.append(f"{uv.host_platform()} {uv.running()}")
    return _hash([*facts, *(f"{n}\0{d}" for n, d in sorted(copied.items()) if d)])


def _noted(copied: dict[str, str], name: str) -> Callable[[bytes], None]:
    def seen(content: bytes) -> None:
        copied[name] = hashlib.sha256(content).hexdigest()

    return seen


def _hash(facts: list[str]) -> str:
    return hashlib.sha256("\0\0".join(facts).encode("utf-8", "surrogateescape")).hexdigest()[:40]
