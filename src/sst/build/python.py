"""Python functions: the project's own code, its locked dependencies for the function's platform, and our runtime."""
from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from ..errors import UserError
from . import uv
from .cache import keep
from .check import check_python
from .files import File, walk
from .layout import OURS, Layout, layout, read_toml
from .limit import within
from .source import Source
from .wheel import content_key, local_files, package_files, wheel_of
from .zip import Entry, deflate, deflate_all, pack, read

__all__ = ["ENTRY", "ENTRY_CODE", "Target", "bundle", "check", "dependencies", "fits", "inputs", "loose_src",
           "requirements",
           "runtime_files", "target_of"]

_NOT_CODE = frozenset({"sst_config.py", "package.json", "package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock",
                       "bun.lockb",
                       "uv.lock", "poetry.lock", "pdm.lock", "Makefile", "Dockerfile", "README.md", "README.rst",
                       "CHANGELOG.md",
                       "CONTRIBUTING.md", "tests", "test", "conftest.py", "tox.ini", "setup.cfg", "mypy.ini", "build",
                       "dist",
                       "htmlcov", "sst-env.d.ts", "tsconfig.json", "pyproject.toml", "requirements.txt"})
"""Not bundled when they lie at the top of the project."""
ENTRY = "_sst_entry"
_OPTIONS = frozenset({"extras", "groups", "exclude"})


@dataclass(frozen=True, slots=True)
class Target:
    """What dependencies are installed for."""

    flags: tuple[str, ...]
    name: str
    version: str


def check(source: Source) -> Layout:
    """Find the handler; UserError with file and line if it is missing or broken, or an option is unknown."""
    for name in source.python:
        if name not in _OPTIONS:
            raise UserError(f'Unknown python option "{name}"', hint=f"there are {', '.join(sorted(_OPTIONS))}")
    at = layout(source)
    shown = at.file.relative_to(source.folder).as_posix() if at.file.is_relative_to(source.folder) else str(at.file)
    check_python(at.file, at.attribute, shown=shown, version=source.version)
    return at


def inputs(source: Source, at: Layout) -> list[File]:
    """Every file whose content decides what the bundle is, copied files left out."""
    found = [_named("base", f) for f in (local_files(at.base) if at.builds else _own(at))]
    found += [_named("declared", _file(f, f.name)) for f in at.declared]
    for n, folder in enumerate(at.local):
        found += [_named(f"local/{n}-{folder.name}", f) for f in local_files(folder)]
    return found + [_named("runtime", f) for f in runtime_files()]


def bundle(source: Source, *, cache: Path, note: Callable[[str], None]) -> tuple[list[Entry], str]:
    """The entries of the function's zip and its handler as Lambda wants it."""
    at = check(source)
    target = target_of(source, note)
    lines, local = requirements(source, at, target, cache=cache)
    archive = dependencies(lines, at, target, cache=cache, note=note)
    entries = read(archive) if archive else []
    files: dict[str, tuple[bytes, bool]] = {}
    for folder in local:
        files |= wheel_of(folder, cache=cache, note=note)
    packaged = _packaged(at, wheel_of(at.base, cache=cache, note=note), files) if at.builds else None
    if packaged is None:
        within(source.handler, ((f.name, f.size) for f in _own(at)))  # before anything is read
        files |= {f.name: (f.path.read_bytes(), f.executable) for f in _own(at)}
    _must_fit(files, target)
    stem, paths = (packaged, []) if packaged else (at.stem, ["src"] if loose_src(at) else [])
    files |= {f.name: (f.path.read_bytes(), f.executable) for f in runtime_files()}
    entries += deflate_all(files)
    handler = f"{stem}.{at.attribute}"
    if at.web or paths:
        entries.append(deflate(f"{ENTRY}.py", ENTRY_CODE.format(paths=paths).encode()))
        handler = f"{ENTRY}.{stem}{'::' if at.web else ':'}{at.attribute}"
    exclude = [str(g) for g in source.python.get("exclude", ())]
    return [e for e in entries if not _excluded(e.name, exclude)], handler


