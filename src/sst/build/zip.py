"""A small deterministic zip writer: sorted names, one date, two modes, and pieces that are deflated only once.

zipfile could write such archives too, but it can't copy an already deflated entry; here the dependency part of an
artefact is deflated once and shared by all functions.
"""
from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from ..errors import UserError
from .cache import keep

__all__ = ["Entry", "deflate", "deflate_all", "pack", "read", "unpacked"]

_DATE = 0x0021  # 1980-01-01, the oldest date a zip can hold
_UTF8 = 0x0800
_LOCAL = struct.Struct("<4sHHHHHLLLHH")
_CENTRAL = struct.Struct("<4sHHHHHHLLLHHHHHLL")
_END = struct.Struct("<4sHHHHLLH")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of an archive, as it is stored."""

    name: str
    data: bytes
    """Deflated if ``method`` is 8."""
    size: int
    """Unzipped."""
    crc: int
    method: int
    executable: bool = False


def deflate(name: str, content: bytes, *, executable: bool = False) -> Entry:
    """Compress one file. What does not get smaller is stored as it is."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    small = packer.compress(content) + packer.flush()
    method, data = (8, small) if len(small) < len(content) else (0, content)
    return Entry(name, data, len(content), zlib.crc32(content), method, executable)


def deflate_all(files: Mapping[str, tuple[bytes, bool]]) -> list[Entry]:
    """Compress many files (``name: (content, executable)``) on two threads: zlib releases the interpreter lock."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda item: deflate(item[0], item[1][0], executable=item[1][1]), sorted(files.items())))


def pack(entries: Iterable[Entry]) -> bytes:
    """The archive of these entries. Of two with one name the later counts.

    >>> pack([deflate("b", b"1"), deflate("a", b"2")]) == pack([deflate("a", b"2"), deflate("b", b"1")])
    True
    """
    unique = sorted({e.name: e for e in entries}.values(), key=lambda e: e.name)
    if len(unique) > 0xFFFF:
        raise UserError(f"The bundle holds {len(unique):,} files; a zip without extensions takes 65,535",
                        hint="leave files out with the `exclude` option")
    body, central, at = [], [], 0
    for e in unique:
        name = e.name.encode()
        head = _LOCAL.pack(b"PK\3\4", 20, _UTF8, e.method, 0, _DATE, e.crc, len(e.data), e.size, len(name), 0)
        mode = 0o100755 if e.executable else 0o100644
        central.append(_CENTRAL.pack(b"PK\1\2", 0x0314, 20, _UTF8, e.method, 0, _DATE, e.crc, len(e.data), e.size,
                                     len(name), 0, 0, 0, 0, mode << 16, at) + name)
        body += [head, name, e.data]
        at += len(head) + len(name) + len(e.data)
        if at > 0xFFFFFFFF:
            raise UserError("The bundle is larger than 4 GB")
    listing = b"".join(central)
    end = _END.pack(b"PK\5\6", 0, 0, len(unique), len(unique), len(listing), at, 0)
    return b"".join([*body, listing, end])


def read(archive: Path | bytes) -> list[Entry]:
    """The entries of an archive, still compressed."""
    raw = archive if isinstance(archive, bytes) else archive.read_bytes()
    entries = []
    with zipfile.ZipFile(BytesIO(raw)) as z:
        for i in z.infolist():
            if i.is_dir():
                continue
            name_length, extra_length = struct.unpack_from("<HH", raw, i.header_offset + 26)
            start = i.header_offset + 30 + name_length + extra_length
            executable = bool(i.external_attr >> 16 & 0o100)
            entries.append(Entry(i.filename, raw[start:start + i.compress_size], i.file_size, i.CRC, i.compress_type,
                                 executable))
    return entries


def unpacked(archive: Path, cache: Path) -> Path:
    """A folder with what is in an archive of the cache, which is named by its own folder there. Made once."""
    def make(part: Path) -> None:
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(part)
            for entry in opened.infolist():
                if (entry.external_attr >> 16) & 0o111:
                    (part / entry.filename).chmod(0o755)

    return keep(cache, "unpacked", archive.parent.name, make)
