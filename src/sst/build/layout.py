"""Where a Python handler lives and what declares its dependencies. Reads a few files; starts nothing, changes
nothing."""
from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import UserError
from ..records import dataclass
from .local_packages import local_closure, local_requirements
from .manifest import lock_of
from .requirement_files import included
from .source import OURS, Source
from .text import text_of
from .toml import read_toml

__all__ = ["Layout", "layout", "python_file"]

_PLACES = ("", "src", "app", "functions", "lambda", "handlers", "lib")
"""Folders in which a handler's file is sought, in this order."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One Python function's place in its project."""

    file: Path
    """The handler's file."""
    attribute: str
    """With ``()`` at its end it is a function that makes the web object."""
    web: bool
    """The attribute is an ASGI or WSGI object."""
    base: Path
    """The folder that goes into the bundle, and from which Python imports: the one that ``root`` of ``python`` names,
    else the nearest one with a dependency file, or the project's root."""
    name: str = ""
    """Name of the distribution in ``home``."""
    project: Path | None = None
    """Its pyproject.toml; else its Pipfile, setup.py or setup.cfg."""
    tool: str = ""
    """Whose form the dependencies have if it is not the standard one: ``poetry``, ``pdm``, ``pipenv`` or
    ``setup.cfg``."""
    lock: Path | None = None
    """The uv.lock that covers it: its own or its workspace's."""
    requirements: Path | None = None
    builds: bool = False
    """``base`` has a build system: the bundle takes its wheel."""
    local: tuple[Path, ...] = ()
    """Folders of workspace members and path dependencies it needs, itself left out."""
    unread: tuple[str, ...] = ()
    """Names of files beside it that look like lists of dependencies and are not read."""
    elsewhere: Path | None = None
    """The folder with the dependency file, if it is not ``base``."""

    @property
    def home(self) -> Path:
        """The folder with the dependency file."""
        return self.elsewhere or self.base

    @property
    def stem(self) -> str:
        """The file's path in ``base`` without its suffix: ``src/api``."""
        path = self.file.relative_to(self.base).with_suffix("")
        return (path.parent if path.name == "__init__" else path).as_posix()

    @property
    def declared(self) -> tuple[Path, ...]:
        """The files that decide which dependencies are installed."""
        more = tuple(included(self.requirements)) if self.requirements else ()
        if self.project and not self.lock:  # dependencies may be dynamic
            more += tuple(f for f in (self.home / "setup.py", self.home / "setup.cfg") if f.is_file()
                          and f != self.project)
            more += tuple(f for f in sorted(self.home.glob("requirements*.txt")) if f != self.requirements
                          and f not in more)
        other = lock_of(self.tool, self.home)
        return tuple(f for f in (self.project, self.lock, other, self.requirements) if f) + more


def split(handler: str) -> tuple[list[str], str, bool]:
    """The stems a handler may mean, its attribute, and whether it is a web object."""
    web = ":" in handler
    stem, _, attribute = handler.rpartition(":" if web else ".")
    stem = stem.removesuffix(".py") if web else stem
    plain = attribute.removesuffix("()") if web else attribute
    if not stem or not (plain.isidentifier() or plain == "*"):
        raise UserError(f'The handler "{handler}" is not understood',
                        hint='write "path/to/file.function", or "package.module:app" for an ASGI or WSGI object, '
                             '"package.module:create_app()" for a function that makes it')
    if ".." in stem.split("/"):
        raise UserError(f'The handler "{handler}" is outside of the project',
                        hint="its path begins at the folder of sst_config.py: move the file below it")
    if not web and any("." in part for part in stem.split("/")):
        raise UserError(f'The handler "{handler}" is in a folder with a dot in its name: Python can\'t import from it',
                        hint="move the file, or rename the folder")
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
    chosen = _chosen(source, file)
    found = _nearest(file, attribute, web, chosen, root)
    if chosen is None or found.base == chosen:
        return found
    packages = (found.base, *found.local) if found.builds else found.local
    return replace(found, base=chosen, builds=False, local=packages, elsewhere=found.base)


