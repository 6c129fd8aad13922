"""A wire between programs and the embedded cloud on which a test counts and cuts."""
from __future__ import annotations

import contextlib
import socket
import threading


class Tap:
    """Listens on a port of its own and passes everything on. ``connections`` counts them, ``sent`` the requests that
    were sent on them."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections = self.posts = 0
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def cut(self) -> None:
        """End all connections; new ones are taken."""
        for line in self._open:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(10)
        for line in self._open:
            line.close()

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            far = socket.create_connection(("127.0.0.1", self._to))
            self._open += [near, far]
            self._start(self._pass, near, far, True)
            self._start(self._pass, far, near, False)

    def _pass(self, source: socket.socket, to: socket.socket, ours: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(262144):
                self.posts += ours and data.startswith(b"POST ")
                to.sendall(data)
        for line in (source, to):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)
