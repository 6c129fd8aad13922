"""A Python function as it lies in its project: what an interpreter needs to run it without a bundle."""
from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .cache import keep
from .dependencies import dependencies, requirements, target_of
from .entry import ENTRY, ENTRY_CODE, runtime_files
from .imports import refuse_unreachable
from .layout import Layout
from .package_folders import package_folders, renamed_packages
from .project_files import ProjectFiles
from .python import check, loose_src, modules_of
from .source import Source
from .wheel import content_key
from .zip import unpacked

__all__ = ["InPlace", "in_place"]

_RENAMED = '''import os
__path__ = [{folder!r}]
__file__ = os.path.join({folder!r}, "__init__.py")
if os.path.isfile(__file__):
    with open(__file__, "rb") as _source:
        exec(compile(_source.read(), __file__, "exec"))
'''
"""A package that lies in a folder of another name. Its modules keep their files, whose changes are seen."""


@dataclass(frozen=True, slots=True)
class InPlace:
    folder: Path
    """Where it runs; on Lambda, the root of the bundle."""
    handler: str
    path: tuple[Path, ...]
    """Where it finds modules besides: other local packages, the same dependencies that its bundle has, our runtime."""
    roots: tuple[Path, ...]
    """Folders with the user's own code."""
    declared: tuple[Path, ...]
    """Files that name the dependencies: once one of them changes, ``path`` is another."""


def in_place(source: Source, *, cache: Path, note: Callable[[str], None] = lambda _: None) -> InPlace:
    """Find the function and install its dependencies, once for all functions that share them.

    Errors are those of a build: `UserError` for a handler that is missing or broken, or for dependencies that can't be
    had.
    """
    at = check(source)
    target = target_of(source, note)
    lines, local = requirements(source, at, target, cache=cache)
    roots = tuple(dict.fromkeys((at.base, *at.local, *local)))
    others = [f for f in roots if f != at.base]
    built = ([at.base] if at.builds else []) + others
    path = [p for f in built for p in package_folders(f)] + others
    if renamed := {n: p for f in reversed(built) for n, p in renamed_packages(f).items()}:
        path.insert(0, _packages(cache, renamed))
    if archive := dependencies(lines, source, at, target, cache=cache, note=note):
        installed = unpacked(archive, cache)
        refuse_unreachable(modules_of(source, at, ProjectFiles(cache)), lambda name: (installed / name).is_file())
        path.append(installed)
    path.append(_runtime(cache, [str(at.base / "src")] if loose_src(at) and not at.builds else []))
    return InPlace(at.base, _handler(at), tuple(path), roots, at.declared)


def _handler(at: Layout) -> str:
    """As in the bundle: of a package in ``src`` the module's own name."""
    stem = at.stem
    for name, folder in (renamed_packages(at.base) if at.builds else {}).items():
        if at.file.is_relative_to(folder):
            place = name / at.file.relative_to(folder).with_suffix("")
            stem = (place.parent if place.name == "__init__" else place).as_posix()
    if inside := next((f for f in package_folders(at.base) if at.builds and at.file.is_relative_to(f)), None):
        place = at.file.relative_to(inside).with_suffix("")
        stem = (place.parent if place.name == "__init__" else place).as_posix()
    if at.web or loose_src(at):
        return f"{ENTRY}.{stem}{'::' if at.web else ':'}{at.attribute}"
    return f"{stem}.{at.attribute}"


def _packages(cache: Path, renamed: Mapping[str, Path]) -> Path:
    """A folder with packages whose own folders have other names."""
    texts = {name: _RENAMED.format(folder=str(folder)) for name, folder in renamed.items()}

    def make(part: Path) -> None:
        for name, text in texts.items():
            (part / name).mkdir()
            (part / name / "__init__.py").write_text(text)

    return keep(cache, "renamed", content_key([*texts, *texts.values()], []), make)


def _runtime(cache: Path, paths: list[str]) -> Path:
    """Our part of a bundle, in a folder of its own: what else is installed beside us must not be found."""
    files = runtime_files()

    def make(part: Path) -> None:
        for file in files:
            (part / file.name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.path, part / file.name)
        (part / f"{ENTRY}.py").write_text(ENTRY_CODE.format(paths=paths))

    return keep(cache, "runtime", content_key(["runtime 2", ENTRY_CODE, *paths], files), make)
