"""The dependencies of Poetry, PDM, Pipenv and setup.cfg projects, with their locks and indexes, as pip requirements.

A lock is used as constraints: the versions are those of the lock, and what it lacks for this platform is resolved.
"""
from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from ..errors import UserError
from ..records import dataclass
from .text import text_of
from .toml import read_toml
from .versions import markers, specifier

__all__ = ["Declared", "declared_by", "local_folders", "lock_of"]

_NO_GROUPS = frozenset({"source", "packages", "requires", "pipenv", "scripts", "pipfile"})
"""Tables of a Pipfile that list no packages, or always do."""
_LOCKS = {"poetry": "poetry.lock", "pdm": "pdm.lock", "pipenv": "Pipfile.lock"}


@dataclass(frozen=True, slots=True)
class Declared:
    """Requirement lines, index options among them, and the versions that a lock has."""

    lines: tuple[str, ...]
    constraints: tuple[str, ...] = ()


def declared_by(tool: str, folder: Path, data: Mapping[str, Any], extras: Collection[str] = (),
                groups: Sequence[str] = ()) -> Declared:
    """What a project of ``poetry``, ``pdm``, ``pipenv`` or ``setup.cfg`` needs. ``data`` is its pyproject.toml, Pipfile
    or `read_setup_cfg`. UserError for an extra or a group that it does not have."""
    file = {"pipenv": "Pipfile", "setup.cfg": "setup.cfg"}.get(tool, "pyproject.toml")
    poetry, pdm = (data.get("tool", {}).get(t, {}) for t in ("poetry", "pdm"))
    kinds = (("extra", extras, {*data.get("project", {}).get("optional-dependencies", {}), *poetry.get("extras", {})}),
             ("dependency group", groups, {*poetry.get("group", {}), *pdm.get("dev-dependencies", {}),
                                           *data.get("dependency-groups", {}),
                                           *(data.keys() - _NO_GROUPS if tool == "pipenv" else ())}))
    for kind, wanted, known in kinds:
        if strange := next((w for w in wanted if w not in known), None):
            raise UserError(f'There is no {kind} "{strange}" in {file}', where=str(folder / file),
                            hint=f"there are {', '.join(sorted(known)) or 'none'}")
    lines = {"poetry": _poetry, "pdm": _pdm, "pipenv": _pipenv, "setup.cfg": _setup_cfg}[tool](data, extras, groups)
    lock = lock_of(tool, folder)
    return Declared(tuple(lines), tuple(_locked(lock)) if lock else ())


def lock_of(tool: str, folder: Path) -> Path | None:
    path = folder / _LOCKS.get(tool, "?")
    return path if path.is_file() else None


def local_folders(data: Mapping[str, Any]) -> Iterator[str]:
    """The folders that a pyproject.toml or Pipfile names as dependencies, as written."""
    tool = data.get("tool", {})
    poetry = tool.get("poetry", {})
    tables = [poetry.get("dependencies", {}), data.get("packages", {}),
              *(g.get("dependencies", {}) for g in poetry.get("group", {}).values())]
    for table in tables:
        for wanted in table.values():
            for one in wanted if isinstance(wanted, list) else [wanted]:
                if isinstance(one, Mapping) and (path := one.get("path") or one.get("file")):
                    yield str(path)
    named = [*data.get("project", {}).get("dependencies", ()),
             *(d for g in tool.get("pdm", {}).get("dev-dependencies", {}).values() for d in g)]
    for line in named:
        if m := re.search(r"file:(?://)?(?:/?\$\{PROJECT_ROOT\}/)?([^#\s;]+)", str(line)):
            yield m[1]


def _poetry(data: Mapping[str, Any], extras: Collection[str], groups: Sequence[str]) -> Iterator[str]:
    poetry = data.get("tool", {}).get("poetry", {})
    yield from _indexes((str(s.get("url", "")), str(s.get("name", "")), str(s.get("priority", "primary")))
                        for s in poetry.get("source", ()) if s.get("url"))
    project = data.get("project", {})
    own = poetry.get("dependencies", {})
    enriched = {_plain(n) for n, w in own.items() if isinstance(w, (Mapping, list))}
    yield from (line for line in _project_lines(project, extras) if _plain(_name_of(line)) not in enriched)
    wanted = {_plain(n) for e in extras for n in poetry.get("extras", {}).get(e, ())}
    tables = [own] if not project.get("dependencies") else [{n: w for n, w in own.items() if _plain(n) in enriched}]
    for group in groups:
        tables.append(poetry.get("group", {}).get(group, {}).get("dependencies", {}))
        yield from _group(data.get("dependency-groups", {}), group)
    for table in tables:
        for name, value in table.items():
            for one in value if isinstance(value, list) else [value]:
                if name == "python" or (isinstance(one, Mapping) and one.get("optional")
                                        and _plain(name) not in wanted):
                    continue
                yield _line(name, one)


def _pdm(data: Mapping[str, Any], extras: Collection[str], groups: Sequence[str]) -> Iterator[str]:
    pdm = data.get("tool", {}).get("pdm", {})
    sources = [s for s in pdm.get("source", ()) if s.get("url")]
    yield from (f"--find-links {_expanded(str(s['url']))}" for s in sources if s.get("type") == "find_links")
    yield from _indexes((str(s["url"]), str(s.get("name", "")), "primary" if s.get("name") == "pypi"
                         else "supplemental")
                        for s in sources if s.get("type") != "find_links")
    yield from (_rooted(line) for line in _project_lines(data.get("project", {}), extras))
    known = {**pdm.get("dev-dependencies", {}), **data.get("dependency-groups", {})}
    for group in groups:
        yield from (_rooted(d) for d in _group(known, group))