def _chosen(source: Source, file: Path) -> Path | None:
    """The folder that ``root`` of ``python`` names."""
    name = source.python.get("root")
    if name is None:
        return None
    chosen = (source.folder / str(name)).resolve()
    if not file.is_relative_to(chosen):
        raise UserError(f'The handler "{source.handler}" is not in the folder {str(name)!r}, the root of its modules',
                        hint=f"its file is {file}")
    return chosen


def _nearest(file: Path, attribute: str, web: bool, chosen: Path | None, root: Path) -> Layout:
    """By the dependency file of the chosen folder, or else the nearest one above the handler."""
    top = _top(root)
    for folder in (*([chosen] if chosen else []), *_upward(file.parent, top)):
        project, requirements = folder / "pyproject.toml", folder / "requirements.txt"
        data = read_toml(project) if project.is_file() else {}
        tools = data.get("tool", {})
        if "project" in data or "build-system" in data or "workspace" in tools.get("uv", {}) or "poetry" in tools:
            return _project(file, attribute, web, folder, top, data)
        if requirements.is_file():
            return Layout(file, attribute, web, folder, requirements=requirements,
                          local=local_requirements(requirements))
        if (pipfile := folder / "Pipfile").is_file():
            return Layout(file, attribute, web, folder, project=pipfile, tool="pipenv",
                          local=local_closure(folder, read_toml(pipfile), top))
        if setup := next((p for n in ("setup.py", "setup.cfg") if (p := folder / n).is_file() and _declares(p)), None):
            return Layout(file, attribute, web, folder, project=setup,
                          tool="setup.cfg" if setup.name == "setup.cfg" else "")
        if folder == root:
            break
    return Layout(file, attribute, web, root, unread=_unread(root))


def _project(file: Path, attribute: str, web: bool, base: Path, top: Path, data: Mapping[str, Any]) -> Layout:
    path, requirements = base / "pyproject.toml", base / "requirements.txt"
    about, tools = data.get("project", {}), data.get("tool", {})
    name = str(about.get("name", "") or tools.get("poetry", {}).get("name", ""))
    builds = bool(data.get("build-system")) and (tools.get("uv", {}).get("package", True) is not False
                                                 and tools.get("poetry", {}).get("package-mode", True) is not False
                                                 and tools.get("pdm", {}).get("distribution", True) is not False)
    if found := _lock(base, top):
        lock, local = found
        return Layout(file, attribute, web, base, name, path, "", lock, None, builds, local)
    dynamic = "dependencies" in about.get("dynamic", ())
    needed = tools.get("poetry", {}).get("dependencies", {}).keys() - {"python"}
    if requirements.is_file() and not (about.get("dependencies") or dynamic or needed):
        return Layout(file, attribute, web, base, name, path, "", None, requirements, builds,
                      local_requirements(requirements))
    tool = ""
    if "poetry" in tools and (needed or not dynamic):
        tool = "poetry"
    elif ("pdm" in tools or (base / "pdm.lock").is_file()) and not dynamic:
        tool = "pdm"
    unread = () if about.get("dependencies") or dynamic or needed else _unread(base)
    return Layout(file, attribute, web, base, name, path, tool, None, None, builds, local_closure(base, data, top),
                  unread)


def _declares(setup: Path) -> bool:
    """Whether a setup.py or setup.cfg is one of setuptools: flake8's settings are called setup.cfg too."""
    text = text_of(setup)
    return "setup(" in text if setup.suffix == ".py" else "[metadata]" in text or "install_requires" in text


def _unread(folder: Path) -> tuple[str, ...]:
    """Files that name dependencies in a format, or at a path, that is not supported."""
    patterns = ("requirements*.txt", "requirements*.in", "requirements/*.txt", "requirements/*.in", "environment*.y*ml",
                "conda*.y*ml", "pixi.toml", "pylock*.toml")
    return tuple(sorted({p.relative_to(folder).as_posix() for g in patterns for p in folder.glob(g) if p.is_file()}))


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
