"""Which files git tracks, read from its index: a tracked file counts even if a .gitignore names it."""
from __future__ import annotations

import hashlib
import struct
from functools import lru_cache
from pathlib import Path

__all__ = ["NOTHING", "tracked"]

NOTHING: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())


def tracked(repository: Path) -> tuple[frozenset[str], frozenset[str]]:
    """The tracked files of a repository and their folders, as names relative to it. Empty if there is no readable
    index."""
    git = repository / ".git"
    try:
        if git.is_file():  # a worktree or a submodule
            git = repository / git.read_text("utf-8").partition("gitdir:")[2].strip()
        index = git / "index"
        s = index.stat()
        return _read(str(repository), str(index), s.st_size, s.st_mtime_ns)
    except OSError:
        return NOTHING


@lru_cache(maxsize=8)
def _read(repository: str, path: str, size: int, mtime: int) -> tuple[frozenset[str], frozenset[str]]:
    raw = Path(path).read_bytes()
    try:
        names, end = _names(raw)
        whole = raw[-20:] in (bytes(20), hashlib.sha1(raw[:-20], usedforsecurity=False).digest())
    except (ValueError, IndexError, struct.error):
        names, end, whole = [], 0, False
    if not whole or raw[end:end + 4] == b"link":  # with other hashes; split over two files
        names = _ask_git(repository)
    folders = {n[:i] for n in names for i in range(len(n)) if n[i] == "/"}
    return frozenset(names), frozenset(folders)


def _names(raw: bytes) -> tuple[list[str], int]:
    """The names in an index and where its extensions begin. See git's index-format: a header, then entries of 62 bytes
    (64 if extended) and a name."""
    signature, version, count = struct.unpack_from(">4sLL", raw)
    if signature != b"DIRC" or version not in (2, 3, 4):
        raise ValueError("an unknown index")
    names, at, name = [], 12, b""
    for _ in range(count):
        start, flags = at, int.from_bytes(raw[at + 60:at + 62], "big")
        at += 64 if flags & 0x4000 else 62
        if version == 4:  # the name is the last one, less so many bytes, plus these
            drop, at = _number(raw, at)
            end = raw.index(b"\0", at)
            name, at = name[:len(name) - drop] + raw[at:end], end + 1
        else:
            end = raw.index(b"\0", at)
            name, at = raw[at:end], start + (end - start + 8 & ~7)
        names.append(name.decode("utf-8", "surrogateescape"))
    return names, at


def _ask_git(repository: str) -> list[str]:
    """The names that git itself lists; none if git is not installed."""
    import subprocess

    try:
        done = subprocess.run(["git", "ls-files", "-z"], cwd=repository, capture_output=True, check=True,
                              stdin=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        return []
    return [n.decode("utf-8", "surrogateescape") for n in done.stdout.split(b"\0") if n]


def _number(raw: bytes, at: int) -> tuple[int, int]:
    value = raw[at] & 0x7F
    while raw[at] & 0x80:
        at += 1
        value = (value + 1 << 7) | (raw[at] & 0x7F)
    return value, at + 1
