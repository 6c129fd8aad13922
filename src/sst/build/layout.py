"""Where a Python handler lives and what declares its dependencies. Reads a few files; starts nothing, changes
nothing."""
from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import UserError
from .source import Source

__all__ = ["OURS", "Layout", "layout", "python_file", "read_toml"]

OURS = ("sst-python", "sst-sdk")
"""Distributions that are never bundled: the runtime part of the first is added as files, the second would shadow it."""
_PLACES = ("", "src", "app", "functions", "lambda", "handlers", "lib")
"""Folders in which a handler's file is sought, in this order."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One Python function's place in its project."""

    file: Path
    """The handler's file."""
    attribute: str
    web: bool
    """The attribute is an ASGI or WSGI object."""
    base: Path
    """The folder that goes into the bundle: the nearest one with a dependency file, or the project's root."""
    name: str = ""
    """Name of the distribution in ``base``."""
    project: Path | None = None
    """Its pyproject.toml."""
    lock: Path | None = None
    """The uv.lock that covers it: its own or its workspace's."""
    requirements: Path | None = None
    builds: bool = False
    """It has a build system: the bundle takes its wheel."""
    local: tuple[Path, ...] = ()
    """Folders of workspace members and path dependencies it needs, itself left out."""

    @property
    def stem(self) -> str:
        """The file's path in ``base`` without its suffix: ``src/api``."""
        path = self.file.relative_to(self.base).with_suffix("")
        return (path.parent if path.name == "__init__" else path).as_posix()

    @property
    def declared(self) -> tuple[Path, ...]:
        """The files that decide which dependencies are installed."""
        more = tuple(_included(self.requirements)) if self.requirements else ()
        if self.project and not self.lock:  # dependencies may be dynamic
            more += tuple(f for f in (self.base / "setup.py", self.base / "setup.cfg") if f.is_file())
            more += tuple(f for f in sorted(self.base.glob("requirements*.txt")) if f != self.requirements
                          and f not in more)
        return tuple(f for f in (self.project, self.lock, self.requirements) if f) + more


def split(handler: str) -> tuple[list[str], str, bool]:
    """The stems a handler may mean, its attribute, and whether it is a web object."""
    web = ":" in handler
    stem, _, attribute = handler.rpartition(":" if web else ".")
    stem = stem.removesuffix(".py") if web else stem
    if not stem or not attribute.isidentifier():
        raise UserError(f'The handler "{handler}" is not understood',
                        hint='write "path/to/file.function", or "package.module:app" for an ASGI or WSGI object')
    return [stem, stem.replace(".", "/")] if web and "." in stem else [stem], attribute, web


def python_file(root: Path, handler: str) -> Path | None:
    """The file a Python handler means, or None."""
    for stem in split(handler)[0]:
        for place in _PLACES:
            for name in (f"{stem}.py", f"{stem}/__init__.py"):
                if (path := root / place / name).is_file():
                    return path
    return None


def layout(source: Source) -> Layout:
    """Find the handler and its project. UserError if the file does not exist."""
    root = source.folder
    file = python_file(root, source.handler)
    _, attribute, web = split(source.handler)
    if file is None:
        stem = split(source.handler)[0][-1]
        raise UserError(f'Handler not found: "{source.handler}"',
                        hint=f"there is no {stem}.py in {root}" + _near(root, stem))
    top = _top(root)
    for folder in _upward(file.parent, top):
        project, requirements = folder / "pyproject.toml", folder / "requirements.txt"
        data = read_toml(project) if project.is_file() else {}
        if "project" in data or "build-system" in data or "workspace" in data.get("tool", {}).get("uv", {}):
            return _project(source, file, attribute, web, folder, top, data)
        if requirements.is_file():
            return Layout(file, attribute, web, folder, requirements=requirements,
                          local=tuple(_local_requirements(requirements)))
        if folder == root:
            break
    return Layout(file, attribute, web, root)


def _project(source: Source, file: Path, attribute: str, web: bool, base: Path, top: Path,
             data: Mapping[str, Any]) -> Layout:
    path, requirements = base / "pyproject.toml", base / "requirements.txt"
    name = str(data.get("project", {}).get("name", ""))
    builds = bool(data.get("build-system")) and data.get("tool", {}).get("uv", {}).get("package", True) is not False
    if found := _lock(base, top):
        lock, local = found
        return Layout(file, attribute, web, base, name, path, lock, None, builds, local)
    about = data.get("project", {})
    undeclared = not about.get("dependencies") and "dependencies" not in about.get("dynamic", ())
    if requirements.is_file() and undeclared:
        return Layout(file, attribute, web, base, name, path, None, requirements, builds,
                      tuple(_local_requirements(requirements)))
    sources = data.get("tool", {}).get("uv", {}).get("sources", {})
    local = tuple((base / s["path"]).resolve() for n,
                  s in sources.items() if isinstance(s, dict) and "path" in s and n not in OURS)
    return Layout(file, attribute, web, base, name, path, None, None, builds, tuple(p for p in local if p.is_dir()))