def fits(source: Source) -> str:
    """The Python version the bundle's wheels are for."""
    return target_of(source, lambda _: None).version


def target_of(source: Source, note: Callable[[str], None]) -> Target:
    version = source.version
    if source.host:
        path, found = uv.interpreter(version)
        if found != version:
            note(f"no Python {version} on this machine; local functions run on {found}")
        return Target(("--python", path), f"{uv.host_platform()}-{found}", found)
    machine = {"x86_64": "x86_64", "arm64": "aarch64"}[source.architecture]
    libc = "manylinux2014" if int(version.split(".")[1]) <= 11 else "manylinux_2_34"  # Amazon Linux 2 and 2023
    platform = f"{machine}-{libc}"
    return Target(("--python-platform", platform, "--python-version", version, "--python", uv.base()),
                  f"{platform}-{version}", version)


def requirements(source: Source, at: Layout, target: Target, *, cache: Path) -> tuple[list[str], list[Path]]:
    """Pinned requirement lines and the folders of local packages. Kept by what declares them."""
    if not (at.project or at.requirements):
        return [], []
    options = json.dumps([source.python.get("extras", []), source.python.get("groups", [])])
    facts = ["requirements 1", at.name, at.base.name, options, target.name, uv.version(cache),
             str(at.base) if at.local else ""]
    # a local package's own metadata takes part in the resolution
    about = [_file(f / n, f"{f.name}/{n}") for f in at.local
             for n in ("pyproject.toml", "setup.py", "setup.cfg") if (f / n).is_file()]
    key = content_key(facts, [*(_file(f, f.name) for f in at.declared), *about])

    def make(part: Path) -> None:
        text = _export(source, at) if at.lock else _compile(source, at, target, part)
        cwd = at.lock.parent if at.lock else at.base
        lines, local = _sorted_out(text, cwd, at.base)
        (part / "requirements.json").write_text(json.dumps([lines, [str(p) for p in local]]))

    lines, local = json.loads((keep(cache, "requirements", key, make) / "requirements.json").read_bytes())
    return lines, [Path(p) for p in local]


def _chosen(source: Source) -> list[str]:
    flags = [f"--extra={e}" for e in source.python.get("extras", ())]
    return flags + [f"--group={g}" for g in source.python.get("groups", ())]


def _export(source: Source, at: Layout) -> str:
    assert at.lock
    scope = [f"--package={at.name}"] if at.name else ["--all-packages"]
    command = ["export", "--format=requirements.txt", "--no-default-groups", "--no-editable", "--no-emit-project",
               "--no-header",
               "--no-annotate", *(f"--prune={n}" for n in OURS), *scope, *_chosen(source)]
    what = f"read the dependencies of {at.base.name}"
    said = ""
    # a lock that fits is seen to fit without the network; one that does not may need it
    for more in (["--offline"], []):
        try:
            return uv.run([*command, "--locked", *more], cwd=at.lock.parent, what=what)
        except uv.Refused as refused:
            said = refused.said
        if "needs to be updated" in said:
            raise UserError("uv.lock does not fit pyproject.toml", where=str(at.lock), hint="run `uv lock`")
    if "interpreter" not in said.lower() or "No solution found" in said:
        raise UserError(f"Could not {what}\n{uv.lines_that_matter(said)}", where=str(at.lock))
    # The check needs a Python that is not on this machine; the lock itself says all we need.
    return uv.run([*command, "--frozen"], cwd=at.lock.parent, what=what)


