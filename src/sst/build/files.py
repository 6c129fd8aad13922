"""Which files of a project count: ignore rules, what must never leave the machine, walks.

No subprocess: a fingerprint needs this list within milliseconds, and a project need not be a git repository.
"""
from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Callable, Iterable
from fnmatch import translate
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Literal, TypeAlias

from ..errors import UserError
from ..records import dataclass
from .text import text_of
from .tracked import NOTHING, tracked

__all__ = ["File", "LeftOut", "Walk", "check_links", "file_of", "misled", "never", "repository", "secret", "walk"]

_SECRET = (".env", ".env.*", "*.env", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "id_rsa*", "id_dsa*",
           "id_ecdsa*",
           "id_ed25519*", ".netrc", ".pypirc", ".npmrc", ".pgpass", ".git-credentials", ".htpasswd", ".envrc")
_NEVER = frozenset({".git", ".hg", ".svn", ".sst", "node_modules", "__pycache__", ".venv", "venv", ".tox", ".nox",
                    ".mypy_cache",
                    ".pytest_cache", ".ruff_cache", ".hypothesis", ".idea", ".vscode", ".aws", ".ssh", ".gnupg",
                    ".DS_Store", ".eggs"})
_LEFTOVERS = (".pyc", ".pyo", ".egg-info", ".log", ".swp", ".swo", "~")


@dataclass(frozen=True, slots=True)
class File:
    name: str
    """Relative to the walked folder, with forward slashes."""
    place: str
    """Its path. A text, because a project may have many."""
    stamp: tuple[int, int, int, int]
    """Times of content and of attributes (nanoseconds), size, inode."""
    executable: bool

    @property
    def path(self) -> Path:
        return Path(self.place)

    @property
    def size(self) -> int:
        return self.stamp[2]

    @classmethod
    def of(cls, name: str, place: str, found: os.stat_result) -> File:
        stamp = (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)
        return cls(name, place, stamp, bool(found.st_mode & 0o100))


def file_of(path: Path, name: str) -> File:
    """A file by another name. FileNotFoundError if it is not there."""
    return File.of(name, str(path), path.stat())


def secret(name: str) -> bool:
    """Whether a file's own name says that it holds credentials.

    >>> secret(".env.prod"), secret("id_rsa"), secret("main.py")
    (True, True, False)
    """
    return _secret_name().match(name.lower()) is not None


@cache
def _secret_name() -> re.Pattern[str]:
    return re.compile("|".join(translate(p) for p in _SECRET))


def never(name: str) -> bool:
    """Whether a file or folder of this name is never read: caches, logs, environments, version control, credentials."""
    return name in _NEVER or name.endswith(_LEFTOVERS) or secret(name)


_OURS = (b'{\n  "sst_plan": ', b'{\n  "serial": ')
"""How a saved plan and an exported state begin."""


def ours(name: str, path: str) -> bool:
    """Whether it is a plan of ``sst diff -o`` or a state of ``sst state export``: lying in the project it must not
    become part of what is deployed. Only files at the project's top, and those whose names say so, are opened."""
    if not name.endswith(".json") or ("/" in name and "plan" not in name and "state" not in name):
        return False
    try:
        with Path(path).open("rb") as file:
            return file.read(len(max(_OURS, key=len))).startswith(_OURS)
    except OSError:
        return False


