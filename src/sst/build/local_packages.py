"""Which local folders a project needs: workspace members and path dependencies, also those of its local packages."""
from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from .manifest import local_folders
from .requirement_files import included
from .source import OURS
from .text import text_of
from .toml import read_toml

__all__ = ["local_closure", "local_requirements"]


def local_closure(base: Path, data: Mapping[str, Any], top: Path) -> tuple[Path, ...]:
    """The folders that a project in ``base`` needs, itself left out. ``data`` is what declares it, ``top`` is how far
    up its workspace may lie."""
    found = dict.fromkeys([base.resolve()])
    todo = [(base, data)]
    while todo:
        folder, about = todo.pop()
        for place in _direct(folder, about, top):
            if place not in found and place.is_dir():
                found[place] = None
                project = place / "pyproject.toml"
                todo.append((place, read_toml(project) if project.is_file() else {}))
    return tuple(p for p in found if p != base.resolve())


def local_requirements(requirements: Path, top: Path | None = None) -> tuple[Path, ...]:
    """The folders that a requirements file names, and those that these need."""
    found: dict[Path, None] = {}
    for file in (requirements, *included(requirements)):
        for line in text_of(file).splitlines():
            editable, url = re.match(r"\s*(-e|--editable)[\s=]", line), "file:" in line
            spec = re.sub(r"^\s*(-e|--editable)[\s=]\s*|\s+[;#].*$|^.*@\s*file:(?://)?", "", line).strip()
            spec = unquote(spec) if url else spec
            path = (file.parent / re.sub(r"\[.*\]$", "", spec)).resolve()
            if spec and (editable or spec[0] == "." or "/" in spec) and path.is_dir():  # as pip tells a path
                found[path] = None
    for path in list(found):
        project = path / "pyproject.toml"
        more = local_closure(path, read_toml(project), top or requirements.parent) if project.is_file() else ()
        found |= dict.fromkeys(more)
    return tuple(found)


def _direct(folder: Path, data: Mapping[str, Any], top: Path) -> Iterator[Path]:
    for text in local_folders(data):
        yield (folder / text).resolve()
    root, members = _workspace(folder, data, top)
    home = data.get("tool", {}).get("uv", {}).get("sources", {})
    shared = root and read_toml(root / "pyproject.toml").get("tool", {}).get("uv", {}).get("sources", {})
    wanted = {_plain(n) for n in _names(data)}
    for sources, where in ((home, folder), (shared or {}, root)):
        for name, source in sources.items():
            for one in source if isinstance(source, list) else [source]:
                if not isinstance(one, Mapping) or _plain(name) not in wanted or name in OURS or where is None:
                    continue
                if one.get("workspace") and _plain(name) in members:
                    yield members[_plain(name)]
                elif "path" in one:
                    yield (where / str(one["path"])).resolve()


def _workspace(folder: Path, data: Mapping[str, Any], top: Path) -> tuple[Path | None, dict[str, Path]]:
    """The root of the workspace that a folder belongs to, and its members by name."""
    for place in (folder, *folder.parents):
        project = place / "pyproject.toml"
        about = data if place == folder else read_toml(project) if project.is_file() else {}
        workspace = about.get("tool", {}).get("uv", {}).get("workspace")
        if workspace is not None:
            members = {}
            for pattern in workspace.get("members", ()):
                for member in sorted(place.glob(str(pattern))):
                    if (file := member / "pyproject.toml").is_file():
                        members[_plain(str(read_toml(file).get("project", {}).get("name", "")))] = member.resolve()
            return place, members
        if place == top:
            break
    return None, {}


def _names(data: Mapping[str, Any]) -> Iterator[str]:
    """The names of all that a project may depend on."""
    project = data.get("project", {})
    lists = [project.get("dependencies", ()), *project.get("optional-dependencies", {}).values(),
             *data.get("dependency-groups", {}).values()]
    for lines in lists:
        for line in lines:
            if isinstance(line, str) and (m := re.match(r"\s*([\w.-]+)", line)):
                yield m[1]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
