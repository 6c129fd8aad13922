"""Calls from the embedded cloud, which runs on this machine: one connection, which it opens when asked to."""
from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from ..core.dev_parts import Bridge
from ..executor import LogLines
from ..machine.mounts import Mounts
from ..net.frames import Frames
from .call import LiveCall
from .events import AnyEvent, Notice, TaskEnded, TaskOutput
from .functions import Functions

__all__ = ["LocalCalls"]


class LocalCalls:
    """A `parts.function.CallSource`. ``invite`` has the cloud connect to `serve`; it may take a moment."""

    def __init__(self, functions: Functions, invite: Callable[[], Awaitable[None]],
                 emit: Callable[[AnyEvent], None]) -> None:
        self._functions, self._invite, self._emit = functions, invite, emit
        self._connected: set[Frames] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.lost = asyncio.Event()
        """Set when no cloud is connected."""
        self.lost.set()

    async def serve(self, hello: Mapping[str, Any], frames: Frames) -> None:
        """A `control.ClientHandler`: until the cloud hangs up."""
        await frames.send({"functions": self._functions.ids})
        self._connected.add(frames)
        self.lost.clear()
        try:
            while message := await frames.read():
                if "task" in message[0]:
                    self._task_heard(message[0])
                elif "notice" in message[0]:
                    self._emit(Notice("functions", str(message[0]["notice"]), "warn"))
                else:
                    self._begin(self._run(frames, *message))
        finally:
            self._connected.discard(frames)
            if not self._connected:
                self.lost.set()

    def lease(self) -> None:
        """The open connection is all that the cloud needs."""

    async def prepare(self) -> None:
        """Nothing to do before the first deploy."""

    async def attach(self, bridges: Collection[Bridge]) -> None:
        if self.lost.is_set():
            await self._invite()

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def functions_changed(self) -> None:
        for frames in list(self._connected):
            with contextlib.suppress(OSError):
                await frames.send({"functions": self._functions.ids})

    def logged(self, made: LogLines) -> None:
        """For CloudWatch Logs of the embedded cloud."""
        message = {"log": made.function.arn, "sandbox": made.sandbox, "request": made.request_id, "lines": made.lines}
        for frames in list(self._connected):
            self._begin(_send(frames, message))

    def _task_heard(self, said: Mapping[str, Any]) -> None:
        title, task = str(said["task"]), str(said["id"])
        for text in said["lines"]:
            self._emit(TaskOutput(title, task, str(text)))
        if said["code"] is not None:
            self._emit(TaskEnded(title, task, int(said["code"])))

    async def _run(self, frames: Frames, head: Mapping[str, Any], event: bytes) -> None:
        request = str(head["call"])
        call = LiveCall(str(head["function"]), event, request, head["environment"],
                        trace_id=str(head.get("trace", "")))
        layers, mounts = tuple(Path(layer) for layer in head["layers"]), head.get("mounts")
        volumes = Mounts(str(mounts[0]), tuple((str(a), str(b)) for a, b in mounts[1])) if mounts else None
        with contextlib.suppress(OSError):
            async with self._functions.stream(call, beside=Path(head["code"]), layers=layers,
                                              mounts=volumes) as answer:
                if answer.kind:
                    await frames.send({"call": request, "open": answer.kind})
                async for part in answer:
                    await frames.send({"call": request, "part": True}, part)
                made = answer.result
            assert made
            tail = made.logs.decode("utf-8", "replace")
            facts = {"ms": made.duration_ms, "init_ms": made.init_ms, "memory": made.max_memory_mb, "cold": made.cold,
                     "causes": made.causes}
            await frames.send({"call": request, "end": made.error, "tail": tail, **facts}, made.payload)

    def _begin(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _send(frames: Frames, message: Mapping[str, Any]) -> None:
    with contextlib.suppress(OSError):
        await frames.send(message)