_Why: TypeAlias = Literal["", "ignored", "refused", "outside", "never"]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something in a walked folder that was not taken, although its name is no secret's and no cache's."""

    name: str
    is_dir: bool
    why: _Why
    """By .gitignore; by the caller; because it is a link that leads out of the project."""


@dataclass(frozen=True)
class Walk:
    files: tuple[File, ...]
    """Sorted by name."""
    left_out: tuple[LeftOut, ...]

    @cached_property
    def places(self) -> frozenset[str]:
        return frozenset(f.place for f in self.files)


def walk(folder: Path, keep: Callable[[str, bool], bool] = lambda name, is_dir: True, *,
         top: Path | None = None) -> Walk:
    """The files under a folder that are neither ignored (and untracked) nor ruled out by ``never`` or ``keep``.

    ``keep(name, is_dir)`` sees each relative name once; a folder it refuses is not entered. Links are followed as long
    as they lead into ``top`` (default: the repository, or the folder itself), and not to what would not be taken there.
    Fifos, sockets and links to nothing are passed over, and so is what vanishes meanwhile and what this process writes
    its output to. UserError for a folder that can't be read.
    """
    home, streams = os.path.realpath(top or repository(folder) or folder), _streams()
    above, tracked_names, prefix = _rules_above(folder)
    found: list[File] = []
    left_out: list[LeftOut] = []

    def enter(at: str, rules: tuple[_Rule, ...], only_tracked: bool, place: str, entered: frozenset[str]) -> None:
        here = folder / at if at else folder
        rules += _rules_of(here, at)
        for e in _entries(here):
            name = f"{at}/{e.name}" if at else e.name
            if never(e.name):
                continue
            try:
                is_dir, link = e.is_dir(), e.is_symlink()
                if not is_dir and not e.is_file():
                    continue
                why: _Why = (misled(e.path, home) if link else "") if keep(name, is_dir) else "refused"
                ignored = only_tracked or bool(rules and _ignored(rules, name, is_dir))
                if not why and ignored and prefix + name not in tracked_names()[is_dir]:
                    why = "ignored"
                if why:
                    if why != "never":
                        left_out.append(LeftOut(name, is_dir, why))
                elif is_dir:
                    real = os.path.realpath(e.path) if link else f"{place}/{e.name}"
                    if not os.path.exists(f"{real}/pyvenv.cfg") and not (link and real in entered):  # noqa: PTH110
                        enter(name, rules, ignored, real, entered | {real})
                elif not ours(name, e.path):
                    s = e.stat()
                    if (s.st_dev, s.st_ino) not in streams:
                        found.append(File.of(name, e.path, s))
            except OSError:  # it vanished, or is a link in a circle
                continue

    real_folder = Path(os.path.realpath(folder))
    enter("", above, False, str(real_folder), frozenset(map(str, (real_folder, *real_folder.parents))))
    found.sort(key=lambda f: f.name)
    return Walk(tuple(found), tuple(left_out))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []
    except OSError as e:
        raise UserError(f"The folder {folder} can't be read: {e.strerror}",
                        hint='name it in .gitignore, or leave it out with python={"exclude": [...]}') from e


def misled(path: str | Path, home: str | Path, never: Callable[[str], bool] = never) -> Literal["", "outside", "never"]:
    """Why the file behind a link must not be taken: it lies outside of ``home``, or one of its real names is ruled out.

    ``home`` is a real path.
    """
    real = os.path.realpath(path)
    if real != str(home) and not real.startswith(str(home).rstrip("/") + "/"):
        return "outside"
    return "never" if any(never(part) for part in Path(real).relative_to(home).parts) else ""


def check_links(files: Iterable[str | Path], top: Path) -> None:
    """UserError for a link that leads out of ``top`` (its repository, if it lies in one), or to a file of
    credentials."""
    home = os.path.realpath(repository(top) or top)
    for path in files:
        if os.path.islink(path) and (why := misled(path, home, secret)):  # noqa: PTH114  # of many thousand files
            where = "to credentials" if why == "never" else f"out of {home}"
            raise UserError(f"the link {path} leads {where}", hint="put a copy of what it leads to there, or remove it")


def _streams() -> frozenset[tuple[int, int]]:
    """The files that the standard output and error of this process go to: ``sst deploy > deploy.txt``."""
    found = set()
    for number in (1, 2):
        try:
            s = os.fstat(number)
        except OSError:
            continue
        if stat.S_ISREG(s.st_mode):
            found.add((s.st_dev, s.st_ino))
    return frozenset(found)


def repository(folder: Path) -> Path | None:
    """The root of the git repository that a folder lies in."""
    return next((p for p in (folder, *folder.parents) if (p / ".git").exists()), None)


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


_Tracked: TypeAlias = Callable[[], tuple[frozenset[str], frozenset[str]]]


def _rules_above(folder: Path) -> tuple[tuple[_Rule, ...], _Tracked, str]:
    """Rules of the folders above, what git tracks, and the way from the repository to the folder.

    Where there is no repository (an archive, the context of a container's build), the same .gitignore files count.
    """
    top = repository(folder)
    if top == folder:
        return (), lambda: tracked(folder), ""
    import tempfile

    rules: list[tuple[_Rule, ...]] = []
    prefix = folder.name + "/"
    shared = {Path.home(), Path(tempfile.gettempdir()), Path(folder.anchor)}
    for parent in folder.parents:
        if top is None and parent in shared:
            break
        rules.append(_rules_of(parent, "", prefix))
        if parent == top:
            return tuple(r for group in reversed(rules) for r in group), lambda: tracked(top), prefix
        prefix = f"{parent.name}/{prefix}"
    return tuple(r for group in reversed(rules) for r in group), lambda: NOTHING, ""


_CLASS = re.compile(r"\[([!^]?)(\]?(?:\[:\w+:\]|\\.|[^\]\\])*)\]")
_IN_CLASS = re.compile(r"\[:(\w+):\]|\\(.)|[\[\]\\^&~|]")
_POSIX = {"alnum": "a-zA-Z0-9", "alpha": "a-zA-Z", "digit": "0-9", "lower": "a-z", "punct": "!-/:-@\\[-`{-~",
          "space": r"\s", "upper": "A-Z", "xdigit": "0-9a-fA-F"}


@lru_cache(maxsize=512)
def _parsed(path: str, size: int, mtime: int) -> tuple[tuple[re.Pattern[str], bool, bool], ...]:
    rules = []
    for raw in text_of(Path(path)).split("\n"):
        line = re.sub(r"(?<!\\)\s+\Z", "", raw)
        if not line or line.startswith("#"):
            continue
        keep = line.startswith("!")
        line = line[1:] if keep else line
        folders = line.endswith("/")
        line = line.rstrip("/")
        anchored = "/" in line
        with contextlib.suppress(re.error):  # [z-a], or [a without an end: to git too it fits nothing
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
        elif m := _CLASS.match(rest):
            inside = _IN_CLASS.sub(lambda c: _POSIX.get(c[1] or "") or re.escape(c[2] or c[0]), m[2])
            out, i = f"{out}[{'^/' if m[1] else ''}{inside}]", i + m.end()
        elif rest[0] == "[":
            raise re.error("no end of a class")
        else:
            escaped = rest[0] == "\\" and len(rest) > 1
            out, i = out + re.escape(rest[1] if escaped else rest[0]), i + 1 + escaped
    return out + r"\Z"
