"""A load of plain HTTP requests over kept connections, and the plainest server to compare with."""
from __future__ import annotations

import asyncio
import os
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Load", "cpu_seconds", "floor", "load"]


@dataclass(frozen=True)
class Load:
    """What one load gave."""

    rate: float
    """Requests a second."""
    p50: float
    """Milliseconds."""
    p99: float


async def load(port: int, connections: int, seconds: float, path: str = "/") -> Load:
    """Ask for ``path`` as often as ``connections`` can, each waiting for its answer. Raises if an answer is not 200."""
    took: list[float] = []
    until = time.perf_counter() + seconds

    async def ask() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nuser-agent: bench\r\n\r\n".encode()
        while time.perf_counter() < until:
            began = time.perf_counter()
            writer.write(head)
            answer = (await reader.readuntil(b"\r\n\r\n")).lower()
            assert answer.startswith(b"http/1.1 200"), answer
            await _read_body(reader, answer)
            took.append((time.perf_counter() - began) * 1e3)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(ask() for _ in range(connections)))
    took.sort()
    return Load(len(took) / (time.perf_counter() - began), statistics.median(took), took[int(len(took) * 0.99)])


async def _read_body(reader: asyncio.StreamReader, head: bytes) -> None:
    if b"\r\ntransfer-encoding: chunked" not in head:
        await reader.readexactly(int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]))
        return
    while size := int(await reader.readline(), 16):
        await reader.readexactly(size + 2)
    await reader.readexactly(2)


async def floor(connections: int, seconds: float) -> Load:
    """The same load on the bare handler behind a plain asyncio server."""
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nok")
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        return await load(server.sockets[0].getsockname()[1], connections, seconds)


def cpu_seconds(pid: int) -> float:
    """What the process has used so far, without its children; 0 where the system does not say."""
    file = Path(f"/proc/{pid}/stat")
    if not file.exists():
        return 0.0
    fields = file.read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