def _compile(source: Source, at: Layout, target: Target, part: Path) -> str:
    (part / "excludes.txt").write_text("\n".join(OURS) + "\n")
    file = at.requirements or at.project
    assert file
    command = ["pip", "compile", str(file), "--no-header", "--no-annotate", "--excludes", str(part / "excludes.txt"),
               *target.flags]
    chosen = _chosen(source) if not at.requirements else []
    if at.builds and at.name:
        # uv's cache does not see the files that dynamic metadata is read from
        chosen.append(f"--refresh-package={at.name}")
    what = f"resolve the dependencies in {file.name}"
    try:
        return uv.run([*command, *chosen, "--only-binary=:all:"], cwd=at.base, what=what)
    except uv.Refused:
        return uv.run([*command, *chosen], cwd=at.base, what=what)


def _sorted_out(text: str, cwd: Path, own: Path) -> tuple[list[str], list[Path]]:
    """Split an exported list into registry, archive and git requirements, and folders."""
    lines: list[str] = []
    local: list[Path] = []
    for raw in re.sub(r"\\\n\s*", " ", text).splitlines():
        line = re.sub(r"^-e\s+", "", raw.strip())
        spec = re.sub(r"^[\w.\[\],-]+ @ (?=file:)", "", line).split(" ;")[0].split(" --hash")[0].strip()
        path = (cwd / re.sub(r"^file:(//)?", "", re.sub(r"\[[^\]]*\]$", "", spec))).resolve()
        if not line or line.startswith("#"):
            continue
        if (spec[0] in "./" or spec.startswith("file:")) and path.exists():
            if path.is_file():
                lines.append(str(path))
            elif path != own.resolve():
                local.append(path)
        else:
            lines.append(line)
    return sorted(lines), sorted(set(local))


def dependencies(lines: list[str], at: Layout, target: Target, *, cache: Path,
                 note: Callable[[str], None]) -> Path | None:
    """The installed dependencies as a zip, deflated once for all functions that share them."""
    if not lines:
        return None
    archives = [hashlib.sha256(Path(x).read_bytes()).hexdigest() for x in lines if "==" not in x and Path(x).is_file()]
    key = content_key(["dependencies 1", *lines, *archives, target.name, uv.version(cache)], [])

    def make(part: Path) -> None:
        note(f"installing {len(lines)} dependencies for {target.name}")
        _install(lines, part / "tree", (*target.flags, "--no-deps", *_indexes(at)),
                 cwd=at.lock.parent if at.lock else at.base)
        files = package_files(part / "tree")
        _must_fit(files, target)
        (part / "tree.zip").write_bytes(pack(deflate_all(files)))
        shutil.rmtree(part / "tree")

    return keep(cache, "dependencies", key, make) / "tree.zip"


def _indexes(at: Layout) -> list[str]:
    """The project's explicit indexes (PyTorch's, say): uv alone would use them for the packages that name them, not for
    a list."""
    home = at.lock.parent / "pyproject.toml" if at.lock else at.project
    found = read_toml(home).get("tool", {}).get("uv", {}).get("index", []) if home and home.is_file() else []
    flags = [f"--index={i['name']}={i['url']}" if "name" in i else f"--index={i['url']}"
             for i in found if i.get("explicit")]
    return [*flags, "--index-strategy=unsafe-best-match"] if flags else []


def _install(lines: list[str], tree: Path, flags: tuple[str, ...], *, cwd: Path) -> None:
    """Wheels only and from uv's cache if that does; then from the registry; then with what must be built (checked
    later)."""
    listed = tree.with_name("requirements.txt")
    listed.write_text("\n".join(lines) + "\n")
    command = ["pip", "install", "--target", str(tree), "--link-mode=copy", *flags, "-r", str(listed)]
    for more in (["--offline", "--only-binary=:all:"], ["--only-binary=:all:"]):
        try:
            uv.run([*command, *more], cwd=cwd, what="install the dependencies")
            return
        except uv.Refused:
            shutil.rmtree(tree, ignore_errors=True)
    uv.run(command, cwd=cwd, what="install the dependencies")


