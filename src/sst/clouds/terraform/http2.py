"""One side of an HTTP/2 connection that makes gRPC calls, without input and output: RFC 9113, as far as a client of a
plugin needs it.

The headers of a call are the same each time, so they are encoded once for each path. A general library spends half of
the time of a large plan on what is left out here: priorities, pushes, and the checks of headers.
"""
from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from hpack import Decoder, HPACKError

__all__ = ["Connection", "Damaged", "Stream"]

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEAD = struct.Struct(">BHBBL")
"""Length, in two parts; type; flags; stream."""
_END_STREAM = _ACK = 0x1
_END_HEADERS, _PADDED, _PRIORITY = 0x4, 0x8, 0x20
_MAX_STREAMS, _INITIAL_WINDOW, _MAX_FRAME = 3, 4, 5
_OURS = 2 ** 31 - 1
"""Bytes that the other side may send before it is told to go on: a schema has megabytes."""
_REFUSED = 7
"""The code of a reset that says that nothing was done."""


class _Kind:
    """Kinds of frames."""

    DATA, HEADERS, RESET, SETTINGS, PING, GOAWAY, WINDOW, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9


class Damaged(Exception):
    """What came is not HTTP/2."""


@dataclass(eq=False, slots=True)
class Stream:
    """One call. ``reset`` is the code with which the other side gave it up."""

    id: int
    window: int
    headers: dict[str, str] = field(default_factory=dict)
    data: bytearray = field(default_factory=bytearray)
    ended: bool = False
    reset: int | None = None

    @property
    def refused(self) -> bool:
        """Whether it certainly was not carried out."""
        return self.reset == _REFUSED


