"""A Node project as it is, for an image: its files, and what its lock file installs for the container's platform."""
from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from ..errors import UserError
from .cache import keep
from .esbuild import npm
from .files import file_of, never, walk
from .node import pack_packages
from .project_files import ProjectFiles
from .source import Source
from .text import text_of
from .wheel import content_key
from .zip import Parts, encoded, entry_part, file_part, has_archive, read

__all__ = ["bundle", "fingerprint", "is_project"]

_LOCKS = ("package-lock.json", "npm-shrinkwrap.json")
_OTHERS = ("pnpm-lock.yaml", "yarn.lock", "bun.lock", "bun.lockb")


def is_project(source: Source) -> bool:
    """Whether the code is a whole Node project; the handler's stem is the file that is started, if one is named."""
    return source.image and not source.is_python and source.handler.endswith(".*")


def fingerprint(source: Source, *, cache: Path, files: ProjectFiles) -> str:
    """A hash of the project's files, its lock file among them, and of the platform. UserError for a project that can't
    be installed."""
    _check(source.folder)
    marks = [f"{name}\0{files.digest(str(path))}{os.access(path, os.X_OK)}" for name, path in _own(source).items()]
    return content_key(["node project 1", source.architecture, *marks], [])


def bundle(source: Source, *, cache: Path, files: ProjectFiles,
           note: Callable[[str], None]) -> tuple[str, Parts, frozenset[str]]:
    """The fingerprint of the files as they are, the parts, and the names of those that are not installed packages."""
    own = {n: file_part(n, p, executable=os.access(p, os.X_OK)) for n, p in _own(source).items()}
    archive = _installed(source, cache, note)
    packages = {e.name: entry_part(e) for e in read(archive)} if archive else {}
    return fingerprint(source, cache=cache, files=files), {**packages, **own}, frozenset(own)


def _own(source: Source) -> dict[str, Path]:
    """What git does not ignore, and the folder of the file that is started, such as ``dist``, even if git does."""
    root = source.folder
    # a folder in the OCI layout is what an image stands on
    found = {f.name: f.path for f in walk(root, lambda name, is_dir: not (
        is_dir and (root / name / "index.json").is_file() and (root / name / "blobs" / "sha256").is_dir())).files}
    top = PurePosixPath(source.handler).parts[0] if "/" in source.handler else ""
    for path in sorted((root / top).rglob("*")) if top else ():
        name = path.relative_to(root)
        if path.is_file() and not any(never(part) for part in name.parts):
            found[name.as_posix()] = path
    for shown in found:
        encoded(shown, "an image", "rename it, or name it in .gitignore")
    return dict(sorted(found.items()))


def _check(root: Path) -> None:
    if not _dependencies(root) or any((root / n).is_file() for n in _LOCKS):
        return
    other = next((n for n in _OTHERS if (root / n).is_file()), "no lock file")
    raise UserError(f"the Node project in {root} has {other}; images are installed by npm from package-lock.json",
                    hint="npm install --package-lock-only makes one; or name a Dockerfile: image={\"context\": \".\"}")


def _dependencies(root: Path) -> bool:
    package = json.loads(text_of(root / "package.json"))
    return bool(package.get("dependencies") or package.get("optionalDependencies"))


def _installed(source: Source, cache: Path, note: Callable[[str], None]) -> Path | None:
    """A zip of ``node_modules`` for the container, kept by the lock file and ``package.json``."""
    root = source.folder
    if not _dependencies(root):
        return None
    cpu = {"x86_64": "x64", "arm64": "arm64"}[source.architecture]
    declared = [root / n for n in ("package.json", *_LOCKS) if (root / n).is_file()]
    key = content_key(["node modules 1", cpu], [file_of(f, f.name) for f in declared])

    def make(part: Path) -> None:
        note(f"installing the packages of package-lock.json for linux-{cpu}")
        for file in [*declared, *([root / ".npmrc"] if (root / ".npmrc").is_file() else [])]:
            shutil.copyfile(file, part / file.name)
        npm(["ci", "--omit=dev", "--os=linux", f"--cpu={cpu}", "--libc=glibc"], cwd=part,
            what=f"install the packages of {root.name}")
        pack_packages(part)

    return keep(cache, "node", key, make, has_archive) / "tree.zip"
