"""How esbuild's service and its host speak: packets of a length, a number and a value, over standard input and output.

    packet   uint32 length of the rest, uint32 number * 2 + (1 for an answer), value
    value    a byte for its type; null, boolean, int32, text, bytes, list, mapping. Text and bytes after their
             uint32 length

All numbers are little-endian. Source: lib/main.js of the npm package esbuild, whose version is pinned in
``build.esbuild``.
"""
from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["decode", "encode"]


def encode(number: int, value: Any, *, answer: bool = False) -> bytes:
    """A packet, with its length before it."""
    parts = [struct.pack("<I", number << 1 | answer)]
    _write(value, parts)
    body = b"".join(parts)
    return struct.pack("<I", len(body)) + body


def decode(packet: bytes) -> tuple[int, bool, Any]:
    """Number, whether it is an answer, value; of a packet without its length."""
    (head,) = struct.unpack_from("<I", packet)
    value, _ = _read(packet, 4)
    return head >> 1, bool(head & 1), value


def _write(value: Any, parts: list[bytes]) -> None:
    match value:
        case None:
            parts.append(b"\0")
        case bool():
            parts.append(bytes((1, value)))
        case int():
            parts.append(struct.pack("<Bi", 2, value))
        case str():
            parts.append(b"\3" + _sized(value.encode()))
        case bytes():
            parts.append(b"\4" + _sized(value))
        case Mapping():
            parts.append(struct.pack("<BI", 6, len(value)))
            for key, inner in value.items():
                parts.append(_sized(str(key).encode()))
                _write(inner, parts)
        case Sequence():
            parts.append(struct.pack("<BI", 5, len(value)))
            for inner in value:
                _write(inner, parts)
        case _:
            raise TypeError(f"esbuild has no {type(value).__name__}")


def _sized(data: bytes) -> bytes:
    return struct.pack("<I", len(data)) + data


def _read(data: bytes, at: int) -> tuple[Any, int]:
    kind, at = data[at], at + 1
    if kind == 0:
        return None, at
    if kind == 1:
        return bool(data[at]), at + 1
    (number,) = struct.unpack_from("<i" if kind == 2 else "<I", data, at)
    at += 4
    if kind == 2:
        return number, at
    if kind in (3, 4):
        found = data[at: at + number]
        return found.decode() if kind == 3 else found, at + number
    if kind == 5:
        items = []
        for _ in range(number):
            item, at = _read(data, at)
            items.append(item)
        return items, at
    if kind == 6:
        mapping = {}
        for _ in range(number):
            (size,) = struct.unpack_from("<I", data, at)
            key = data[at + 4: at + 4 + size].decode()
            mapping[key], at = _read(data, at + 4 + size)
        return mapping, at
    raise ValueError(f"esbuild said something unknown: {kind}")
