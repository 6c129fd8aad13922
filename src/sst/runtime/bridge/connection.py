"""A function's line to an Events API: a WebSocket to hear (RFC 6455, as much of it as this needs), an HTTP connection
to speak.

Everything waits with a limit, for a function pays by time. All errors are `OSError`.
"""
from __future__ import annotations

import base64
import json
import os
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any

from .wire import Assembler, Keys, body_of, place, protocols, signed

__all__ = ["EventsConnection"]

_TRIES = 4


class _Stream:
    """A connection read with a limit. What was read and not used is kept."""

    def __init__(self, host: str, until: float) -> None:
        address, port, tls = place(host)
        self._socket = socket.create_connection((address, port), _left(until))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._kept = bytearray()
        if tls:
            import ssl

            self._socket = ssl.create_default_context().wrap_socket(self._socket, server_hostname=address)

    def send(self, data: bytes, until: float) -> None:
        self._socket.settimeout(_left(until))
        self._socket.sendall(data)

    def need(self, size: int, until: float) -> None:
        """Have at least so many bytes; raises `TimeoutError` with what came kept."""
        while len(self._kept) < size:
            self._socket.settimeout(_left(until))
            try:
                data = self._socket.recv(262144)
            except socket.timeout:  # noqa: UP041  # before Python 3.10 it is no TimeoutError
                raise TimeoutError("no answer in time") from None
            if not data:
                raise ConnectionResetError("the connection was closed")
            self._kept += data

    def peek(self, size: int) -> bytes:
        return bytes(self._kept[:size])

    def take(self, size: int) -> bytes:
        data = bytes(self._kept[:size])
        del self._kept[:size]
        return data

    def line(self, until: float) -> str:
        while (end := self._kept.find(b"\r\n")) < 0:
            self.need(len(self._kept) + 1, until)
        return self.take(end + 2).decode("latin-1").strip()

    def head(self, until: float) -> tuple[int, dict[str, str]]:
        """An HTTP answer's status and headers."""
        words = self.line(until).split(" ")
        headers: dict[str, str] = {}
        while line := self.line(until):
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if len(words) < 2 or not words[1].isdigit():
            raise ConnectionError("no HTTP answer")
        return int(words[1]), headers

    def close(self) -> None:
        self._socket.close()


