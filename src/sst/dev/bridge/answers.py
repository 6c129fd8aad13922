"""What is sent back for one call: numbered, kept until nobody can miss it, small parts together."""
from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from ...executor import Invocation
from .connection import EventsConnection

__all__ = ["Answer"]

_AHEAD = 1024 * 1024
"""So many bytes may wait to be sent before the function has to wait too."""


class Answer:
    """The messages of one call. ``ended`` is when the last one was made (monotonic seconds), or 0."""

    def __init__(self, line: EventsConnection, channel: str, call: str, sender: str) -> None:
        self._line, self._channel, self._head = line, channel, {"call": call, "from": sender}
        self._sent: list[tuple[dict[str, Any], bytes]] = []
        self._parts = bytearray()
        self._next = 0
        self._sending: asyncio.Task[None] | None = None
        self.ended = 0.0

    @property
    def size(self) -> int:
        return sum(len(body) for _, body in self._sent)

    def open(self, kind: str) -> None:
        """A response in parts begins."""
        self._number({"k": "open", "kind": kind}, b"")
        self._send_soon()

    async def put(self, part: bytes) -> None:
        """A part of it; what comes while another is on its way goes together."""
        self._parts += part
        self._send_soon()
        while len(self._parts) > _AHEAD and self._sending:
            await asyncio.wait((self._sending,))
            self._send_soon()

    async def end(self, made: Invocation) -> None:
        """All of it was sent, and how it ended."""
        while self._sending and not self._sending.done():
            await asyncio.wait((self._sending,))
        self._collect()
        opened = bool(self._sent)
        self._number({"k": "end", "error": made.error}, b"" if opened and not made.error else made.payload)
        await self._send_all()

    async def beat(self) -> None:
        """Say that it still runs, and how much was sent."""
        await self._line.say(self._channel, {**self._head, "k": "beat", "sent": len(self._sent)})

    async def again(self, seq: int) -> None:
        """Send again from that number on."""
        for head, body in self._sent[seq:]:
            await self._line.say(self._channel, head, body)
        if seq >= len(self._sent):
            await self.beat()

    def _number(self, head: dict[str, Any], body: bytes) -> None:
        self._sent.append(({**self._head, **head, "seq": len(self._sent)}, body))

    def _collect(self) -> None:
        if self._parts:
            self._number({"k": "part"}, bytes(self._parts))
            self._parts.clear()

    def _send_soon(self) -> None:
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_quietly())

    async def _send_quietly(self) -> None:
        """What can't be sent is asked for again."""
        with contextlib.suppress(OSError):
            await self._send_all()

    async def _send_all(self) -> None:
        self._collect()
        while self._next < len(self._sent):
            head, body = self._sent[self._next]
            self._next += 1
            await self._line.say(self._channel, head, body)
            self._collect()
