"""gRPC calls over one HTTP/2 connection on a socket, from many threads at once.

There is no thread that reads: of those that wait for an answer, one reads for all. So a call alone costs no switch of
threads. Each of the others is woken when its own answer is there.
"""
from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Callable
from threading import Condition, Lock
from urllib.parse import unquote

from ...errors import ProviderError
from .http2 import Connection, Damaged, Stream

__all__ = ["Channel"]

_CODES = {1: "Cancelled", 2: "Unknown", 4: "DeadlineExceeded", 8: "ResourceExhausted", 12: "Unimplemented",
          13: "Internal", 14: "Unavailable"}


class Channel:
    """``call`` may be used from any number of threads at once."""

    def __init__(self, sock: socket.socket, name: str) -> None:
        self._socket, self._name = sock, name
        self._http = Connection()
        self._lock = Lock()
        self._waiting: dict[Condition, Stream | None] = {}
        """Who waits for another to read, and for which answer; None: for room to send."""
        self._reading, self._idle = False, Condition(self._lock)
        self._over = ""
        """Why no call is possible any more."""
        with self._lock:
            self._flush()

    def call(self, path: str, message: bytes, *, timeout: float | None = None) -> bytes:
        """The answer to one call. Raises ``ProviderError``; its ``code`` is gRPC's, and `NoAnswer` where the connection
        ended before the answer came, or the plugin gave the call up."""
        http = self._http
        with self._lock:
            self._check(sent=False)
            self._pump(None, lambda: len(http.streams) < http.most)
            self._check(sent=False)
            stream = http.open(path)
            try:
                self._send(stream, memoryview(b"\0" + len(message).to_bytes(4, "big") + message), path)
                if not self._pump(stream, lambda: stream.ended, timeout):
                    raise ProviderError(f"{self._name} did not answer {_last(path)} within {timeout:g} s",
                                        code="NoAnswer", operation=_last(path))
            finally:
                full = len(http.streams) >= http.most
                http.forget(stream)
                if full:
                    self._wake_senders()
            if not stream.ended:
                self._check(sent=True, path=path)
        return self._answer(stream, path)

    def _send(self, stream: Stream, data: memoryview, path: str) -> None:
        """With the lock held: send all, as fast as the other side takes it."""
        while data := self._http.send(stream, data):
            self._flush(path)
            self._pump(None, lambda: stream.ended or self._http.room(stream) > 0)
            if stream.ended or self._over:
                return
        self._flush(path)

    def _answer(self, stream: Stream, path: str) -> bytes:
        status = stream.headers.get("grpc-status")
        if status is None:
            raise ProviderError(f"{self._name} gave up {_last(path)}", code="NoAnswer", operation=_last(path),
                                sent=not stream.refused)
        if status != "0":
            code = _CODES.get(int(status), "Unknown") if status.isdigit() else "Unknown"
            raise ProviderError(unquote(stream.headers.get("grpc-message", "")) or f"{_last(path)} failed", code=code,
                                operation=_last(path), status=0 if code in ("Unavailable", "Cancelled") else 400)
        return bytes(stream.data[5:])

    def _check(self, *, sent: bool, path: str = "") -> None:
        if self._over or (self._http.ending and not sent):
            raise ProviderError(f"{self._name} {self._over or 'is ending'}", code="NoAnswer", operation=_last(path),
                                sent=sent)

    def _pump(self, stream: Stream | None, done: Callable[[], bool], timeout: float | None = None) -> bool:
        """With the lock held: read, or wait for who reads, until it is done or the connection is over. False after
        ``timeout`` seconds."""
        end = None if timeout is None else time.monotonic() + timeout
        try:
            while not self._over and not done():
                left = None if end is None else end - time.monotonic()
                if left is not None and left <= 0:
                    return False
                if self._reading:
                    self._wait(stream, left)
                else:
                    self._read(left)
            return True
        finally:
            self._hand_over()

    def _wait(self, stream: Stream | None, timeout: float | None) -> None:
        changed = Condition(self._lock)
        self._waiting[changed] = stream
        try:
            changed.wait(timeout)
        finally:
            del self._waiting[changed]

    def _hand_over(self) -> None:
        """Let one of those that wait read, now that this one has what it wanted."""
        if not self._reading and self._waiting:
            next((c for c, s in self._waiting.items() if s is None or not s.ended), self._idle).notify()

    def _wake_senders(self) -> None:
        for changed, stream in self._waiting.items():
            if stream is None:
                changed.notify()

    def _read(self, timeout: float | None) -> None:
        """Read once, without the lock, and take what came. What it asks to be acknowledged is sent before the next
        read, or with the next call."""
        self._flush()
        self._reading = True
        self._lock.release()
        try:
            ready = timeout is None or select.select([self._socket], [], [], timeout)[0]
            data = self._socket.recv(1 << 18) if ready else None
            why = "ended the connection"
        except (OSError, ValueError) as e:
            data, why = b"", f"broke the connection: {e}"
        finally:
            self._lock.acquire()
            self._reading = False
            self._idle.notify_all()
        if data == b"":
            self._end(why)
        elif data:
            self._take(data)

    def _take(self, data: bytes) -> None:
        try:
            for ended in self._http.receive(data):
                for changed, stream in self._waiting.items():
                    if stream is ended:
                        changed.notify()
        except Damaged as e:
            self._end(f"broke the connection: {e}")

    def _end(self, why: str) -> None:
        self._over = self._over or why
        for changed in self._waiting:
            changed.notify()

    def _flush(self, path: str = "") -> None:
        """Send what is to be sent. A request that could not be sent whole is not carried out: then it raises."""
        if data := self._http.out:
            self._http.out = bytearray()
            try:
                self._socket.sendall(data)
            except OSError as e:
                self._end(f"broke the connection: {e}")
                if path:
                    self._check(sent=False, path=path)

    @property
    def ended(self) -> bool:
        return bool(self._over) or self._http.ending

    def close(self) -> None:
        with self._lock:
            self._end("was ended")
        with contextlib.suppress(OSError):    # it is closed on the other side
            self._socket.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._idle.wait_for(lambda: not self._reading, 5)
        self._socket.close()


def _last(path: str) -> str:
    return path.rpartition("/")[2]
