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
from .files import File, walk

__all__ = ["content_key", "local_files", "package_file", "package_files", "wheel_of"]

_DROPPED = ("direct_url.json", "uv_cache.json", "uv_build.json", "RECORD", "RECORD.jws", "INSTALLER", "REQUESTED")
_VERSION = "0.0.0"
"""What a project gets whose version is read from git: with the commit in it, each commit would be a new artefact."""


def local_files(folder: Path) -> list[File]:
    """The files a wheel of this folder may be made of."""
    return walk(folder, lambda name, is_dir: not (is_dir and name in ("build", "dist")))


def wheel_of(folder: Path, *, cache: Path, note: Callable[[str], None]) -> dict[str, tuple[bytes, bool]]:
    """The files of a local package as they would be installed: ``name: (content, executable)``."""
    files = local_files(folder)
    if not any((folder / f).is_file() for f in ("pyproject.toml", "setup.py", "setup.cfg")):
        raise UserError(f"{folder.name} is a dependency but no Python project", where=str(folder),
                        hint="it has no pyproject.toml")
    key = content_key([uv.version(cache)], files)

    def make(part: Path) -> None:
        note(f"building the wheel of {folder.name}")
        with tempfile.TemporaryDirectory(prefix="sst-wheel-") as temporary:
            copy = Path(temporary) / "source"
            for f in files:
                target = copy / f.name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(f.path, target)
            _build(copy, Path(temporary) / "out", folder.name)
            (wheel,) = (Path(temporary) / "out").glob("*.whl")
            shutil.copyfile(wheel, part / wheel.name)

    entry = keep(cache, "wheels", key, make)
    (wheel,) = entry.glob("*.whl")
    return _unpack(wheel)


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
            raise UserError(refused.message.replace(str(copy), name)) from None


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
    if "__pycache__" in parts or parts[0] in ("bin", "Scripts") or name.endswith((".pyc", ".pyo")) or name == ".lock":
        return False
    return not (len(parts) == 2 and parts[0].endswith(".dist-info") and parts[1] in _DROPPED)


def package_files(tree: Path) -> dict[str, tuple[bytes, bool]]:
    """The files of an installation folder that belong into a bundle."""
    found = {}
    for path in sorted(tree.rglob("*")):
        name = path.relative_to(tree).as_posix()
        if path.is_file() and package_file(name):
            found[name] = (path.read_bytes(), bool(path.stat().st_mode & 0o100) and not name.endswith(".py"))
    return found


def content_key(facts: Iterable[str], files: Iterable[File]) -> str:
    """A hash of facts and of files: their names, contents and executable bits."""
    digest = hashlib.sha256()
    for fact in facts:
        digest.update(f"{len(fact)}:{fact}\n".encode())
    for f in files:
        digest.update(f"{f.name}\0{int(f.executable)}\0".encode() + hashlib.sha256(f.path.read_bytes()).digest())
    return digest.hexdigest()[:40]
