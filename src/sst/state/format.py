"""How an object of the state is written: a header and records, one JSON value a line, each line with its own checksum.

    3b6c0f5e9a1d2c47 {"format":"sst-state","kind":"journal","size":118,"sum":"...","version":1,...}
    91f0c2ab57d3e680 {"kind":"made","state":{...},"urn":"..."}

The header also holds the length and the sum of all that follows, so that a cut between two lines is seen too. A damaged
byte is reported with the object's name and the offset of its line. Objects may be compressed with gzip; readers see
which.
"""
from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from .. import __version__
from ..errors import InternalError, StateError
from ..records import dataclass
from .upgrades import UPGRADES, Upgrade

__all__ = ["SCALARS", "VERSION", "Damaged", "Document", "decode", "encode", "plain"]

VERSION = 2
"""Of what is written now. Whoever changes the form of records adds the step from the version before to ``UPGRADES``,
and a golden file."""

FORMAT = "sst-state"
_MARK = 16
"""Hex digits of a line's checksum."""


@dataclass(slots=True)
class Document:
    """An object as read: its header, its records, and where each record's line begins."""

    name: str
    header: dict[str, Any]
    records: list[dict[str, Any]]
    offsets: list[int]


class Damaged(StateError):
    """An object of the state is not what was written. ``object`` is its key, ``offset`` the byte where that shows."""

    code = "state-damaged"

    def __init__(self, object: str, offset: int, why: str, *, hint: str = "") -> None:
        super().__init__(f"the state object {object} is damaged at byte {offset}: {why}",
                         hint=hint or "`sst state history` lists the versions, `sst state restore N` goes back to one")
        self.object, self.offset = object, offset


_dumps = json.JSONEncoder(separators=(",", ":"), sort_keys=True, check_circular=False, allow_nan=False).encode


def encode(kind: str, header: Mapping[str, Any], records: Iterable[Mapping[str, Any]] = (), *,
           packed: bool = False) -> bytes:
    """The bytes of an object. Values must be plain JSON (see ``plain``). ``packed`` compresses."""
    body = "".join(map(_line, records)).encode("ascii")
    head = {**header, "format": FORMAT, "version": VERSION, "sst": __version__, "kind": kind, "size": len(body),
            "sum": sha256(body).hexdigest()[:32]}
    data = _line(head).encode("ascii") + body
    return gzip.compress(data, compresslevel=6, mtime=0) if packed else data


def _line(value: Mapping[str, Any]) -> str:
    text = _dumps(value)
    return f"{sha256(text.encode('ascii')).hexdigest()[:_MARK]} {text}\n"


def decode(data: bytes, name: str, kind: str, *, version: int = VERSION,
           upgrades: Mapping[int, Upgrade] = UPGRADES) -> Document:
    """Read an object named ``name`` and bring it to the present version.

    Raises ``Damaged`` with the object and offset; ``StateError`` if a newer sst wrote it.
    """
    raw, broken = _unpack(data)
    values, offsets = [], []
    at = 0
    while at < len(raw):
        end = raw.find(b"\n", at)
        mark, text = raw[at:at + _MARK], raw[at + _MARK + 1:end]
        if end < 0 or raw[at + _MARK:at + _MARK + 1] != b" " or sha256(text).hexdigest()[:_MARK].encode() != mark:
            raise Damaged(name, at, "the line does not match its checksum" if end >= 0 else "the line is cut off")
        values.append(json.loads(text))
        offsets.append(at)
        at = end + 1
    if broken is not None:
        raise Damaged(name, broken, "the compressed data is broken")
    if not values:
        raise Damaged(name, 0, "it is empty")
    head = values[0]
    body = raw[offsets[1]:] if len(offsets) > 1 else b""
    if head.get("format") != FORMAT or head.get("kind") != kind:
        raise Damaged(name, 0, f"it is no {kind}")
    if head["size"] != len(body) or head["sum"] != sha256(body).hexdigest()[:32]:
        raise Damaged(name, len(raw), f"it should have {head['size']} bytes after the first line and has {len(body)}"
                      if head["size"] != len(body) else "the lines are not those that were written")
    return _upgraded(Document(name, head, values[1:], offsets[1:]), version, upgrades)


def _unpack(data: bytes) -> tuple[bytes, int | None]:
    """The text, and the offset at which the compressed data breaks off, if it does."""
    if data[:2] != b"\x1f\x8b":
        return data, None
    inflate = zlib.decompressobj(wbits=31)
    out = bytearray()
    step = 64
    for at in range(0, len(data), step):
        try:
            out += inflate.decompress(data[at:at + step])
        except zlib.error:
            return bytes(out[:out.rfind(b"\n") + 1]), at
        if inflate.eof:
            end = min(at + step, len(data)) - len(inflate.unused_data)
            return bytes(out), None if end == len(data) else end
    return bytes(out[:out.rfind(b"\n") + 1]), len(data)


def _upgraded(document: Document, version: int, upgrades: Mapping[int, Upgrade]) -> Document:
    found = document.header["version"]
    if found > version:
        writer = document.header.get("sst", "a newer version")
        raise StateError(f"the state object {document.name} has format {found}; this sst reads up to {version}",
                         hint=f"sst {writer} wrote it: install that version or a newer one")
    for step in range(found, version):
        document = upgrades[step](document)
        document.header["version"] = step + 1
    return document


SCALARS = frozenset((str, int, bool, type(None)))


def plain(value: Any, what: str) -> Any:
    """A value as plain JSON types: mappings as dicts, tuples as lists. ``what`` names it if that can't be, an
    ``InternalError``."""
    kind = type(value)
    if kind in SCALARS:
        return value
    if kind is dict or isinstance(value, Mapping):
        for k in value:
            if not isinstance(k, str):
                raise InternalError(f"{what} has the key {k!r}; state holds text keys only")
        return {str(k): plain(v, f"{what}.{k}") for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v, what) for v in value]
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise InternalError(f"{what} is {value}, which JSON can't hold")
        return float(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    raise InternalError(f"{what} is of type {kind.__name__}, which state can't hold")
