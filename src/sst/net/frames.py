"""Messages over a loopback connection: a line of JSON, then as many bytes as its ``size`` says."""
from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

__all__ = ["LINE", "Frames"]

LINE = 1 << 24
"""The longest line, bytes."""


class Frames:
    """Both directions of one connection. ``send`` may be called from several tasks; a message is never torn."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int, hello: Mapping[str, Any]) -> Frames:
        """Connect to 127.0.0.1 and say who we are. Raises `OSError`."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=LINE)
        frames = cls(reader, writer)
        await frames.send(hello)
        return frames

    async def read(self) -> tuple[dict[str, Any], bytes] | None:
        """The next message; None at the end, however it came."""
        try:
            line = await self._reader.readline()
            head = json.loads(line) if line.endswith(b"\n") else None
            if not isinstance(head, dict):
                return None
            return head, await self._reader.readexactly(int(head.get("size", 0)))
        except (OSError, ValueError, asyncio.IncompleteReadError):
            return None

    async def send(self, head: Mapping[str, Any], body: bytes = b"") -> None:
        """Raises `OSError` if the other end is gone; waits while it is slow."""
        self._writer.write(json.dumps({**head, "size": len(body)} if body else head).encode() + b"\n" + body)
        await self._writer.drain()

    def close(self) -> None:
        self._writer.close()
