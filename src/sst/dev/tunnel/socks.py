"""SOCKS version 5, as far as clients of a proxy on their own machine use it: CONNECT, without a password.

https://www.rfc-editor.org/rfc/rfc1928
"""
from __future__ import annotations

import asyncio
import ipaddress
import struct

__all__ = ["Refused", "answer", "asked"]

_VERSION, _CONNECT, _NO_PASSWORD = 5, 1, 0
_IPV4, _NAME, _IPV6 = 1, 3, 4
_SIZES = {_IPV4: 4, _IPV6: 16}
_DONE, _UNREACHABLE, _NO_COMMAND, _NO_KIND = 0, 4, 7, 8
_NONE_FITS = 0xFF


class Refused(Exception):
    """It speaks something else, or asks for what there is not; it was told so."""


async def asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, int]:
    """Where a client wants to. A name is left for the far side to resolve."""
    version, count = await reader.readexactly(2)
    if version != _VERSION:
        raise Refused
    methods = await reader.readexactly(count)
    fits = _NO_PASSWORD in methods
    writer.write(bytes((_VERSION, _NO_PASSWORD if fits else _NONE_FITS)))
    await writer.drain()
    if not fits:
        raise Refused
    _, command, _, kind = await reader.readexactly(4)
    if kind not in (_IPV4, _NAME, _IPV6):
        await _reply(writer, _NO_KIND)
        raise Refused
    size = _SIZES[kind] if kind in _SIZES else (await reader.readexactly(1))[0]
    host = await reader.readexactly(size)
    port: int = struct.unpack("!H", await reader.readexactly(2))[0]
    if command != _CONNECT:
        await _reply(writer, _NO_COMMAND)
        raise Refused
    return (host.decode("ascii", "replace") if kind == _NAME else str(ipaddress.ip_address(host))), port


async def answer(writer: asyncio.StreamWriter, *, good: bool) -> None:
    """Tell the client whether it is connected."""
    await _reply(writer, _DONE if good else _UNREACHABLE)


async def _reply(writer: asyncio.StreamWriter, code: int) -> None:
    writer.write(bytes((_VERSION, code, 0, _IPV4)) + bytes(6))
    await writer.drain()
