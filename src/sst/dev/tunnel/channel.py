"""A session of Session Manager: bytes to and from the agent at its other end, each of them once and in order.

Source: https://github.com/aws/session-manager-plugin/blob/mainline/src/datachannel/streaming.go
"""
from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import struct
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from .messages import ACKNOWLEDGE, CLOSED, INPUT, OUTPUT, Flag, Message, Payload, acknowledgement

__all__ = ["Channel", "Session"]

VERSION = "1.2.694.0"
"""The version of the Session Manager plugin whose protocol this is: by it, the agent knows that many connections may
share a session."""
_OLDEST = (3, 1, 1511)
"""Agents since then share a session, and send nothing while there is nothing to say."""
_PIECE, _WINDOW = 1024, 512
"""Bytes of a message, and how many messages may be under way."""
_LATE, _LOST = 0.5, 30.0
"""Seconds after which a message that nobody has acknowledged is sent again, and after which the session is lost."""
_OPEN_SECONDS = 15.0
_PING_SECONDS = 60.0


class Session(Protocol):
    """What `StartSession` gave; `clouds.aws.task_gateway.Forwarding` is one. ``proxy`` and ``ca_bundle`` may be
    empty."""

    @property
    def url(self) -> str: ...
    @property
    def token(self) -> str: ...
    @property
    def proxy(self) -> str: ...
    @property
    def ca_bundle(self) -> str: ...