def _lock(base: Path, top: Path) -> tuple[Path, tuple[Path, ...]] | None:
    """The uv.lock that lists the project in ``base`` (or stands beside a workspace root), and the local folders it
    needs."""
    for folder in _upward(base, top):
        path = folder / "uv.lock"
        if not path.is_file():
            continue
        s = path.stat()
        members = _members(str(path), s.st_size, s.st_mtime_ns)
        by_path = {(folder / place).resolve(): name for name, (place, _) in members.items()}
        me = by_path.get(base.resolve())
        if me is None and folder != base:
            continue
        wanted, todo = set[str](), [me] if me else list(members)
        while todo:
            name = todo.pop()
            if name not in wanted and name in members and name not in OURS:
                wanted.add(name)
                todo += members[name][1]
        wanted.discard(me or "")
        return path, tuple(sorted((folder / members[n][0]).resolve() for n in wanted))
    return None


@lru_cache(maxsize=64)
def _members(path: str, size: int, mtime: int) -> dict[str, tuple[str, tuple[str, ...]]]:
    """Name, folder and dependencies of the local packages in a uv.lock.

    A lock may be megabytes of registry packages; only the blocks of local ones are parsed.
    """
    found = {}
    for block in Path(path).read_text("utf-8").split("[[package]]")[1:]:
        if not re.search(r"^source = \{ (?:editable|virtual|directory|path) =", block, re.M):
            continue
        try:
            package = tomllib.loads(block.replace("[package.", "[").replace("[[package.", "[["))
        except tomllib.TOMLDecodeError as e:
            raise UserError(f"uv.lock can't be read: {e}", where=path, hint="run `uv lock`") from e
        needs = [*package.get("dependencies", ())]
        for group in (*package.get("optional-dependencies", {}).values(),
                      *package.get("dev-dependencies", {}).values()):
            needs += group
        found[package["name"]] = (str(next(iter(package["source"].values()))), tuple(n["name"] for n in needs))
    return found


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file; UserError with its name if it is broken."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as e:
        line = re.search(r"line (\d+)", str(e))
        raise UserError(f"{path.name} is not valid TOML: {e}", where=f"{path}:{line[1]}" if line else str(path)) from e


def _included(requirements: Path, seen: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """Files that a requirements file names with -r and -c."""
    for line in requirements.read_text("utf-8", errors="replace").splitlines():
        if m := re.match(r"\s*(?:-r|-c|--requirement|--constraint)[\s=]\s*(\S+)", line):
            path = requirements.parent / m[1]
            if path.is_file() and path not in seen:
                yield path
                yield from _included(path, seen | {requirements, path})


def _local_requirements(requirements: Path) -> Iterator[Path]:
    for file in (requirements, *_included(requirements)):
        for line in file.read_text("utf-8", errors="replace").splitlines():
            spec = re.sub(r"^\s*(-e|--editable)[\s=]\s*|\s+[;#].*$|^.*@\s*file:(?://)?", "", line).strip()
            path = (file.parent / re.sub(r"\[.*\]$", "", spec)).resolve()
            if spec and spec[0] in "./" and path.is_dir():
                yield path


def _upward(folder: Path, top: Path) -> Iterator[Path]:
    yield folder
    while folder != top and folder != folder.parent:
        folder = folder.parent
        yield folder


def _top(root: Path) -> Path:
    """How far up a project may reach: its repository, or itself."""
    return next((p for p in (root, *root.parents) if (p / ".git").exists()), root)


def _near(root: Path, stem: str) -> str:
    name = Path(stem).name + ".py"
    skip = {"node_modules", ".sst", ".git", ".venv", "venv", "site-packages"}
    found = next((p for p in sorted(root.glob(f"*/{name}")) + sorted(root.glob(f"*/*/{name}"))
                  if not skip & set(p.parts)), None)
    return f'; did you mean "{found.relative_to(root).with_suffix("").as_posix()}"?' if found else ""