class EventsConnection:
    """``http`` and ``realtime`` are the API's hosts, ``keys`` returns the current credentials."""

    def __init__(self, http: str, realtime: str, keys: Callable[[], Keys],
                 clock: Callable[[], float] = time.time) -> None:
        self._http, self._realtime, self._keys, self._clock = http, realtime, keys, clock
        self._hearing: _Stream | None = None
        self._saying: _Stream | None = None
        self._assembler = Assembler()
        self._text = b""

    @property
    def is_open(self) -> bool:
        return self._hearing is not None

    def open(self, channels: Sequence[str], until: float) -> None:
        """Connect and subscribe; ``until`` is in seconds of the monotonic clock, as in all that waits."""
        self.close()
        self._hearing = stream = _Stream(self._realtime, until)
        try:
            names = ", ".join(protocols(self._http, self._keys(), self._clock()))
            key = base64.b64encode(os.urandom(16)).decode()
            wanted = ("GET /event/realtime HTTP/1.1", f"Host: {self._realtime}", "Upgrade: websocket",
                      "Connection: Upgrade",
                      "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", f"Sec-WebSocket-Protocol: {names}", "",
                      "")
            stream.send("\r\n".join(wanted).encode(), until)
            status, _ = stream.head(until)
            if status != 101:
                raise ConnectionError(f"the API did not connect: {status}")
            self._tell({"type": "connection_init"}, until)
            for i, channel in enumerate(channels):
                authorization = signed(self._http, body_of(channel), self._keys(), self._clock())
                self._tell({"type": "subscribe", "id": str(i), "channel": channel, "authorization": authorization},
                           until)
            missing = len(channels)
            while missing:
                frame = self._frame(until)
                if frame["type"].endswith("error"):
                    raise ConnectionError(f"the API did not connect: {frame.get('errors')}")
                missing -= frame["type"] == "subscribe_success"
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        for stream in (self._hearing, self._saying):
            if stream:
                stream.close()
        self._hearing = self._saying = None
        self._text = b""

    def hear(self, until: float) -> tuple[dict[str, Any], bytes] | None:
        """The next message, or None if there is none in time. An `OSError` means that the line is closed."""
        while True:
            try:
                frame = self._frame(until)
            except TimeoutError:
                return None
            except OSError:
                self.close()
                raise
            if frame["type"] == "data":
                event = frame["event"]
                try:
                    message = self._assembler.take(event[0] if isinstance(event, list) else event)
                except ValueError:
                    continue  # not of ours
                if message:
                    return message

    def say(self, channel: str, events: Sequence[str], until: float) -> None:
        """Publish, one event per request; throttled or possibly lost events are sent again."""
        for event in events:
            body = body_of(channel, event)
            for turn in range(_TRIES):
                status = self._post(body, until, last=turn == _TRIES - 1)
                if status == 200:
                    break
                if status in (400, 401, 403, 413) or turn == _TRIES - 1:
                    raise ConnectionError(f"the API did not take an event: {status}")
                time.sleep(min(0.05 * 2 ** turn, _left(until)))

    def _post(self, body: bytes, until: float, *, last: bool) -> int:
        try:
            if self._saying is None:
                self._saying = _Stream(self._http, until)
            headers = signed(self._http, body, self._keys(), self._clock())
            lines = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
            self._saying.send(f"POST /event HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body,
                              until)
            status, answered = self._saying.head(until)
            self._read(self._saying, answered, until)
        except (OSError, ValueError) as e:
            self._hang_up()
            if last or isinstance(e, TimeoutError):
                raise ConnectionError(f"the API did not take an event: {e}") from e
            return 0
        if answered.get("connection", "").lower() == "close":
            self._hang_up()
        return status

    @staticmethod
    def _read(stream: _Stream, headers: dict[str, str], until: float) -> None:
        """Pass over the body of an answer."""
        if headers.get("transfer-encoding", "").lower() != "chunked":
            size = int(headers.get("content-length") or 0)
            stream.need(size, until)
            stream.take(size)
            return
        while size := int(stream.line(until).split(";")[0], 16):
            stream.need(size + 2, until)
            stream.take(size + 2)
        while stream.line(until):
            pass

    def _hang_up(self) -> None:
        if self._saying:
            self._saying.close()
        self._saying = None

    def _tell(self, frame: dict[str, Any], until: float) -> None:
        self._send(1, json.dumps(frame).encode(), until)

    def _send(self, kind: int, data: bytes, until: float) -> None:
        """A frame, masked as a client must; the mask hides nothing, so it may be zero."""
        size = len(data)
        wide = 0 if size < 126 else 2 if size < 65536 else 8
        length = bytes([0x80 | {0: size, 2: 126, 8: 127}[wide]]) + (size.to_bytes(wide, "big") if wide else b"")
        self._open().send(bytes([0x80 | kind]) + length + bytes(4) + data, until)

    def _frame(self, until: float) -> dict[str, Any]:
        """The next text, parsed. Pings are answered."""
        stream = self._open()
        while True:
            stream.need(2, until)
            first, second = stream.peek(2)
            size, start = second & 0x7F, 2
            if size > 125:
                start = 4 if size == 126 else 10
                stream.need(start, until)
                size = int.from_bytes(stream.peek(start)[2:], "big")
            stream.need(start + size, until)
            stream.take(start)
            data, kind = stream.take(size), first & 0x0F
            if kind == 8:
                raise ConnectionResetError("the API closed the connection")
            if kind == 9:
                self._send(10, data, time.monotonic() + 1)
            elif kind < 8:
                self._text += data
                if first & 0x80:
                    text, self._text = self._text, b""
                    return _parsed(text)

    def _open(self) -> _Stream:
        if self._hearing is None:
            raise ConnectionError("the line is closed")
        return self._hearing


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        frame = json.loads(text)
    except ValueError as e:
        raise ConnectionError("the API sent no JSON") from e
    return frame if isinstance(frame, dict) and isinstance(frame.get("type"), str) else {"type": ""}


def _left(until: float) -> float:
    """Seconds that are left; never 0, which would not wait at all."""
    return max(until - time.monotonic(), 0.001)
