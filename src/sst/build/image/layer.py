"""Layers: archives whose bytes follow from the names and contents of their files, and from nothing else."""
from __future__ import annotations

import hashlib
import io
import json
import struct
import tarfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from ...machine.files import cached
from ..cache import keep
from ..zip import Entry

__all__ = ["LAYER", "Layer", "layer_of"]

LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_GZIP = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
"""No name, no date, no system."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A compressed archive on disk."""

    path: Path
    digest: str
    diff_id: str
    """Digest of the archive before it is compressed."""
    size: int
    """Compressed, bytes."""


def layer_of(entries: Iterable[Entry], folder: str, cache: Path) -> Layer:
    """The layer that puts these files below ``folder`` (``app``), owned by root. Made once."""
    wanted = {f"{folder}/{e.name}": e for e in entries}
    facts = [f"{n}\0{e.crc:08x}{e.size}{e.method}{e.executable}" for n, e in sorted(wanted.items())]
    key = hashlib.sha256("\n".join(["layer 1", *facts]).encode()).hexdigest()[:40]
    made = _kept(keep(cache, "layers", key, lambda part: _write(part, wanted), _kept))
    assert made
    return made


def _kept(entry: Path) -> Layer | None:
    path = entry / "layer.tar.gz"
    made = cached(entry / "layer.json", lambda about: Layer(path, about["digest"], about["diff_id"], about["size"]))
    return made if made and path.is_file() and path.stat().st_size == made.size else None


def _write(part: Path, wanted: Mapping[str, Entry]) -> None:
    with (part / "layer.tar.gz").open("wb") as file:
        packer = _Packer(file)
        with tarfile.open(fileobj=cast("IO[bytes]", packer), mode="w|", format=tarfile.PAX_FORMAT) as archive:
            for name in _folders(wanted):
                archive.addfile(_info(name, tarfile.DIRTYPE, 0o755, 0))
            for name, entry in sorted(wanted.items()):
                content = entry.raw() if entry.method == 0 else zlib.decompress(entry.raw(), -15)
                archive.addfile(_info(name, tarfile.REGTYPE, 0o755 if entry.executable else 0o644, len(content)),
                                io.BytesIO(content))
        packer.close()
    (part / "layer.json").write_text(json.dumps({
        "digest": f"sha256:{packer.packed.hexdigest()}", "diff_id": f"sha256:{packer.plain.hexdigest()}",
        "size": packer.size}))


def _folders(names: Iterable[str]) -> list[str]:
    return sorted({"/".join(parts[:n]) for name in names if (parts := name.split("/")) for n in range(1, len(parts))})


def _info(name: str, kind: bytes, mode: int, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.size, info.mtime = kind, mode, size, 0
    return info


class _Packer:
    """Compresses what is written, and hashes it before and after."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._deflate = file, zlib.compressobj(6, zlib.DEFLATED, -15)
        self._crc = self._length = self.size = 0
        self.plain, self.packed = hashlib.sha256(), hashlib.sha256()
        self._put(_GZIP)

    def write(self, data: bytes) -> int:
        self.plain.update(data)
        self._crc, self._length = zlib.crc32(data, self._crc), self._length + len(data)
        self._put(self._deflate.compress(data))
        return len(data)

    def close(self) -> None:
        self._put(self._deflate.flush() + struct.pack("<LL", self._crc, self._length & 0xFFFFFFFF))

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self.packed.update(data)
        self.size += len(data)
