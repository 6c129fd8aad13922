"""gRPC calls over one HTTP/2 connection on a socket, from many threads at once.

There is no thread that reads: of those that wait for an answer, one reads for all. So a call alone costs no switch of
threads.
"""
from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Callable, Mapping
from threading import Condition
from typing import Any
from urllib.parse import unquote

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
    WindowUpdated,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes

from ...errors import ProviderError

__all__ = ["Channel"]

_WINDOW = 2 ** 30
"""Bytes that the other side may send before it is told to go on: a schema has megabytes."""
_CODES = {1: "Cancelled", 2: "Unknown", 4: "DeadlineExceeded", 8: "ResourceExhausted", 12: "Unimplemented",
          13: "Internal", 14: "Unavailable"}


class _Stream:
    def __init__(self) -> None:
        self.data = bytearray()
        self.headers: dict[str, str] = {}
        self.ended = False


class Channel:
    """``call`` may be used from any number of threads at once."""

    def __init__(self, sock: socket.socket, name: str) -> None:
        self._socket, self._name = sock, name
        self._http = H2Connection(H2Configuration(    # what it would check are headers of ours and of grpc's server
            client_side=True, header_encoding="utf-8", validate_outbound_headers=False, validate_inbound_headers=False,
            normalize_outbound_headers=False, normalize_inbound_headers=False))
        self._streams: dict[int, _Stream] = {}
        self._changed = Condition()
        self._reading = False
        self._over = ""
        """Why no call is possible any more."""
        with self._changed:
            self._http.initiate_connection()
            self._http.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: _WINDOW})
            self._http.increment_flow_control_window(_WINDOW)
            self._flush()

    def call(self, path: str, message: bytes, *, timeout: float | None = None) -> bytes:
        """The answer to one call. Raises ``ProviderError``; its ``code`` is gRPC's, and `NoAnswer` where the connection
        ended before the answer came."""
        with self._changed:
            self._check(sent=False)
            self._pump(lambda: self._http.open_outbound_streams < self._http.remote_settings.max_concurrent_streams)
            self._check(sent=False)
            id, stream = self._http.get_next_available_stream_id(), _Stream()
            self._streams[id] = stream
            try:
                self._http.send_headers(id, [(":method", "POST"), (":scheme", "http"), (":path", path),
                                             (":authority", "localhost"), ("te", "trailers"),
                                             ("content-type", "application/grpc+proto")])
                self._send(id, stream, b"\0" + len(message).to_bytes(4, "big") + message, path)
                if not self._pump(lambda: stream.ended, timeout):
                    raise ProviderError(f"{self._name} did not answer {_last(path)} within {timeout:g} s",
                                        code="NoAnswer", operation=_last(path))
            finally:
                self._streams.pop(id, None)
            if not stream.ended:
                self._check(sent=True, path=path)
        return self._answer(stream, path)

    def _send(self, id: int, stream: _Stream, data: bytes, path: str) -> None:
        """With the lock held: send all, as fast as the other side takes it."""
        while data:
            room = min(self._http.local_flow_control_window(id), self._http.max_outbound_frame_size, len(data))
            if not room:
                self._flush(path)
                self._pump(lambda: stream.ended or self._http.local_flow_control_window(id) > 0)
                if stream.ended or self._over:
                    return
                continue
            self._http.send_data(id, data[:room], end_stream=room == len(data))
            data = data[room:]
        self._flush(path)

    def _answer(self, stream: _Stream, path: str) -> bytes:
        status = stream.headers.get("grpc-status", "2")
        if status != "0":
            code = _CODES.get(int(status), "Unknown") if status.isdigit() else "Unknown"
            raise ProviderError(unquote(stream.headers.get("grpc-message", "")) or f"{_last(path)} failed", code=code,
                                operation=_last(path), status=0 if code in ("Unavailable", "Cancelled") else 400)
        return bytes(stream.data[5:])

    def _check(self, *, sent: bool, path: str = "") -> None:
        if self._over:
            raise ProviderError(f"{self._name} {self._over}", code="NoAnswer", operation=_last(path), sent=sent)

    def _pump(self, done: Callable[[], bool], timeout: float | None = None) -> bool:
        """With the lock held: read, or wait for who reads, until it is done or the connection is over. False after
        ``timeout`` seconds."""
        end = None if timeout is None else time.monotonic() + timeout
        while not self._over and not done():
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                return False
            if self._reading:
                self._changed.wait(left)
                continue
            self._reading = True
            try:
                self._read(left)
            finally:
                self._reading = False
                self._changed.notify_all()
        return True

    def _read(self, timeout: float | None) -> None:
        """Read once, without the lock, and take what came. What it asks to be acknowledged is sent before the next
        read, or with the next call."""
        self._flush()
        self._changed.release()
        try:
            ready = timeout is None or select.select([self._socket], [], [], timeout)[0]
            data = self._socket.recv(1 << 18) if ready else None
            why = "ended the connection"
        except (OSError, ValueError) as e:
            data, why = b"", f"broke the connection: {e}"
        finally:
            self._changed.acquire()
        if data == b"":
            self._over = self._over or why
        elif data:
            try:
                self._take(data)
            except ProtocolError as e:
                self._over = self._over or f"broke the connection: {e}"

    def _take(self, data: bytes) -> None:
        for event in self._http.receive_data(data):
            stream = self._streams.get(getattr(event, "stream_id", None) or 0)
            match event:
                case DataReceived():
                    self._http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                    if stream:
                        stream.data += event.data
                case ResponseReceived() | TrailersReceived():
                    if stream:
                        stream.headers |= _headers(event.headers)
                case StreamEnded() | StreamReset():
                    if stream:
                        stream.ended = True
                case ConnectionTerminated():
                    self._over = "is ending"
                case WindowUpdated() | RemoteSettingsChanged():
                    pass    # whoever waits for room is woken

    def _flush(self, path: str = "") -> None:
        """Send what is to be sent. A request that could not be sent whole is not carried out: then it raises."""
        if data := self._http.data_to_send():
            try:
                self._socket.sendall(data)
            except OSError as e:
                self._over = self._over or f"broke the connection: {e}"
                if path:
                    self._check(sent=False, path=path)

    @property
    def ended(self) -> bool:
        return bool(self._over)

    def close(self) -> None:
        with self._changed:
            self._over = self._over or "was ended"
            self._changed.notify_all()
        with contextlib.suppress(OSError):    # it is closed on the other side
            self._socket.shutdown(socket.SHUT_RDWR)
        with self._changed:
            self._changed.wait_for(lambda: not self._reading, 5)
        self._socket.close()


def _headers(headers: Any) -> Mapping[str, str]:
    return {str(k): str(v) for k, v in headers}


def _last(path: str) -> str:
    return path.rpartition("/")[2]
