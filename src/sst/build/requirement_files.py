"""pip's requirements files: what they include, which indexes they name, and the logins in their addresses.

Logins are for uv alone: they are in no cache entry, no key of one, no bundle and no message.
"""
from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from .text import text_of

__all__ = ["hashes", "included", "index_options", "with_logins", "without_login"]

_LOGIN = re.compile(r"(?<=://)([^/@\s]+)@")
_HIDDEN = "login-left-out@"
_OPTION = re.compile(r"\s*(-i|-f|--index-url|--pypi-url|--extra-index-url|--find-links|--no-index)"
                     r"(?:[\s=]\s*|(?<=-[if])|$)([^\s#]*)")
_LONG = {"-i": "--index-url", "-f": "--find-links", "--pypi-url": "--index-url"}


def included(requirements: Path, seen: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """Files that a requirements file names with -r and -c, at any depth."""
    for line in _lines(requirements):
        if m := re.match(r"\s*(?:-r|-c|--requirement|--constraint)[\s=]?\s*([^\s#]+)", line):
            path = requirements.parent / m[1]
            if path.is_file() and path not in seen:
                yield path
                yield from included(path, seen | {requirements, path})


def index_options(requirements: Path) -> list[str]:
    """The lines of a file, and of those it includes, that say where packages come from; folders as absolute paths."""
    found = []
    for file in (requirements, *included(requirements)):
        for line in _lines(file):
            if m := _OPTION.match(line):
                value = m[2]
                if m[1] in ("-f", "--find-links") and "://" not in value:
                    near = next((f for f in (file.parent, requirements.parent) if (f / value).exists()), file.parent)
                    value = str((near / os.path.expandvars(value)).resolve())
                found.append(f"{_LONG.get(m[1], m[1])} {value}".strip())
    return list(dict.fromkeys(found))


def hashes(requirements: Path) -> dict[str, list[str]]:
    """The hashes that a file, and those it includes, give for ``name==version``; the name as pip compares it."""
    found: dict[str, list[str]] = {}
    for file in (requirements, *included(requirements)):
        for line in _lines(file):
            given = re.findall(r"--hash[=\s](\w+:[0-9a-fA-F]+)", line)
            if given and (m := re.match(r"\s*([\w.-]+)(?:\[[^\]]*\])?\s*==\s*([^\s;]+)", line)):
                found.setdefault(f"{re.sub(r'[-_.]+', '-', m[1])}=={m[2]}".lower(), []).extend(given)
    return found


def without_login(text: str) -> str:
    """A text without the user names and passwords of its URLs.

    >>> without_login("pkg @ https://me:secret@example.com/pkg.whl")
    'pkg @ https://login-left-out@example.com/pkg.whl'
    """
    return _LOGIN.sub(lambda m: m[0] if "$" in m[1] or m[1] == "git" else _HIDDEN, text)


def with_logins(lines: Iterable[str], declared: Iterable[Path]) -> list[str]:
    """The lines as they were before `without_login`: with the logins that the files which declare them have."""
    found = list(lines)
    if not any(_HIDDEN in line for line in found):
        return found
    addresses = [m[0] for f in declared for m in re.finditer(r"(?<=://)[^/@\s\"']+@[^\s\"']+", text_of(f))]

    def login(m: re.Match[str]) -> str:
        rest = m[1]
        known = [a for a in addresses if a.partition("@")[2].split("/")[0] == rest.split("/")[0]]
        best = max(known, key=lambda a: _alike(a.partition("@")[2], rest), default="")
        return f"{best.partition('@')[0]}@{rest}" if best else rest

    return [re.sub(re.escape(_HIDDEN) + r"(\S+)", login, line) for line in found]


def _alike(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _lines(file: Path) -> list[str]:
    return re.sub(r"\\\n\s*", " ", text_of(file)).splitlines()
