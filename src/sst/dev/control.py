"""How other processes of this machine talk to a session: only those that can read the project's files may.

One session a stage: it holds a lock for as long as it lives, however it ends.
"""
from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import os
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..embedded.settings import read_json
from ..machine.files import write_private
from ..machine.lock import FileLock
from ..net.frames import LINE, Frames

__all__ = ["OVER", "ClientHandler", "ControlServer", "Found", "find", "hold"]

ClientHandler = Callable[[Mapping[str, Any], Frames], Awaitable[None]]
"""Serves one connection: gets its first message, and the connection."""


OVER: Mapping[str, Any] = {"over": True}
"""The last message to who follows a session: it ends as it should."""


@dataclass(frozen=True, slots=True)
class Found:
    """A session that runs."""

    pid: int
    port: int
    token: str

    async def ask(self, want: str, **more: Any) -> Frames:
        """Connect. Raises `OSError` if it is gone."""
        return await Frames.open(self.port, {"token": self.token, "want": want, **more})


def hold(folder: Path) -> FileLock | None:
    """Take the place of the one session; None if another one has it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(folder / "session.lock")
    return lock if lock.acquire(wait=False) else None


def find(folder: Path) -> Found | None:
    """The session of that folder, if one runs."""
    facts = read_json(folder / "session.json")
    if facts is None or not FileLock(folder / "session.lock").is_held():
        return None
    return Found(int(str(facts["pid"])), int(str(facts["port"])), str(facts["token"]))


class ControlServer:
    """Listens on 127.0.0.1 and accepts clients that send the token; ``handlers`` serve them by what they ``want``."""

    def __init__(self, folder: Path, handlers: Mapping[str, ClientHandler]) -> None:
        self._folder, self.handlers = folder, dict(handlers)
        self.token, self.port = secrets.token_urlsafe(30), 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=LINE)
        self.port = self._server.sockets[0].getsockname()[1]
        write_private(self._folder / "session.json",
                      json.dumps({"pid": os.getpid(), "port": self.port, "token": self.token}))

    async def close(self) -> None:
        (self._folder / "session.json").unlink(missing_ok=True)
        if self._server:
            self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._open.add(task)
        frames = Frames(reader, writer)
        try:
            async with asyncio.timeout(10):
                first = await frames.read()
            if first and hmac.compare_digest(str(first[0].get("token", "")).encode(), self.token.encode()) \
                    and (handler := self.handlers.get(str(first[0].get("want")))):
                await handler(first[0], frames)
        except (OSError, TimeoutError, asyncio.CancelledError):  # the session ends; asyncio would complain
            pass
        finally:
            self._open.discard(task)
            with contextlib.suppress(OSError):
                frames.close()
