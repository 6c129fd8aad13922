"""Loopback ports that stay the same from run to run, as long as nobody else takes them."""
from __future__ import annotations

import socket
from pathlib import Path

from sst.embedded.settings import read_json
from sst.errors import SstError

__all__ = ["free_port", "listener", "remembered"]


def free_port(wanted: int, other: int = 0) -> int:
    """``wanted`` if it is free, else another (but not ``other``). Raises `SstError` if there is none."""
    for port in (wanted, 0, 0, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            if (found := int(probe.getsockname()[1])) != other:
                return found
    raise SstError("no free port on 127.0.0.1")


def listener(wanted: int) -> tuple[socket.socket, int]:
    """A socket that listens on ``wanted``, or on a free port if that is taken. Raises `OSError` if there is none.

    Its connections send at once what is written (``TCP_NODELAY``, which they take over from it). asyncio sees to that
    for sockets alone that name TCP; without it the body of an answer, written after its head, waits 40 ms.
    """
    for port in (wanted, 0):
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            line.bind(("127.0.0.1", port))
        except OSError:
            line.close()
            continue
        line.listen(128)  # from now on a caller waits instead of being refused
        return line, int(line.getsockname()[1])
    raise OSError("no free port on 127.0.0.1")


def remembered(file: Path) -> dict[str, int]:
    """The ports in a file, by the names of what has them; none from a damaged one."""
    return {name: port for name, port in (read_json(file) or {}).items() if isinstance(port, int)}
