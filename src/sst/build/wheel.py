"""Wheels of local packages: the project itself, workspace members, path dependencies.

They are built from a copy outside the project: a build leaves nothing behind in the user's folders, stale `build/`
folders can't leak into the wheel, and ignored or secret files can't either.
"""
from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

from ..errors import UserError
from . import uv
from .cache import keep
from .files import File, Walk, walk
from .project_files import ProjectFiles
from .zip import encoded

__all__ = ["content_key", "local_files", "package_file", "package_files", "wheel_key", "wheel_of"]

_DROPPED = ("direct_url.json", "uv_cache.json", "uv_build.json", "RECORD", "RECORD.jws", "INSTALLER", "REQUESTED")
_APART = frozenset({"tests", "test", "docs"})
"""Folders beside a package whose files are in no wheel: their names may be as they like."""
_VERSION = "0.0.0"
"""What a project gets whose version is read from git: with the commit in it, each commit would be a new artefact."""


def local_files(folder: Path, files: ProjectFiles) -> Walk:
    """The files a wheel of this folder may be made of. UserError for a name that no wheel can have."""
    def look() -> Walk:
        found = walk(folder, lambda name, is_dir: not (is_dir and name in ("build", "dist")))
        for file in found.files:
            if file.name.partition("/")[0] not in _APART:
                encoded(file.name, f"the wheel of {folder.name}", "rename it")
        return found

    return files.once(("wheel files", folder), look)


def wheel_key(folder: Path, files: ProjectFiles, *, cache: Path) -> str:
    """What the wheel of a folder is kept by."""
    def look() -> str:
        found = [(f, files.digest(str(f.path))) for f in local_files(folder, files).files]
        return _key(cache, [f"{f.name}\0{digest}{f.executable}" for f, digest in found if digest])

    return files.once(("wheel", folder), look)


def wheel_of(folder: Path, files: ProjectFiles, *, cache: Path,
             note: Callable[[str], None]) -> tuple[str, dict[str, tuple[bytes, bool]]]:
    """The key of what was read, and the files of a local package as they would be installed: ``name: (content,
    executable)``."""
    if not any((folder / f).is_file() for f in ("pyproject.toml", "setup.py", "setup.cfg")):
        raise UserError(f"{folder.name} is a dependency but not a Python project", where=str(folder),
                        hint="it has no pyproject.toml")
    key = wheel_key(folder, files, cache=cache)
    if not (cache / "wheels" / key).is_dir():
        key = _made(folder, files, cache=cache, note=note)
    (wheel,) = (cache / "wheels" / key).glob("*.whl")
    return key, _unpack(wheel)


def _made(folder: Path, files: ProjectFiles, *, cache: Path, note: Callable[[str], None]) -> str:
    """Build the wheel from a copy; the key is that of the copy, whatever is saved meanwhile."""
    marks = []
    with tempfile.TemporaryDirectory(prefix="sst-wheel-") as temporary:
        copy = Path(temporary) / "source"
        for f in local_files(folder, files).files:
            target = copy / f.name
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                shutil.copy2(f.path, target)
            except FileNotFoundError:
                continue
            marks.append(f"{f.name}\0{hashlib.sha256(target.read_bytes()).hexdigest()}{f.executable}")

        def make(part: Path) -> None:
            note(f"building the wheel of {folder.name}")
            _build(copy, Path(temporary) / "out", folder.name)
            (wheel,) = (Path(temporary) / "out").glob("*.whl")
            shutil.copyfile(wheel, part / wheel.name)

        key = _key(cache, marks)
        keep(cache, "wheels", key, make)
    return key


def _key(cache: Path, marks: list[str]) -> str:
    return content_key(["wheel 2", uv.version(cache), *marks], [])


def _build(copy: Path, out: Path, name: str) -> None:
    given = {v: os.environ.get(v, _VERSION) for v in ("SETUPTOOLS_SCM_PRETEND_VERSION", "PDM_BUILD_SCM_VERSION",
                                                     "UV_DYNAMIC_VERSIONING_BYPASS",
                                                     "POETRY_DYNAMIC_VERSIONING_BYPASS")}
    command = ["build", "--wheel", "--no-create-gitignore", "--python", uv.base(), "--out-dir", str(out), str(copy)]
    try:
        uv.run([*command, "--offline"], cwd=copy, what=f"build the wheel of {name}", environment=given)
    except uv.Refused:
        try:
            uv.run(command, cwd=copy, what=f"build the wheel of {name}", environment=given)
        except uv.Refused as refused:
            raise UserError(refused.message.replace(str(copy), name),
                            hint="to bundle its files as they are, remove [build-system] from its pyproject.toml, or "
                                 "add [tool.uv] package = false") from None


def _unpack(wheel: Path) -> dict[str, tuple[bytes, bool]]:
    files = {}
    with zipfile.ZipFile(wheel) as z:
        for i in z.infolist():
            name = re.sub(r"^[^/]+\.data/(purelib|platlib)/", "", i.filename)
            if not i.is_dir() and package_file(name) and not re.match(r"[^/]+\.data/", name):
                files[name] = (z.read(i), bool(i.external_attr >> 16 & 0o100))
    return files


def package_file(name: str) -> bool:
    """Whether an installed file belongs into a bundle: no byte code, nothing that differs between two installs."""
    parts = name.split("/")
    if "__pycache__" in parts or ".." in parts or name.startswith("/") or parts[0] in ("bin", "Scripts"):
        return False
    if name.endswith((".pyc", ".pyo")) or name == ".lock":
        return False
    return not (len(parts) == 2 and parts[0].endswith(".dist-info") and parts[1] in _DROPPED)


def package_files(tree: Path) -> dict[str, Path]:
    """The files of an installation folder that belong into a bundle. A link that leads out of the folder doesn't."""
    home, found = tree.resolve(), {}
    for path in sorted(tree.rglob("*")):
        name = path.relative_to(tree).as_posix()
        if path.is_file() and package_file(name) and (not path.is_symlink() or home in path.resolve().parents):
            found[name] = path
    return found


def content_key(facts: Iterable[str], files: Iterable[File]) -> str:
    """A hash of facts and of files: their names, contents and executable bits."""
    digest = hashlib.sha256()
    for fact in facts:
        digest.update(f"{len(fact)}:{fact}\n".encode("utf-8", "surrogateescape"))
    for f in files:
        digest.update(f"{f.name}\0{int(f.executable)}\0".encode() + hashlib.sha256(f.path.read_bytes()).digest())
    return digest.hexdigest()[:40]
