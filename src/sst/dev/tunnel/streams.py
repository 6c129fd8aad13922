"""Many connections over one session of Session Manager: version 1 of the protocol of smux.

A frame: version, command, length (2 bytes, little-endian), number of the stream (4 bytes), data.
Source: https://github.com/xtaci/smux/blob/v1.5.24/README.md
"""
from __future__ import annotations

import asyncio
import contextlib
import struct
from collections import deque
from collections.abc import Callable

from .channel import Channel, Session

__all__ = ["Stream", "Streams"]

_HEAD = struct.Struct("<BBHI")
_VERSION, _OPEN, _END, _DATA = 1, 0, 1, 2
_FRAME = 16384
_WAITING = 262_144
"""Bytes that may wait on each side of a stream before who makes them has to wait."""


class Stream:
    """One connection. When one side has sent all, the agent ends both."""

    def __init__(self, number: int, owner: Streams) -> None:
        self.number, self._owner = number, owner
        self.unread = 0
        self._reader = asyncio.StreamReader()
        self._ended = False

    async def read(self, n: int, /) -> bytes:
        data = await self._reader.read(n)
        self.unread -= len(data)
        self._owner.taken(len(data))
        return data

    def feed(self, data: bytes) -> None:
        self.unread += len(data)
        self._reader.feed_data(data)

    def end(self) -> None:
        self._reader.feed_eof()

    def write(self, data: bytes, /) -> None:
        if not self._ended:
            self._owner.put(_DATA, self.number, data)

    def write_eof(self) -> None:
        if not self._ended:
            self._ended = True
            self._owner.put(_END, self.number)

    async def drain(self) -> None:
        await self._owner.drain()

    def close(self) -> None:
        self.write_eof()
        self._owner.forget(self)


class Streams:
    """To one host and port. ``refused`` is told when the agent could not connect there."""

    def __init__(self, refused: Callable[[], None]) -> None:
        self._channel = Channel(self._take, refused)
        self._streams: dict[int, Stream] = {}
        self._last = 1
        self._out: deque[bytes] = deque()
        self._waiting = self._held = 0
        """Bytes on their way out, and bytes that nobody has read yet."""
        self._more, self._less, self._read = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._buffer = bytearray()
        self._work: list[asyncio.Task[None]] = []

    async def open(self, session: Session) -> None:
        """Raises `OSError`."""
        await self._channel.open(session)
        self._work = [asyncio.create_task(self._send()), asyncio.create_task(self._watch())]

    @property
    def is_open(self) -> bool:
        return self._channel.is_open

    async def wait_closed(self) -> str:
        return await self._channel.wait_closed()

    def connect(self) -> Stream:
        self._last += 2
        stream = self._streams[self._last] = Stream(self._last, self)
        self.put(_OPEN, stream.number)
        return stream

    async def close(self) -> None:
        await self._channel.close()
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        self._break_off()

    def put(self, command: int, number: int, data: bytes = b"") -> None:
        for at in range(0, len(data) or 1, _FRAME):
            piece = data[at:at + _FRAME]
            self._out.append(_HEAD.pack(_VERSION, command, len(piece), number) + piece)
            self._waiting += len(piece)
        self._more.set()

    async def drain(self) -> None:
        """Raises `OSError` once the session is lost."""
        while self.is_open and self._waiting > _WAITING:
            self._less.clear()
            await self._less.wait()
        if not self.is_open:
            raise ConnectionError(await self.wait_closed())

    def taken(self, n: int) -> None:
        self._held -= n
        self._read.set()

    def forget(self, stream: Stream) -> None:
        if self._streams.pop(stream.number, None):
            self.taken(stream.unread)

    async def _send(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                while self._out:
                    frame = self._out.popleft()
                    await self._channel.send(frame)
                    self._waiting -= len(frame) - _HEAD.size
                    self._less.set()
                self._more.clear()
                await self._more.wait()

    async def _watch(self) -> None:
        await self.wait_closed()
        self._break_off()

    def _break_off(self) -> None:
        for stream in self._streams.values():
            stream.end()
        self._streams.clear()
        self._less.set()
        self._read.set()

    async def _take(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= _HEAD.size:
            _, command, length, number = _HEAD.unpack_from(self._buffer)
            if len(self._buffer) < _HEAD.size + length:
                break
            body = bytes(self._buffer[_HEAD.size:_HEAD.size + length])
            del self._buffer[:_HEAD.size + length]
            if (stream := self._streams.get(number)) is None:
                continue
            if command == _DATA:
                stream.feed(body)
                self._held += len(body)
            elif command == _END:
                stream.end()
        while self.is_open and self._held > 16 * _WAITING:
            self._read.clear()
            await self._read.wait()
