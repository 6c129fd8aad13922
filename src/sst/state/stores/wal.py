"""Where a write-ahead log of SQLite breaks off (https://www.sqlite.org/fileformat2.html#walformat).

SQLite takes the frames up to the first one whose checksum is wrong for the whole log, and says nothing: a crash in
mid-write looks the same. So the store counts its writes in a second file, and asks here only for the place of a break.
"""
from __future__ import annotations

import struct

__all__ = ["broken_at"]

_HEADER, _FRAME = 32, 24
_MAGIC = {0x377F0682: "<", 0x377F0683: ">"}
"""First word → byte order in which sums are made."""


def broken_at(log: bytes) -> int | None:
    """The offset of the first frame that is not whole, 0 if the log's own header is not; None if all are."""
    order = _MAGIC.get(int.from_bytes(log[:4], "big"))
    if len(log) < _HEADER or order is None:
        return 0
    sums = _sum(order, log[:24], (0, 0))
    if sums != struct.unpack(">2I", log[24:_HEADER]):
        return 0
    size, salts = int.from_bytes(log[8:12], "big"), log[16:24]
    if size < 512 or size & (size - 1):
        return 0
    for at in range(_HEADER, len(log), _FRAME + size):
        frame = log[at:at + _FRAME + size]
        sums = _sum(order, frame[:8] + frame[_FRAME:], sums) if len(frame) == _FRAME + size else (0, 0)
        if len(frame) < _FRAME + size or frame[8:16] != salts or sums != struct.unpack(">2I", frame[16:_FRAME]):
            return at
    return None


def _sum(order: str, data: bytes, sums: tuple[int, int]) -> tuple[int, int]:
    one, two = sums
    for a, b in struct.iter_unpack(f"{order}2I", data):
        one = (one + a + two) & 0xFFFFFFFF
        two = (two + b + one) & 0xFFFFFFFF
    return one, two
