"""gRPC calls over one HTTP/2 connection on a socket: many threads call, one reads."""
from __future__ import annotations

import contextlib
import socket
from collections.abc import Mapping
from threading import Condition, Thread
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
        self._http = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self._streams: dict[int, _Stream] = {}
        self._changed = Condition()
        self._over = ""
        """Why no call is possible any more."""
        with self._changed:
            self._http.initiate_connection()
            self._http.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: _WINDOW})
            self._http.increment_flow_control_window(_WINDOW)
            self._flush()
        self._reader = Thread(target=self._read, daemon=True, name=f"sst-{name}")
        self._reader.start()

    def call(self, path: str, message: bytes, *, timeout: float | None = None) -> bytes:
        """The answer to one call. Raises ``ProviderError``; its ``code`` is gRPC's, and `NoAnswer` where the connection
        ended before the answer came."""
        with self._changed:
            self._check(sent=False)
            limit = self._http.remote_settings.max_concurrent_streams
            self._changed.wait_for(lambda: self._over or self._http.open_outbound_streams < limit)
            self._check(sent=False)
            id, stream = self._http.get_next_available_stream_id(), _Stream()
            self._streams[id] = stream
            try:
                self._http.send_headers(id, [(":method", "POST"), (":scheme", "http"), (":path", path),
                                             (":authority", "localhost"), ("te", "trailers"),
                                             ("content-type", "application/grpc+proto")])
                self._send(id, stream, b"\0" + len(message).to_bytes(4, "big") + message)
                if not self._changed.wait_for(lambda: stream.ended or self._over, timeout):
                    raise ProviderError(f"{self._name} did not answer {_last(path)} within {timeout:g} s",
                                        code="NoAnswer", operation=_last(path))
            finally:
                self._streams.pop(id, None)
            if not stream.ended:
                self._check(sent=True, path=path)
        return self._answer(stream, path)

    def _send(self, id: int, stream: _Stream, data: bytes) -> None:
        """With the lock held: send all, as fast as the other side takes it."""
        while data:
            room = min(self._http.local_flow_control_window(id), self._http.max_outbound_frame_size, len(data))
            if not room:
                self._flush()
                self._changed.wait_for(
                    lambda: stream.ended or self._over or self._http.local_flow_control_window(id))
                if stream.ended or self._over:
                    return
                continue
            self._http.send_data(id, data[:room], end_stream=room == len(data))
            data = data[room:]
        self._flush()

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

    def _read(self) -> None:
        why = "ended the connection"
        try:
            while data := self._socket.recv(1 << 18):
                with self._changed:
                    self._take(data)
                    self._flush()
                    self._changed.notify_all()
        except (OSError, ProtocolError) as e:
            why = f"broke the connection: {e}"
        with self._changed:
            self._over = self._over or why
            self._changed.notify_all()

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

    def _flush(self) -> None:
        if data := self._http.data_to_send():
            try:
                self._socket.sendall(data)
            except OSError as e:
                self._over = self._over or f"broke the connection: {e}"

    def close(self) -> None:
        with self._changed:
            self._over = self._over or "was ended"
            self._changed.notify_all()
        with contextlib.suppress(OSError):    # it is closed on the other side
            self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join(5)
        self._socket.close()


def _headers(headers: Any) -> Mapping[str, str]:
    return {str(k): str(v) for k, v in headers}


def _last(path: str) -> str:
    return path.rpartition("/")[2]
