"""Which files of a project count: ignore rules, what must never leave the machine, walks.

No subprocess: a fingerprint needs this list within milliseconds, and a project need not be a git repository.
"""
from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

from .tracked import tracked

__all__ = ["File", "never", "secret", "walk"]

_SECRET = (".env", ".env.*", "*.env", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "id_rsa*", "id_dsa*",
           "id_ecdsa*",
           "id_ed25519*", ".netrc", ".pypirc", ".npmrc", ".pgpass", ".git-credentials", ".htpasswd", ".envrc")
_NEVER = frozenset({".git", ".hg", ".svn", ".sst", "node_modules", "__pycache__", ".venv", "venv", ".tox", ".nox",
                    ".mypy_cache",
                    ".pytest_cache", ".ruff_cache", ".hypothesis", ".idea", ".vscode", ".aws", ".ssh", ".gnupg",
                    ".DS_Store", ".eggs"})


@dataclass(frozen=True, slots=True)
class File:
    name: str
    """Relative to the walked folder, with forward slashes."""
    path: Path
    size: int
    mtime: int
    ctime: int
    executable: bool


def secret(name: str) -> bool:
    """Whether a file's own name says that it holds credentials.

    >>> secret(".env.prod"), secret("id_rsa"), secret("main.py")
    (True, True, False)
    """
    return any(fnmatchcase(name.lower(), p) for p in _SECRET)


def never(name: str) -> bool:
    """Whether a file or folder of this name is never read: caches, logs, environments, version control, credentials."""
    return name in _NEVER or name.endswith((".pyc", ".pyo", ".egg-info", ".log")) or secret(name)


PLAN = b'{\n  "sst_plan": '
"""How a saved plan begins."""


def saved_plan(path: Path) -> bool:
    """Whether it is a plan of ``sst diff -o``: lying in the project it must not become part of what it plans."""
    if "plan" not in path.name or path.suffix != ".json":
        return False
    try:
        with path.open("rb") as file:
            return file.read(len(PLAN)) == PLAN
    except OSError:
        return False


def walk(folder: Path, keep: Callable[[str, bool], bool] = lambda name, is_dir: True) -> list[File]:
    """The files under a folder that are neither ignored (and untracked) nor ruled out by ``never`` or ``keep``, sorted
    by name.

    ``keep(name, is_dir)`` sees each relative name once; a folder it refuses is not entered. Links to files are
    followed, links to folders only if they stay inside the folder.
    """
    found: list[File] = []
    home = folder.resolve()

    def enter(at: str, rules: tuple[_Rule, ...], only_tracked: bool) -> None:
        here = folder / at if at else folder
        rules += _rules_of(here, at)
        with os.scandir(here) as entries:
            for e in entries:
                name = f"{at}/{e.name}" if at else e.name
                is_dir = e.is_dir()
                if never(e.name) or not keep(name, is_dir):
                    continue
                ignored = only_tracked or bool(rules and _ignored(rules, name, is_dir))
                if ignored and not (repository and prefix + name in tracked(repository)[is_dir]):
                    continue
                if is_dir:
                    outside = e.is_symlink() and home not in Path(e.path).resolve().parents
                    if not outside and not (Path(e.path) / "pyvenv.cfg").exists() and not (e.is_symlink()
                                                                                           and _loops(e.path)):
                        enter(name, rules, ignored)
                elif e.is_file() and not saved_plan(Path(e.path)):
                    s = e.stat()
                    found.append(File(name, Path(e.path), s.st_size, s.st_mtime_ns, s.st_ctime_ns,
                                      bool(s.st_mode & 0o100)))

    above, repository, prefix = _rules_above(folder)
    enter("", above, False)
    found.sort(key=lambda f: f.name)
    return found


def _loops(path: str) -> bool:
    target = Path(path).resolve()
    return target == Path(path).parent.resolve() or target in Path(path).parent.resolve().parents


@dataclass(frozen=True, slots=True)
class _Rule:
    base: str
    """Folder of the .gitignore, relative to the walked one; ``/…`` for one above it, whose names are prefixed
    instead."""
    prefix: str
    pattern: re.Pattern[str]
    keep: bool
    folders: bool


def _ignored(rules: Iterable[_Rule], name: str, is_dir: bool) -> bool:
    verdict = False
    for r in rules:
        if (r.folders and not is_dir) or r.keep is not verdict:
            continue
        if r.base and not name.startswith(r.base + "/"):
            continue
        inner = r.prefix + (name[len(r.base) + 1:] if r.base else name)
        if r.pattern.match(inner):
            verdict = not r.keep
    return verdict


def _rules_of(folder: Path, base: str, prefix: str = "") -> tuple[_Rule, ...]:
    path = folder / ".gitignore"
    try:
        s = path.stat()
    except OSError:
        return ()
    return tuple(_Rule(base, prefix, p, k, f) for p, k, f in _parsed(str(path), s.st_size, s.st_mtime_ns))


def _rules_above(folder: Path) -> tuple[tuple[_Rule, ...], Path | None, str]:
    """Rules of the folders above, up to the repository's root (none outside of one); the root; the way from it to
    the folder."""
    if (folder / ".git").exists():
        return (), folder, ""
    rules: list[tuple[_Rule, ...]] = []
    prefix = folder.name + "/"
    for parent in folder.parents:
        rules.append(_rules_of(parent, "", prefix))
        if (parent / ".git").exists():
            return tuple(r for group in reversed(rules) for r in group), parent, prefix
        prefix = f"{parent.name}/{prefix}"
    return (), None, ""


@lru_cache(maxsize=512)
def _parsed(path: str, size: int, mtime: int) -> tuple[tuple[re.Pattern[str], bool, bool], ...]:
    rules = []
    for raw in Path(path).read_text("utf-8", errors="replace").splitlines():
        line = raw.rstrip()
        if not line or line.startswith("#"):
            continue
        keep = line.startswith("!")
        line = line[1:] if keep else line
        folders = line.endswith("/")
        line = line.rstrip("/")
        anchored = "/" in line
        rules.append((re.compile(_regex(line.lstrip("/"), anchored)), keep, folders))
    return tuple(rules)


def _regex(pattern: str, anchored: bool) -> str:
    out, i = "" if anchored else "(?:.*/)?", 0
    while i < len(pattern):
        rest = pattern[i:]
        if rest.startswith("**/"):
            out, i = out + "(?:.*/)?", i + 3
        elif rest.startswith("**"):
            out, i = out + ".*", i + 2
        elif rest[0] == "*":
            out, i = out + "[^/]*", i + 1
        elif rest[0] == "?":
            out, i = out + "[^/]", i + 1
        elif rest[0] == "[" and (end := rest.find("]", 2)) > 0:
            out, i = out + "[" + rest[1:end].replace("\\", "\\\\").replace("!", "^", 1) + "]", i + end + 1
        else:
            escaped = rest[0] == "\\" and len(rest) > 1
            out, i = out + re.escape(rest[1] if escaped else rest[0]), i + 1 + escaped
    return out + r"\Z"