class Channel:
    """``received`` takes what the agent sends; what comes next waits for it. ``refused`` is told when the agent could
    not connect to where the session leads."""

    def __init__(self, received: Callable[[bytes], Awaitable[None]], refused: Callable[[], None]) -> None:
        self._received, self._refused = received, refused
        self._ready = asyncio.Event()
        self._moved = asyncio.Event()
        self._closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._sent: dict[int, tuple[bytes, float]] = {}
        """What is not acknowledged yet: the message, and when it was sent first."""
        self._early: dict[int, Message] = {}
        self._next_out = self._next_in = 0
        self._line: ClientConnection | None = None
        self._work: list[asyncio.Task[None]] = []

    async def open(self, session: Session) -> None:
        """Raises `OSError`."""
        try:
            async with asyncio.timeout(_OPEN_SECONDS):
                self._line = await connect(**_way(session), open_timeout=None, close_timeout=1, compression=None,
                                           max_size=None, ping_interval=_PING_SECONDS, ping_timeout=None)
                await self._line.send(json.dumps({
                    "MessageSchemaVersion": "1.0", "RequestId": str(uuid.uuid4()), "TokenValue": session.token,
                    "ClientId": str(uuid.uuid4()), "ClientVersion": VERSION}))
                self._work = [asyncio.create_task(self._read()), asyncio.create_task(self._repeat())]
                await self._ready.wait()
        except TimeoutError:
            await self.close()
            raise ConnectionError("the agent of Session Manager does not answer") from None
        except (OSError, WebSocketException) as error:
            raise ConnectionError(f"no connection to Session Manager: {error}") from error
        if not self.is_open:
            await self.close()
            raise ConnectionError(self._closed.result())

    @property
    def is_open(self) -> bool:
        return not self._closed.done()

    async def wait_closed(self) -> str:
        """Why it was closed."""
        return await asyncio.shield(self._closed)

    async def send(self, data: bytes) -> None:
        """Raises `OSError` once it is closed."""
        for at in range(0, len(data), _PIECE):
            await self._send(Payload.DATA, data[at:at + _PIECE])

    async def close(self) -> None:
        """End the session at both ends."""
        if self.is_open and self._line:
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(1):
                    await self._send(Payload.FLAG, struct.pack(">I", Flag.TERMINATE))
        self._end("it was closed")
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        if self._line:
            await self._line.close()

    def _end(self, why: str) -> None:
        if not self._closed.done():
            self._closed.set_result(why)
        self._ready.set()
        self._moved.set()

    async def _send(self, kind: Payload, body: bytes) -> None:
        while self.is_open and len(self._sent) >= _WINDOW:
            self._moved.clear()
            await self._moved.wait()
        if not self.is_open:
            raise ConnectionError(self._closed.result())
        message = Message.made(INPUT, self._next_out, kind, body).to_bytes()
        self._sent[self._next_out] = message, asyncio.get_running_loop().time()
        self._next_out += 1
        await self._write(message)

    async def _write(self, data: bytes) -> None:
        assert self._line is not None
        try:
            await self._line.send(data)
        except (OSError, WebSocketException) as error:
            self._end(str(error) or "the connection was lost")
            raise ConnectionError(str(error)) from error

    async def _repeat(self) -> None:
        """The agent takes messages in order, and none before it is ready: the oldest is the one that is missing."""
        loop = asyncio.get_running_loop()
        while self.is_open:
            await asyncio.sleep(_LATE / 2)
            for message, first in list(self._sent.values())[:1]:
                if loop.time() - first > _LOST:
                    self._end(f"the agent has acknowledged nothing for {_LOST:.0f} seconds")
                elif loop.time() - first > _LATE:
                    with contextlib.suppress(OSError):
                        await self._write(message)

    async def _read(self) -> None:
        assert self._line is not None
        try:
            async for data in self._line:
                if isinstance(data, bytes):
                    with contextlib.suppress(ValueError):
                        await self._take(Message.parsed(data))
            self._end("the connection was closed")
        except (OSError, WebSocketException) as error:
            self._end(str(error) or "the connection was lost")

    async def _take(self, message: Message) -> None:
        if message.type == ACKNOWLEDGE:
            self._sent.pop(int(json.loads(message.body)["AcknowledgedMessageSequenceNumber"]), None)
            self._moved.set()
        elif message.type == CLOSED:
            self._end(str(json.loads(message.body or b"{}").get("Output") or "the session was ended"))
        elif message.type == OUTPUT:
            await self._write(acknowledgement(message).to_bytes())
            if message.number >= self._next_in:
                self._early[message.number] = message
            while (one := self._early.pop(self._next_in, None)) is not None:
                self._next_in += 1
                await self._use(one)

    async def _use(self, message: Message) -> None:
        if message.kind == Payload.DATA:
            await self._received(message.body)
        elif message.kind == Payload.HANDSHAKE_REQUEST:
            await self._answer(json.loads(message.body))
        elif message.kind == Payload.HANDSHAKE_COMPLETE:
            self._ready.set()
        elif message.kind == Payload.FLAG and message.body == struct.pack(">I", Flag.NOT_CONNECTED):
            self._refused()

    async def _answer(self, request: dict[str, Any]) -> None:
        done, errors = [], []
        for action in request.get("RequestedClientActions") or ():
            kind = action["ActionType"]
            if kind == "SessionType":
                done.append({"ActionType": kind, "ActionStatus": 1})
                continue
            errors.append("the settings of Session Manager ask for encryption with a KMS key, which sst does not do"
                          if kind == "KMSEncryption" else f"the agent asks for {kind}, which sst does not know")
            done.append({"ActionType": kind, "ActionStatus": 2, "Error": errors[-1]})
        version = str(request.get("AgentVersion", ""))
        if _number(version) < _OLDEST:
            errors.append(f"its agent has version {version}; {'.'.join(map(str, _OLDEST))} is the oldest that works")
        body = {"ClientVersion": VERSION, "ProcessedClientActions": done, "Errors": errors}
        await self._send(Payload.HANDSHAKE_RESPONSE, json.dumps(body).encode())
        if errors:
            self._end("; ".join(errors))


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3] if part.isdigit())


def _way(session: Session) -> dict[str, Any]:
    if session.url.startswith("ws://"):
        return {"uri": session.url, "proxy": None}
    return {"uri": session.url, "proxy": session.proxy or None,
            "ssl": ssl.create_default_context(cafile=session.ca_bundle or None)}
