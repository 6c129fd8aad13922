"""The folders of a Python project that its packages lie in: what is directly below one of them is importable once the
project is installed."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .toml import read_toml

__all__ = ["package_folders"]


def package_folders(base: Path) -> tuple[Path, ...]:
    """Those that the build system's table in pyproject.toml names, then `src`; the project's own folder left out."""
    project = base / "pyproject.toml"
    tools = read_toml(project).get("tool", {}) if project.is_file() else {}
    named = [base / name for name in _named(tools) if name] if isinstance(tools, dict) else []
    return tuple(dict.fromkeys(f for f in (*named, base / "src") if f.is_dir() and f != base))


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
