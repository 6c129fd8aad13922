"""An invocation on its way: the event, and what comes back."""
from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from .model import Invocation

__all__ = ["Call", "Ending"]

_AHEAD = 16
"""So many parts may wait for a slow reader before the function has to wait too."""


class Ending(asyncio.Future[Invocation]):
    """The end of a call, which can't be cancelled: a task that is cancelled while it waits for this is so at the end.
    """

    @classmethod
    def of(cls, work: asyncio.Task[Invocation]) -> Ending:
        made = cls()

        def end(ended: asyncio.Task[Invocation]) -> None:
            if ended.cancelled():
                made.set_exception(ConnectionAbortedError("the call was given up"))
            elif error := ended.exception():
                made.set_exception(error)
            else:
                made.set_result(ended.result())

        work.add_done_callback(end)
        return made

    def cancel(self, msg: Any = None) -> bool:
        return False


class Call:
    """``ended`` gives the payload and whether it is an error. ``streaming``: somebody reads `part`; else parts are put
    together."""

    def __init__(self, payload: bytes, request_id: str, *, client_context: str = "", trace_id: str = "",
                 streaming: bool = False) -> None:
        self.payload, self.request_id = payload, request_id
        self.client_context, self.trace_id = client_context, trace_id
        loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[tuple[bytes, bool]] = loop.create_future()
        self.causes = ""
        """The traceback of an error with causes; see `Invocation`."""
        self.opened: asyncio.Future[str] = loop.create_future()
        """The content type once a streamed response begins; "" for one that is not streamed."""
        self._streaming = streaming
        self._parts: deque[bytes] = deque()
        self._news, self._room = asyncio.Event(), asyncio.Event()

    def open(self, kind: str) -> None:
        if not self.opened.done():
            self.opened.set_result(kind)

    async def put(self, part: bytes) -> None:
        """Hand a part on; waits for a slow reader."""
        self._parts.append(part)
        self._news.set()
        while self._streaming and len(self._parts) >= _AHEAD and not self.ended.done():
            self._room.clear()
            await self._room.wait()

    def whole(self) -> bytes:
        """All parts that were not read yet."""
        return b"".join(self._parts)

    def abandon(self) -> None:
        """Stop reading; the function continues."""
        self._streaming = False
        self._parts = deque(maxlen=0)
        self._room.set()

    def end(self, payload: bytes, *, failed: bool) -> None:
        if not self.ended.done():
            self.ended.set_result((payload, failed))
        if not self.opened.done():
            self.opened.set_result("")
        self._news.set()
        self._room.set()

    async def part(self) -> bytes | None:
        """The next part of the body, or None at its end."""
        while not self._parts:
            if self.ended.done():
                return None
            self._news.clear()
            await self._news.wait()
        self._room.set()
        return self._parts.popleft()
