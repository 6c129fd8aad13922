"""The embedded cloud's end of ``sst dev``: while a session is connected, its functions run there, from their source.

The session asks to be attached and is connected to; the connection is the lease. When it ends, however it ends, what is
deployed runs.
"""
from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from sst.executor import Ending, FunctionVersion, Invocation
from sst.net.frames import Frames

__all__ = ["Attached", "LiveStreaming"]

OnLines = Callable[[str, str, str, list[tuple[int, str]]], None]
"""Gets a function's ARN, a sandbox, the call's request id ("" outside of one), and lines for CloudWatch Logs."""


class LiveStreaming:
    """An answer on its way from the session; the same to its reader as ``executor.Streaming``."""

    def __init__(self) -> None:
        self.kind = ""
        self.result: Invocation | None = None
        self.opened = asyncio.Event()
        self._parts: asyncio.Queue[bytes | None] = asyncio.Queue()

    def open(self, kind: str) -> None:
        self.kind = kind
        self.opened.set()

    def put(self, part: bytes) -> None:
        self._parts.put_nowait(part)

    def end(self, made: Invocation) -> None:
        if self.result is None:
            self.result = made
            self._parts.put_nowait(None)
            self.opened.set()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self.kind and (part := await self._parts.get()) is not None:
            yield part


class Attached:
    """A session that is connected. ``gone`` once it is not."""

    def __init__(self, frames: Frames, on_lines: OnLines) -> None:
        self._frames, self._on_lines = frames, on_lines
        self._open: dict[str, LiveStreaming] = {}
        self._functions = frozenset[str]()
        self._task: asyncio.Task[None] | None = None
        self.gone = False

    @classmethod
    async def to(cls, port: int, token: str, on_lines: OnLines) -> Attached:
        """Connect to the session that listens there, and learn which functions it runs. Raises `OSError`."""
        attached = cls(await Frames.open(port, {"token": token, "want": "calls"}), on_lines)
        await attached._hear()
        attached._task = asyncio.create_task(attached._listen())
        return attached

    def runs(self, version: FunctionVersion) -> bool:
        return not self.gone and version.version == "$LATEST" and _unqualified(version.arn) in self._functions

    def begin(self, version: FunctionVersion, event: bytes, *, request_id: str,
              trace_id: str = "") -> Ending:
        """Run it there, to its end."""
        return Ending.of(asyncio.create_task(self._invoke(version, event, request_id, trace_id)))

    async def _invoke(self, version: FunctionVersion, event: bytes, request_id: str, trace_id: str) -> Invocation:
        async with self.stream(version, event, request_id=request_id, trace_id=trace_id) as streaming:
            parts = b"".join([part async for part in streaming])
            made = streaming.result
        assert made
        if streaming.kind and not made.error:
            made.payload = parts
        return made

    @asynccontextmanager
    async def stream(self, version: FunctionVersion, event: bytes, *, request_id: str,
                     trace_id: str = "") -> AsyncIterator[LiveStreaming]:
        """Run it there. If the session goes away meanwhile, the answer is an error: it is not run twice."""
        streaming = self._open[request_id] = LiveStreaming()
        try:
            call = {"call": request_id, "trace": trace_id, "function": _unqualified(version.arn),
                    "environment": dict(version.environment),
                    "code": str(version.code), "layers": [str(layer) for layer in version.layers],
                    "mounts": [version.mounts.home, version.mounts.at] if version.mounts else None}
            try:
                await self._frames.send(call, event)
            except OSError:
                self._end()
            await streaming.opened.wait()
            yield streaming
        finally:
            self._open.pop(request_id, None)

    async def tell(self, message: dict[str, Any]) -> None:
        """What is no call: lines of a task, or of this cloud."""
        with contextlib.suppress(OSError):
            await self._frames.send(message)

    async def _listen(self) -> None:
        try:
            while await self._hear():
                pass
        finally:
            self._end()

    async def _hear(self) -> bool:
        message = await self._frames.read()
        if message is None:
            self._end()
            return False
        head, body = message
        if "functions" in head:
            self._functions = frozenset(head["functions"])
        elif "log" in head:
            self._on_lines(head["log"], head["sandbox"], str(head.get("request", "")),
                           [(at, text) for at, text in head["lines"]])
        elif streaming := self._open.get(head.get("call", "")):
            _take(streaming, head, body)
        return True

    def _end(self) -> None:
        self.gone = True
        with contextlib.suppress(OSError):
            self._frames.close()
        for request_id, streaming in list(self._open.items()):
            error = {"errorType": "Sst.DeveloperGone", "errorMessage": "sst dev ended while it ran this function"}
            streaming.end(Invocation(json.dumps(error).encode(), "Unhandled", request_id))


def _take(streaming: LiveStreaming, head: dict[str, Any], body: bytes) -> None:
    if "open" in head:
        streaming.open(str(head["open"]))
    elif "end" in head:
        made = Invocation(body, str(head["end"]), str(head["call"]), str(head.get("tail", "")).encode(),
                          float(head.get("ms", 0)), float(head.get("init_ms", 0)), int(head.get("memory", 0)),
                          bool(head.get("cold")), str(head.get("causes", "")))
        streaming.end(made)
    else:
        streaming.put(body)


def _unqualified(arn: str) -> str:
    """Without the version or alias: ``arn:aws:lambda:REGION:ACCOUNT:function:NAME``."""
    return ":".join(arn.split(":")[:7])
