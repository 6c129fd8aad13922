"""In each Python process of a container: ports of the container are ports of 127.0.0.1 of its own.

`SST_PORTS` maps them, ``80=43121,8080=43122``. Programs bind 0.0.0.0:80 as in a container, and several replicas can run
at once, reachable from this machine alone.
"""
import os
import socket
from typing import Any

_PORTS = {int(a): int(b) for a, _, b in (p.partition("=") for p in os.environ.get("SST_PORTS", "").split(",") if p)}
_HERE = ("", "0.0.0.0", "::", "127.0.0.1", "::1", "localhost")  # what is looked for


def _mapped(family: int, address: Any) -> Any:
    if family in (socket.AF_INET, socket.AF_INET6) and isinstance(address, tuple) and address[0] in _HERE:
        host = "127.0.0.1" if family == socket.AF_INET else "::1"
        return (host, _PORTS.get(address[1], address[1]), *address[2:])
    return address


def _patch() -> None:
    bind = socket.socket.bind
    setattr(socket.socket, "bind", lambda self, address: bind(self, _mapped(self.family, address)))  # noqa: B010

    def patched(real: Any) -> Any:
        def connect(self: socket.socket, address: Any) -> Any:
            ours = isinstance(address, tuple) and address[1] in _PORTS
            return real(self, _mapped(self.family, address) if ours else address)

        return connect

    for name in ("connect", "connect_ex"):
        setattr(socket.socket, name, patched(getattr(socket.socket, name)))


_patch()
