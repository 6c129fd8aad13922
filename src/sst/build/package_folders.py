"""The folders of a Python project that its packages lie in: what is directly below one of them is importable once the
project is installed."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .toml import read_toml

__all__ = ["package_folders", "renamed_packages"]


def package_folders(base: Path) -> tuple[Path, ...]:
    """Those that the build system's table in pyproject.toml names, then `src`; the project's own folder left out."""
    named = [base / name for name in _named(_tools(base)) if name]
    return tuple(dict.fromkeys(f for f in (*named, base / "src") if f.is_dir() and f != base))


def renamed_packages(base: Path) -> dict[str, Path]:
    """The packages that setuptools installs under another name than that of their folder, ``package-dir = {"app" =
    "code"}``, and those in a folder that is not among the package folders."""
    named = _at(_tools(base), "setuptools", "package-dir")
    found = {name: base / _text(place) for name, place in named.items()} if isinstance(named, dict) else {}
    homes = (base, *package_folders(base))
    return {name: folder for name, folder in found.items()
            if name.isidentifier() and folder.is_dir() and folder not in [home / name for home in homes]}


def _tools(base: Path) -> Mapping[str, Any]:
    project = base / "pyproject.toml"
    tools = read_toml(project).get("tool", {}) if project.is_file() else {}
    return tools if isinstance(tools, dict) else {}


def _named(tools: Mapping[str, Any]) -> Iterator[str]:
    for package in _list(_at(tools, "poetry", "packages")):
        yield _text(_at(package, "from"))
    yield _text(_at(tools, "setuptools", "package-dir", ""))
    yield from map(_text, _list(_at(tools, "setuptools", "packages", "find", "where")))
    for target in (_at(tools, "hatch", "build", "targets", "wheel"), _at(tools, "hatch", "build")):
        yield from (_text(p).rstrip("/").rpartition("/")[0] for p in _list(_at(target, "packages")))
        sources = _at(target, "sources")
        yield from map(_text, _list(sources))
        yield from (k for k, to in sources.items() if to == "") if isinstance(sources, dict) else ()
    yield _text(_at(tools, "pdm", "build", "package-dir"))
    yield _text(_at(tools, "uv", "build-backend", "module-root"))
    yield _text(_at(tools, "maturin", "python-source"))


def _at(data: Any, *keys: str) -> Any:
    """What is there, whatever the shape of the table: a wrong one is the build system's to report."""
    for key in keys:
        data = data.get(key) if isinstance(data, Mapping) else None
    return data


def _list(data: Any) -> list[Any]:
    return data if isinstance(data, list) else []


def _text(data: Any) -> str:
    return data if isinstance(data, str) else ""
