"""A small deterministic zip writer: sorted names, one date, two modes, and pieces that are deflated only once.

zipfile could write such archives too, but it can't copy an already deflated entry; here the dependency part of an
artefact is deflated once and shared by all functions. An archive is written piece by piece, so that memory is bounded
by its largest files and not by its size.
"""
from __future__ import annotations

import errno
import hashlib
import itertools
import os
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

from ..errors import UserError
from ..machine.files import open_regular
from ..records import dataclass
from .cache import keep

__all__ = ["Entry", "Parts", "Written", "bytes_part", "deflate", "encoded", "entry_part", "extract", "file_part",
           "has_archive", "read", "unpacked", "write_zip"]

_DATE = 0x0021  # 1980-01-01, the oldest date a zip can hold
_UTF8 = 0x0800
_LOCAL = struct.Struct("<4sHHHHHLLLHH")
_CENTRAL = struct.Struct("<4sHHHHHHLLLHHHHHLL")
_END = struct.Struct("<4sHHHHLLH")
_WINDOW = 4
"""Files that are in memory at a time."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of an archive, as it is stored."""

    name: str
    data: bytes | tuple[Path, int, int]
    """Deflated if ``method`` is 8. Or where it lies in another archive: path, offset, length."""
    size: int
    """Unzipped."""
    crc: int
    method: int
    executable: bool = False

    def raw(self) -> bytes:
        if isinstance(self.data, bytes):
            return self.data
        path, offset, length = self.data
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(length)


Parts: TypeAlias = Mapping[str, Callable[[], Entry | None]]
"""Names and what makes their entries; None for a file that is gone."""


@dataclass(frozen=True, slots=True)
class Written:
    sha256: str
    """Of the archive, hex."""
    size: int
    sizes: tuple[tuple[str, int], ...]
    """Names and unzipped bytes."""


def deflate(name: str, content: bytes, *, executable: bool = False) -> Entry:
    """Compress one file. What does not get smaller is stored as it is."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    small = packer.compress(content) + packer.flush()
    method, data = (8, small) if len(small) < len(content) else (0, content)
    return Entry(name, data, len(content), zlib.crc32(content), method, executable)


def bytes_part(name: str, content: bytes, *, executable: bool = False) -> Callable[[], Entry]:
    return lambda: deflate(name, content, executable=executable)


def entry_part(entry: Entry) -> Callable[[], Entry]:
    return lambda: entry


def file_part(name: str, path: Path, *, executable: bool = False,
              seen: Callable[[bytes], None] = lambda content: None) -> Callable[[], Entry | None]:
    """A file, read when its turn comes; ``seen`` gets what was read. UserError if it may not be read."""
    def make() -> Entry | None:
        try:
            with open_regular(path) as file:
                content = file.read()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as e:
            if e.errno == errno.ELOOP:  # a folder above it became a link to itself
                return None
            raise UserError(f"{path} can't be read: {e.strerror}",
                            hint='leave it out with python={"exclude": [...]}, or change its rights') from e
        seen(content)
        return deflate(name, content, executable=executable)

    return make


def write_zip(path: Path, parts: Parts) -> Written:
    """Write the archive of these parts, on two threads: zlib releases the interpreter lock. Same content, same
    bytes."""
    if len(parts) > 0xFFFF:
        raise UserError(f"The bundle holds {len(parts):,} files; a zip without extensions takes 65,535",
                        hint="leave files out with the `exclude` option")
    central, sizes, at, digest = [], [], 0, hashlib.sha256()
    with path.open("wb") as file:
        def put(block: bytes) -> None:
            nonlocal at
            file.write(block)
            digest.update(block)
            at += len(block)

        for e in _made(parts):
            name, data, start = encoded(e.name), e.raw(), at
            put(_LOCAL.pack(b"PK\3\4", 20, _UTF8, e.method, 0, _DATE, e.crc, len(data), e.size, len(name), 0) + name)
            put(data)
            mode = 0o100755 if e.executable else 0o100644
            central.append(_CENTRAL.pack(b"PK\1\2", 0x0314, 20, _UTF8, e.method, 0, _DATE, e.crc, len(data), e.size,
                                         len(name), 0, 0, 0, 0, mode << 16, start) + name)
            sizes.append((e.name, e.size))
            if at > 0xFFFFFFFF:
                raise UserError("The bundle is larger than 4 GB")
        listing, start = b"".join(central), at
        put(listing)
        put(_END.pack(b"PK\5\6", 0, 0, len(central), len(central), len(listing), start, 0))
    return Written(digest.hexdigest(), at, tuple(sizes))


def _made(parts: Parts) -> Iterator[Entry]:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as pool:
        names = iter(sorted(parts))
        while window := list(itertools.islice(names, _WINDOW)):
            yield from filter(None, pool.map(lambda name: parts[name](), window))


def encoded(name: str, where: str = "a bundle",
            hint: str = 'rename it, or leave it out with python={"exclude": [...]}') -> bytes:
    """A name as archives, URLs and S3 have it. UserError if it is not UTF-8."""
    try:
        return name.encode()
    except UnicodeEncodeError:
        raw = os.fsencode(name)
        raise UserError(f"The name of the file {raw!r} is not UTF-8, so it can't be in {where}", hint=hint) from None


def read(archive: Path) -> list[Entry]:
    """The entries of an archive, still compressed and still where they are."""
    import zipfile

    entries = []
    with zipfile.ZipFile(archive) as z, archive.open("rb") as raw:
        for i in z.infolist():
            if i.is_dir():
                continue
            raw.seek(i.header_offset + 26)
            name_length, extra_length = struct.unpack("<HH", raw.read(4))
            start = i.header_offset + 30 + name_length + extra_length
            executable = bool(i.external_attr >> 16 & 0o100)
            entries.append(Entry(i.filename, (archive, start, i.compress_size), i.file_size, i.CRC, i.compress_type,
                                 executable))
    return entries


def has_archive(entry: Path, name: str = "tree.zip") -> bool:
    """Whether the archive in an entry of the cache is whole, as far as its end tells."""
    import zipfile

    return zipfile.is_zipfile(entry / name)


def unpacked(archive: Path, cache: Path) -> Path:
    """A folder with what is in an archive of the cache, which is named by its own folder there. Made once."""
    return keep(cache, "unpacked", archive.parent.name, lambda part: extract(archive, part))


def extract(archive: Path, folder: Path) -> None:
    """What is in an archive, with the rights to execute."""
    import zipfile

    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
        for entry in opened.infolist():
            if (entry.external_attr >> 16) & 0o111:
                (folder / entry.filename).chmod(0o755)