def _pipenv(data: Mapping[str, Any], extras: Collection[str], groups: Sequence[str]) -> Iterator[str]:
    sources = [s for s in data.get("source", ()) if s.get("url")]
    yield from _indexes((str(s["url"]), "", "supplemental" if n else "primary") for n, s in enumerate(sources))
    tables = ["packages", *(g for g in groups if g in data)]
    for table in tables:
        for name, value in data.get(table, {}).items():
            yield _line(name, value)


def _setup_cfg(data: Mapping[str, Any], extras: Collection[str], _: Sequence[str]) -> Iterator[str]:
    return _project_lines(data["project"], extras)


def _project_lines(project: Mapping[str, Any], extras: Collection[str]) -> Iterator[str]:
    yield from map(str, project.get("dependencies", ()))
    for extra in extras:
        yield from map(str, project.get("optional-dependencies", {}).get(extra, ()))


def _group(known: Mapping[str, Any], group: str, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """The requirements of a dependency group and of those it includes."""
    for one in known.get(group, ()):
        if isinstance(one, str):
            yield one
        elif isinstance(one, Mapping) and (inner := str(one.get("include-group", ""))) not in {"", group, *seen}:
            yield from _group(known, inner, seen | {group})


def _line(name: str, value: Any) -> str:
    """One requirement of Poetry's or Pipenv's table form.

    >>> _line("requests", {"version": "^2.31", "extras": ["socks"]})
    'requests[socks]>=2.31,<3'
    """
    if not isinstance(value, Mapping):
        return name + specifier(str(value))
    extras = f"[{','.join(value['extras'])}]" if value.get("extras") else ""
    conditions = [c for c in (markers(str(value["python"])) if "python" in value else "",
                              f"({value['markers']})" if value.get("markers") else "",
                              f'sys_platform == "{value["platform"]}"' if value.get("platform") else "",
                              *(f"{k} {value[k]}" for k in ("sys_platform", "python_version", "os_name",
                                                            "platform_machine") if k in value)) if c]
    condition = f" ; {' and '.join(conditions)}" if conditions else ""
    if path := value.get("path") or value.get("file"):
        text = str(path)
        return f"{name}{extras} @ {text}{condition}" if "://" in text else f"{_relative(text)}{extras}{condition}"
    if git := value.get("git"):
        at = next((f"@{value[k]}" for k in ("rev", "ref", "tag", "branch") if k in value), "")
        sub = f"#subdirectory={value['subdirectory']}" if value.get("subdirectory") else ""
        address = re.sub(r"^(?:git\+)?(?:([\w.-]+@[\w.-]+):(?!/))", r"ssh://\1/", str(git)).removeprefix("git+")
        return f"{name}{extras} @ git+{address}{at}{sub}{condition}"
    if url := value.get("url"):
        return f"{name}{extras} @ {url}{condition}"
    return f"{name}{extras}{specifier(str(value.get('version', '*')))}{condition}"


def _indexes(sources: Any) -> Iterator[str]:
    """pip's options for (url, name, priority). The first primary one stands for PyPI."""
    primary = False
    for url, name, priority in sources:
        address = _with_login(_expanded(url), name)
        if priority in ("primary", "default") and not primary and "pypi.org" not in url:
            primary = True
            yield f"--index-url {address}"
        elif "pypi.org" not in url or primary:
            yield f"--extra-index-url {address}"


def _with_login(url: str, name: str) -> str:
    """With the user name and password that Poetry would take from the environment."""
    key = re.sub(r"\W", "_", name.upper())
    user = os.environ.get(f"POETRY_HTTP_BASIC_{key}_USERNAME", "")
    password = os.environ.get(f"POETRY_HTTP_BASIC_{key}_PASSWORD", "")
    parts = urlsplit(url)
    if not (user or password) or "@" in parts.netloc or not name:
        return url
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{parts.netloc}"))


def _expanded(text: str) -> str:
    """With ``${NAME}`` and ``$NAME`` from the environment."""
    return re.sub(r"\$\{(\w+)\}|\$(\w+)", lambda m: os.environ.get(m[1] or m[2], m[0]), text)


def _rooted(line: str) -> str:
    """PDM's ``-e file:///${PROJECT_ROOT}/../core#egg=core`` as a folder."""
    if m := re.fullmatch(r"-e\s+file:/*\$\{PROJECT_ROOT\}/([^#]+)(?:#.*)?", line.strip()):
        return _relative(m[1])
    return re.sub(r"^(.*@\s*)file:/*\$\{PROJECT_ROOT\}/([^#\s;]+)", lambda m: _relative(m[2]), line.strip())


def _relative(path: str) -> str:
    return path if path.startswith(("/", "./", "../")) else f"./{path}"


def _locked(lock: Path) -> Iterator[str]:
    """``name==version`` of what comes from a registry. A name with several versions is left to the resolution."""
    try:
        if lock.suffix == ".lock" and lock.name == "Pipfile.lock":
            pairs = [(n, str(p["version"]).removeprefix("==")) for n, p in json.loads(text_of(lock))["default"].items()
                     if "version" in p and not {"git", "path", "file"} & p.keys()]
        else:
            pairs = [(str(p["name"]), str(p["version"])) for p in read_toml(lock).get("package", ())
                     if "version" in p and not {"git", "path", "url"} & p.keys()
                     and p.get("source", {}).get("type", "legacy") == "legacy"]
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise UserError(f"{lock.name} can't be read: {e}", where=str(lock)) from e
    distinct = sorted({(_plain(n), v) for n, v in pairs})
    times = Counter(n for n, _ in distinct)
    yield from (f"{n}=={v}" for n, v in distinct if times[n] == 1)


def _name_of(line: str) -> str:
    m = re.match(r"\s*([\w.-]+)", line)
    return m[1] if m else ""


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