def _must_fit(files: dict[str, tuple[bytes, bool]], target: Target) -> None:
    """UserError if a package was compiled here for another platform than the function's."""
    if "manylinux" not in target.name:
        return
    for name, (content, _) in files.items():
        if re.fullmatch(r"[^/]+\.dist-info/WHEEL", name) and (m := re.search(rb"^Tag: .*-((?:linux|macosx|win)\w*)$",
                                                                             content, re.M)):
            package = name.partition(".dist-info")[0].replace("-", " ")
            raise UserError(f"{package} has no wheel for Lambda ({target.name}); one built here would be for "
                            f"{m[1].decode()}",
                            hint="choose a version that publishes manylinux wheels, or another architecture or Python "
                                 "version")


def _own(at: Layout) -> list[File]:
    """The project's files that go into a bundle as they are."""
    way = at.file.relative_to(at.base).as_posix()

    def wanted(name: str, is_dir: bool) -> bool:
        leaf = name.rpartition("/")[2]
        if leaf.startswith(".") or (name in _NOT_CODE and not way.startswith(f"{name}/") and name != way):
            return False
        if not is_dir:
            return (not leaf.endswith((".ts", ".tsx", ".mts", ".cts"))
                    and leaf not in ("package.json", "package-lock.json"))
        folder = at.base / name
        return way.startswith(f"{name}/") or not _another_project(folder)

    return walk(at.base, wanted)


def _another_project(folder: Path) -> bool:
    if (folder / "pyproject.toml").exists():
        return True
    return (folder / "package.json").exists() and not any(folder.glob("*.py"))


def _packaged(at: Layout, wheel: dict[str, tuple[bytes, bool]], files: dict[str, tuple[bytes, bool]]) -> str | None:
    """Add the project's wheel; the handler's module in it, or None if the wheel does not hold the handler."""
    files |= wheel
    parts = at.file.relative_to(at.base).parts
    for n in range(len(parts)):
        name = "/".join(parts[n:])
        if name in wheel and wheel[name][0] == at.file.read_bytes():
            return name.removesuffix(".py").removesuffix("/__init__")
    return None


def loose_src(at: Layout) -> bool:
    """A `src` folder that is no package: its modules import each other without the `src.`."""
    return (at.base / "src").is_dir() and not (at.base / "src" / "__init__.py").exists()


ENTRY_CODE = '''"""Finds the handlers of this bundle: "path/module:function", or "path/module::app" for ASGI, WSGI."""
import importlib
import os
import sys

for _path in {paths!r}:
    sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), _path))


def __getattr__(name):
    stem, colon, attribute = name.rpartition(":")
    if not colon:
        raise AttributeError(name)
    try:
        found = getattr(importlib.import_module(stem.rstrip(":").replace("/", ".")), attribute)
    except AttributeError as error:  # Lambda would take it for a missing handler
        raise ImportError(str(error)) from error
    if stem.endswith(":"):
        from sst.runtime.web import handler

        found = handler(found)
    globals()[name] = found
    return found
'''
# The handler's name is no part of the code, so that all functions of a project share one zip and one upload.


STREAM = "runtime/stream.sh"
"""Starts our runtime client in place of Lambda's, for functions that stream."""


def runtime_files() -> list[File]:
    """Our files that every Python bundle gets, so that ``from sst import Resource`` works."""
    home = Path(__file__).parent.parent
    names = ["__init__.py", "errors.py", *(p.relative_to(home).as_posix()
                                           for p in sorted((home / "runtime").rglob("*.py")))]
    return [*(_file(home / n, f"sst/{n}") for n in names),
            replace(_file(home / STREAM, f"sst/{STREAM}"), executable=True)]


def _excluded(name: str, globs: list[str]) -> bool:
    return any(fnmatchcase(name, g) or name.startswith(g.rstrip("/*") + "/") for g in globs)


def _file(path: Path, name: str) -> File:
    s = path.stat()
    return File(name, path, s.st_size, s.st_mtime_ns, s.st_ctime_ns, False)


def _named(room: str, f: File) -> File:
    return File(f"{room}/{f.name}", f.path, f.size, f.mtime, f.ctime, f.executable)
