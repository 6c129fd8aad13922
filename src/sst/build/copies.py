"""Files that are bundled because the program names them: those of ``copy_files``, and a folder that is the bundle."""
from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from ..errors import UserError
from .entry import runtime_files
from .files import check_links, misled, never, repository, secret
from .site.flat import stored, unlinked
from .source import Source
from .standard import refuse_names
from .zip import encoded

__all__ = ["check_prebuilt", "copies", "not_copied"]

_UNFINISHED = (".log", ".swp", ".swo", "~")


def check_prebuilt(source: Source) -> None:
    """UserError if the folder that is the bundle, or the handler in it, is not there."""
    folder = source.folder / source.bundle
    if not folder.is_dir():
        raise UserError(f'bundle: there is no folder "{source.bundle}" in {source.root}',
                        hint="build it first: the folder is uploaded as it is")
    if source.runtime.startswith("provided"):
        return
    stem, _, attribute = source.handler.rpartition(".")
    if ":" in source.handler or not attribute.replace("$", "_").isidentifier():
        raise UserError(f'bundle: the handler "{source.handler}" must be a function, as in "api.handler"',
                        hint="nothing is added that calls a web app: the folder is uploaded as it is")
    endings = (".py",) if source.is_python else (".mjs", ".js", ".cjs")
    inside = ".." not in PurePosixPath(stem).parts
    if not inside or not any((folder / f"{stem}{e}").is_file() for e in
                             (*endings, *(("/__init__.py",) if source.is_python else ()))):
        raise UserError(f'Handler not found: "{source.handler}"',
                        hint=f'with bundle, the handler is relative to it: there is no {stem}{endings[0]} in '
                             f'"{source.bundle}"')


def copies(source: Source) -> dict[str, Path]:
    """The files by their names in the bundle. UserError for what is not there, lies outside of the repository, or would
    stand before a module of Python."""
    found: dict[str, Path] = {}
    top = repository(source.folder) or source.folder
    home = os.path.realpath(top)
    for origin, to in _named(source):
        path, target = source.folder / origin, PurePosixPath(to or origin)
        if target.is_absolute() or ".." in target.parts:
            raise UserError(f'copy_files: "{target}" must be a path inside the bundle')
        if misled(path, home) == "outside":
            raise UserError(f'{_option(source, origin)}: "{origin}" lies outside of {top}',
                            hint="copy it into the project first; a git repository may hold several projects")
        if path.is_file():
            if path.is_symlink() and not secret(path.name):
                check_links([path], top)
            found[str(target)] = path
        elif path.is_dir():
            files = _prebuilt(path, home) if origin == source.bundle else _folder(path, home)
            found |= {str(target / n): p for n, p in files}
        else:
            raise UserError(f'copy_files: there is no file or folder "{origin}" in {source.root}')
    if source.is_python:
        refuse_names({n: os.path.relpath(p, source.folder) for n, p in found.items()}, source.version)
    for name in found:
        encoded(name, hint="rename it")
    if source.bundle and source.is_python:
        found = {f.name: f.path for f in runtime_files()} | found
    return found


def not_copied(source: Source) -> Iterator[str]:
    """What of named folders is left out although it may be needed: a line each."""
    home = os.path.realpath(repository(source.folder) or source.folder)
    for origin, _ in _named(source):
        folder = source.folder / origin
        if not folder.is_dir():
            continue
        if origin == source.bundle:
            lost = sorted(p.relative_to(folder).as_posix() for _, p in _below(folder, home, _kept_back)
                          if p.is_file() and _is_credential(p))
            if lost:
                more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
                yield (f"{', '.join(lost[:3])}{more} in {origin} is left out: credentials never enter a bundle; name "
                       "the file in copy_files if it is none")
            continue
        for name, path in _below(folder, home, never):
            if path.is_symlink() and misled(path, home) == "outside":
                yield f"{origin.rstrip('/')}/{name} is a link that leads out of the project: it is left out"


def _named(source: Source) -> list[tuple[str, str]]:
    return [*([(source.bundle, ".")] if source.bundle else []), *source.copy_files]


def _option(source: Source, origin: str) -> str:
    return "bundle" if origin == source.bundle else "copy_files"


def _folder(folder: Path, home: str) -> Iterator[tuple[str, Path]]:
    """Asked for by name, so ignore rules don't count; caches, credentials and links that lead elsewhere stay out."""
    return ((n, p) for n, p in _below(folder, home, never) if p.is_file() and not (p.is_symlink() and misled(p, home)))


def _prebuilt(folder: Path, home: str) -> Iterator[tuple[str, Path]]:
    """All but credentials and caches. The packages of a store, as pnpm has it, are laid out in folders: an archive has
    no links."""
    below = list(_below(folder, home, _kept_back))
    check_links((p for _, p in below), Path(home))
    if (flat := unlinked(folder)) is not None:
        below = [(n, p) for n, p in sorted(flat.items()) if not any(map(_kept_back, n.split("/")))]
    elif name := next((n for n, p in below if p.is_symlink() and stored([p.resolve()])), ""):
        raise UserError(f"bundle: {name} in {folder} is a link to a package whose own packages are found through links "
                        "of its store, which lies elsewhere", hint="`pnpm deploy` makes a folder that is complete")
    return ((n, p) for n, p in below if p.is_file() and not _is_credential(p))


def _below(folder: Path, home: str, leave: Callable[[str], bool]) -> Iterator[tuple[str, Path]]:
    """What lies below a folder, without those names. Links to folders come, and are entered if they lead into ``home``
    and in no circle."""
    def enter(at: Path, prefix: str, above: frozenset[str]) -> Iterator[tuple[str, Path]]:
        for path in sorted(at.iterdir()):
            name, link = prefix + path.name, path.is_symlink()
            if leave(path.name):
                continue
            if link or not path.is_dir():
                yield name, path
            if path.is_dir() and not secret(path.name) and not (link and misled(path, home, leave)):
                real = os.path.realpath(path)
                if real not in above:
                    yield from enter(path, f"{name}/", above | {real})

    yield from enter(folder, "", frozenset({os.path.realpath(folder)}))


def _kept_back(name: str) -> bool:
    """Whether it stays out of a folder that is uploaded as it is, credentials aside."""
    wanted = name == "node_modules" or secret(name) or name.endswith((".pyc", ".pyo", ".egg-info"))
    return name.endswith(_UNFINISHED) or (not wanted and never(name))


def _is_credential(path: Path) -> bool:
    return secret(path.name) and not _is_certificate(path)


def _is_certificate(path: Path) -> bool:
    """Whether it holds public certificates only, as certifi's list does."""
    if not path.name.endswith(".pem"):
        return False
    try:
        text = path.read_bytes()
    except OSError:
        return False
    return b"BEGIN CERTIFICATE" in text and b"PRIVATE KEY" not in text