class Connection:
    """What is to be sent is added to ``out``; whoever sends it empties that."""

    def __init__(self) -> None:
        self.out = bytearray(_PREFACE)
        self.streams: dict[int, Stream] = {}
        self.most, self.window, self.ending = 100, 65535, False
        """How many calls may run at once, bytes that may be sent, and whether new calls are refused."""
        self._initial, self._frame, self._next, self._received = 65535, 16384, 1, 0
        self._in, self._partial, self._decoder = bytearray(), bytearray(), Decoder()
        self._ends = False
        self._encoded: dict[str, bytes] = {}
        self._decoded: dict[bytes, Mapping[str, str]] = {}
        self._put(_Kind.SETTINGS, 0, 0, struct.pack(">HLHL", 2, 0, _INITIAL_WINDOW, _OURS))
        self._put(_Kind.WINDOW, 0, 0, struct.pack(">L", _OURS - 65535))

    def _put(self, kind: int, flags: int, id: int, content: bytes | memoryview = b"") -> None:
        size = len(content)
        self.out += _HEAD.pack(size >> 16, size & 0xFFFF, kind, flags, id)
        self.out += content

    def open(self, path: str) -> Stream:
        """Begin a call: its headers."""
        stream = self.streams[self._next] = Stream(self._next, self._initial)
        self._next += 2
        if path not in self._encoded:
            self._encoded[path] = b"".join(_literal(k, v) for k, v in (
                (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost"),
                ("te", "trailers"), ("content-type", "application/grpc+proto")))
        self._put(_Kind.HEADERS, _END_HEADERS, stream.id, self._encoded[path])
        return stream

    def room(self, stream: Stream) -> int:
        return min(self.window, stream.window)

    def send(self, stream: Stream, data: memoryview) -> memoryview:
        """Add as much of the last data of a call as may be sent now; the rest is returned."""
        while data and (size := min(self.room(stream), self._frame, len(data))) > 0:
            self._put(_Kind.DATA, _END_STREAM if size == len(data) else 0, stream.id, data[:size])
            self.window -= size
            stream.window -= size
            data = data[size:]
        return data

    def forget(self, stream: Stream) -> None:
        """Take no more of a call. The other side is not told: it would give up a change half-way."""
        self.streams.pop(stream.id, None)

    def receive(self, data: bytes) -> Iterator[Stream | None]:
        """Take what came. Gives the calls that ended, and None where it may be possible to send more. Raises
        ``Damaged``."""
        self._in += data
        at = 0
        try:
            while len(self._in) - at >= 9:
                high, low, kind, flags, id = _HEAD.unpack_from(self._in, at)
                if len(self._in) - at - 9 < (size := high << 16 | low):
                    break
                content = bytes(memoryview(self._in)[at + 9:at + 9 + size])
                at += 9 + size
                yield from self._frame_came(kind, flags, id & 0x7FFFFFFF, content)
        except (struct.error, HPACKError, IndexError, UnicodeDecodeError) as e:
            raise Damaged(str(e)) from e
        finally:
            del self._in[:at]

    def _frame_came(self, kind: int, flags: int, id: int, content: bytes) -> Iterator[Stream | None]:
        stream = self.streams.get(id)
        match kind:
            case _Kind.DATA:
                self._account(len(content))
                if stream:
                    stream.data += _unpadded(flags, content)
                    if flags & _END_STREAM:
                        yield from self._end(stream)
            case _Kind.HEADERS | _Kind.CONTINUATION:
                yield from self._headers_came(kind, flags, stream, content)
            case _Kind.RESET:
                if stream:
                    stream.reset, = struct.unpack(">L", content)
                    yield from self._end(stream)
            case _Kind.SETTINGS if not flags & _ACK:
                for key, value in struct.iter_unpack(">HL", content):
                    self._set(key, value)
                self._put(_Kind.SETTINGS, _ACK, 0)
                yield None
            case _Kind.PING if not flags & _ACK:
                self._put(_Kind.PING, _ACK, 0, content)
            case _Kind.GOAWAY:
                self.ending = True
                last = struct.unpack_from(">L", content)[0] & 0x7FFFFFFF
                for one in [s for s in self.streams.values() if s.id > last]:
                    one.reset = _REFUSED
                    yield from self._end(one)
                yield None
            case _Kind.WINDOW:
                more = struct.unpack(">L", content)[0] & 0x7FFFFFFF
                if not id:
                    self.window += more
                elif stream:
                    stream.window += more
                yield None

    def _headers_came(self, kind: int, flags: int, stream: Stream | None, content: bytes) -> Iterator[Stream | None]:
        """They may come in parts; only the first says whether the call ends."""
        if kind == _Kind.HEADERS:
            content = _unpadded(flags, content)
            self._partial, self._ends = bytearray(content[5 if flags & _PRIORITY else 0:]), bool(flags & _END_STREAM)
        else:
            self._partial += content
        if flags & _END_HEADERS:
            headers = self._decode(bytes(self._partial))
            if stream:
                stream.headers.update(headers)
                if self._ends:
                    yield from self._end(stream)

    def _decode(self, block: bytes) -> Mapping[str, str]:
        """A block of nothing but references to the table, as most are, reads the same until the table changes."""
        if known := self._decoded.get(block):
            return known
        found = {k.decode(): v.decode() for k, v, *_ in self._decoder.decode(block, raw=True)}
        if all(127 < byte < 255 for byte in block):
            self._decoded[block] = found
        else:
            self._decoded.clear()
        return found

    def _set(self, key: int, value: int) -> None:
        if key == _MAX_STREAMS:
            self.most = value
        elif key == _MAX_FRAME:
            self._frame = value
        elif key == _INITIAL_WINDOW:
            for stream in self.streams.values():
                stream.window += value - self._initial
            self._initial = value

    def _account(self, size: int) -> None:
        self._received += size
        if self._received > 2 ** 29:
            self._put(_Kind.WINDOW, 0, 0, struct.pack(">L", self._received))
            self._received = 0

    def _end(self, stream: Stream) -> Iterator[Stream]:
        stream.ended = True
        yield stream


def _literal(name: str, value: str) -> bytes:
    """A header that is not put into the table of the other side. RFC 7541, 6.2.2."""
    return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def _unpadded(flags: int, content: bytes) -> bytes:
    return content[1:len(content) - content[0]] if flags & _PADDED else content
