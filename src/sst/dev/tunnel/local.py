"""What listens on this machine: a port for each endpoint, a SOCKS5 proxy, and what routes lead here."""
from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from .connection import Unreachable
from .socks import Refused, answer, asked

__all__ = ["Dial", "Listeners"]

_PIECE = 65536


class Reader(Protocol):
    async def read(self, n: int, /) -> bytes: ...


class Writer(Protocol):
    def write(self, data: bytes, /) -> Any: ...
    def write_eof(self) -> None: ...
    async def drain(self) -> None: ...
    def close(self) -> None: ...


Dial = Callable[[str, int], Awaitable[tuple[Reader, Writer]]]
"""Opens a connection to host and port on the far side; raises `Unreachable`."""


class Listeners:
    """``say`` is told of each connection."""

    def __init__(self, dial: Dial, say: Callable[[str], None]) -> None:
        self._dial, self._say = dial, say
        self._servers: list[asyncio.Server] = []
        self._open: set[asyncio.Task[None]] = set()

    async def forward(self, listening: socket.socket, title: str, host: str, port: int) -> None:
        """Each connection to the socket goes to this address."""
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                far = await self._reach(title, host, port)
            except Unreachable:
                return
            await _relay(reader, writer, *far)

        await self._listen(listening, serve)

    async def socks(self, listening: socket.socket) -> None:
        """Each connection says itself where to."""
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                host, port = await asked(reader, writer)
            except (Refused, asyncio.IncompleteReadError):
                return
            try:
                far = await self._reach("SOCKS", host, port)
            except Unreachable:
                await answer(writer, good=False)
                return
            await answer(writer, good=True)
            await _relay(reader, writer, *far)

        await self._listen(listening, serve)

    async def routed(self, listening: socket.socket,
                     destination: Callable[[socket.socket], tuple[str, int]]) -> None:
        """Each connection was made to an address that a route leads here; ``destination`` tells it."""
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                host, port = destination(writer.get_extra_info("socket"))
                far = await self._reach("tcp", host, port)
            except (OSError, Unreachable):
                return
            await _relay(reader, writer, *far)

        await self._listen(listening, serve)

    async def close(self) -> None:
        for server in self._servers:
            server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _listen(self, listening: socket.socket,
                      serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]) -> None:
        async def tracked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._open.add(task)
            try:
                await serve(reader, writer)
            except (OSError, asyncio.CancelledError):
                pass        # it was broken off, or the tunnel ends
            finally:
                self._open.discard(task)
                writer.close()
                with contextlib.suppress(OSError, asyncio.CancelledError):
                    await writer.wait_closed()

        self._servers.append(await asyncio.start_server(tracked, sock=listening))

    async def _reach(self, title: str, host: str, port: int) -> tuple[Reader, Writer]:
        try:
            far = await self._dial(host, port)
        except Unreachable as error:
            self._say(f"{title}: {host}:{port} can't be reached: {error}")
            raise
        self._say(f"{title}: {host}:{port}")
        return far


async def _relay(near_reader: Reader, near_writer: Writer, far_reader: Reader, far_writer: Writer) -> None:
    """Until both sides have sent all, or one breaks off."""
    both = [asyncio.ensure_future(one) for one in (_copy(near_reader, far_writer), _copy(far_reader, near_writer))]
    try:
        await asyncio.gather(*both)
    finally:
        for one in both:
            one.cancel()
        await asyncio.gather(*both, return_exceptions=True)
        far_writer.close()


async def _copy(reader: Reader, writer: Writer) -> None:
    while data := await reader.read(_PIECE):
        writer.write(data)
        await writer.drain()
    writer.write_eof()
