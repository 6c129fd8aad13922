"""Which files git tracks, read from its index: a tracked file counts even if a .gitignore names it."""
from __future__ import annotations

import struct
from functools import lru_cache
from pathlib import Path

__all__ = ["tracked"]

_NONE: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())


def tracked(repository: Path) -> tuple[frozenset[str], frozenset[str]]:
    """The tracked files of a repository and their folders, as names relative to it. Empty if there is no readable
    index."""
    git = repository / ".git"
    try:
        if git.is_file():  # a worktree or a submodule
            git = repository / git.read_text("utf-8").partition("gitdir:")[2].strip()
        index = git / "index"
        s = index.stat()
        return _read(str(index), s.st_size, s.st_mtime_ns)
    except OSError:
        return _NONE


@lru_cache(maxsize=8)
def _read(path: str, size: int, mtime: int) -> tuple[frozenset[str], frozenset[str]]:
    """See git's index-format: a header, then entries of 62 bytes (64 if extended) and a name."""
    raw = Path(path).read_bytes()
    signature, version, count = struct.unpack_from(">4sLL", raw)
    if signature != b"DIRC" or version not in (2, 3, 4):
        return _NONE
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
        names.append(name.decode("utf-8", "replace"))
    folders = {n[:i] for n in names for i in range(len(n)) if n[i] == "/"}
    return frozenset(names), frozenset(folders)


def _number(raw: bytes, at: int) -> tuple[int, int]:
    value = raw[at] & 0x7F
    while raw[at] & 0x80:
        at += 1
        value = (value + 1 << 7) | (raw[at] & 0x7F)
    return value, at + 1
