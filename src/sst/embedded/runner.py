"""The executor as the emulator's runner: an event loop in a thread of its own, called from the emulator's threads.

While ``sst dev`` is attached, its functions run there instead.
"""
from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from sst.embedded import trace
from sst.embedded.bridge import Answer, Log
from sst.embedded.functions import Prepared
from sst.embedded.live import Attached
from sst.embedded.recorder import SHOWN_BYTES, recorder
from sst.embedded.settings import Settings
from sst.executor import Executor, FunctionVersion, Invocation, LogLines, Refused
from sst.executor.trigger import trigger_in
from sst.machine.process import obey_modes

__all__ = ["ExecutorRunner", "FunctionFailed"]

T = TypeVar("T")
_HTTP = "application/vnd.awslambda.http-integration-response"
_SEPARATOR = b"\0" * 8
_REMEMBERED = 1000


class FunctionFailed(Exception):
    """A streamed invocation failed, before its first byte or after."""


class ExecutorRunner:
    """See `bridge.Runner`."""

    def __init__(self, settings: Settings, origins: trace.RecordOrigins) -> None:
        self._origins = origins
        self.loop, self._folder = asyncio.new_event_loop(), settings.folder
        threading.Thread(target=self._serve, name="executor", daemon=True).start()
        self._known: dict[FunctionVersion, tuple[Prepared, Log]] = {}
        self._by_arn: dict[str, tuple[Prepared, Log]] = {}
        self._versions: dict[int, tuple[Prepared, FunctionVersion]] = {}
        self._attached: Attached | None = None
        packages = Path(sys.prefix) / "functions"
        self._packages = packages if packages.is_dir() else None
        self._executor = Executor(folder=settings.folder / "run", on_log=self._on_log, host=settings.host)
        self._wait(self._executor.start())

    def _serve(self) -> None:
        obey_modes(self._folder)  # the folders of code are read-only
        self.loop.run_forever()

    def invoke(self, function: Prepared, event: Any, *, request_id: str, log: Log) -> Answer:
        return self._elsewhere(function, event, request_id, log).result()

    async def invoked(self, function: Prepared, event: Any, *, request_id: str, log: Log) -> Answer:
        """A caller that is cancelled waits for the end all the same: the function runs on."""
        if asyncio.get_running_loop() is not self.loop:
            return await _to_its_end(asyncio.wrap_future(self._elsewhere(function, event, request_id, log)))
        version, payload = self._version(function, log), json.dumps(event).encode()
        return await self._answer(version, payload, request_id, self._traced(version, event, payload, request_id))

    def _elsewhere(self, function: Prepared, event: Any, request_id: str, log: Log) -> Future[Answer]:
        """For callers outside of `loop`."""
        version, payload = self._version(function, log), json.dumps(event).encode()
        header = self._traced(version, event, payload, request_id)
        return asyncio.run_coroutine_threadsafe(self._answer(version, payload, request_id, header), self.loop)

    async def _answer(self, version: FunctionVersion, event: bytes, request_id: str, header: str) -> Answer:
        try:
            running = self._runs(version).begin(version, event, request_id=request_id, trace_id=header)
        except Refused as refused:
            document = {"errorType": "RequestEntityTooLargeException", "errorMessage": str(refused)}
            made = Invocation(json.dumps(document).encode(), "Unhandled", request_id)
            recorder().ended(made)
        else:
            running.add_done_callback(_record)
            made = await running
        try:
            value = made.document()
        except ValueError:
            value = made.payload
        return Answer(value, failed=bool(made.error), tail=made.logs.decode("utf-8", "replace"))

    async def stream(self, function: Prepared, event: Any, *, request_id: str, log: Log) -> AsyncGenerator[bytes]:
        version, parts = self._version(function, log), asyncio.Queue[bytes | Exception | None](64)
        payload, here = json.dumps(event).encode(), asyncio.get_running_loop()
        header = self._traced(version, event, payload, request_id)

        async def put(part: bytes | Exception | None) -> None:
            if here is self.loop:
                await parts.put(part)
            else:
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(parts.put(part), here))

        pump = self._pump(version, payload, request_id, header, put)
        pumping = (asyncio.create_task(pump) if here is self.loop
                   else asyncio.run_coroutine_threadsafe(pump, self.loop))
        try:
            while (part := await parts.get()) is not None:
                if isinstance(part, Exception):
                    raise part
                yield part
        finally:
            pumping.cancel()    # nobody wants the rest, if there is one

    def retire(self, name: str) -> None:
        # known still: running calls have lines to write
        for arn in {version.arn for version in list(self._known) if version.name == name}:
            asyncio.run_coroutine_threadsafe(self._executor.retire(arn), self.loop)

    def attach(self, port: int, token: str) -> None:
        """A session of ``sst dev`` listens on that port: let it run what it wants to. Raises `OSError`."""
        self._attached = self._wait(Attached.to(port, token, self._on_lines))

    def task_heard(self, title: str, task: str, lines: Sequence[tuple[int, str]], code: int | None) -> None:
        """Show a session what a task says, or that it has ended."""
        if (attached := self._attached) and not attached.gone:
            message = {"task": title, "id": task, "lines": [text for _, text in lines], "code": code}
            asyncio.run_coroutine_threadsafe(attached.tell(message), self.loop)

    def notice(self, text: str) -> None:
        if self._attached and not self._attached.gone:
            asyncio.run_coroutine_threadsafe(self._attached.tell({"notice": text}), self.loop)

    def close(self) -> None:
        self._wait(self._executor.close())
        self.loop.call_soon_threadsafe(self.loop.stop)

    async def _pump(self, version: FunctionVersion, event: bytes, request_id: str, header: str,
                    put: Callable[[bytes | Exception | None], Awaitable[None]]) -> None:
        shown, made = bytearray(), None
        try:
            async with self._runs(version).stream(version, event, request_id=request_id,
                                                  trace_id=header) as streaming:
                if streaming.kind and streaming.kind != _HTTP:
                    await put(json.dumps({"statusCode": 200, "headers": {"content-type": streaming.kind}}).encode()
                              + _SEPARATOR)
                async for part in streaming:
                    shown += part[:SHOWN_BYTES - len(shown)]
                    await put(part)
                made = streaming.result
                if made and made.error:  # also in the middle: the response must not look complete
                    raise FunctionFailed(made.payload.decode("utf-8", "replace"))
                if made and not streaming.kind:
                    await put(made.payload)
                await put(None)
        except Exception as error:
            await put(error)
        finally:
            recorder().ended(made or Invocation(b"", "Unhandled", request_id), bytes(shown))

    def _traced(self, version: FunctionVersion, event: Any, payload: bytes, request_id: str) -> str:
        """The header that the function is started with: it goes on with the trace of what caused it."""
        causes = trace.headers_of(event, self._origins)
        root, parent = trace.parse(causes[0])
        root, span = root or trace.new_root(), trace.new_span()
        more = [trace.parse(cause)[1] for cause in causes[1:]]
        header = trace.header(root, span)
        trace.set_last_invocation(header)
        recorder().began(version, payload, request_id, trigger=trigger_in(event), trace=root, parent=parent, span=span,
                         causes=more, replay_of=trace.REPLAY.get())
        return header

    def _version(self, function: Prepared, log: Log) -> FunctionVersion:
        known = self._versions.get(id(function))
        if known and known[0] is function:
            return known[1]
        version = FunctionVersion(
            arn=function.arn, name=function.name, version=function.version, runtime=function.runtime,
            handler=function.handler,
            code=function.code, layers=function.layers, environment=tuple(sorted(function.environment.items())),
            timeout=function.timeout,
            memory=function.memory, log_group=function.log_group, log_format=function.log_format,
            packages=self._packages if function.runtime.startswith("python") else None, mounts=function.mounts)
        self._known[version] = self._by_arn[function.arn] = (function, log)
        if len(self._versions) >= _REMEMBERED:
            self._versions.clear()
        self._versions[id(function)] = function, version
        return version

    def _runs(self, version: FunctionVersion) -> Executor | Attached:
        return self._attached if self._attached and self._attached.runs(version) else self._executor

    def _on_lines(self, arn: str, sandbox: str, request_id: str, lines: list[tuple[int, str]]) -> None:
        if found := self._by_arn.get(arn):
            function, log = found
            log(function, sandbox, lines)
            recorder().lines(function.name, request_id, lines)

    def _on_log(self, made: LogLines) -> None:
        if found := self._known.get(made.function):
            function, log = found
            log(function, made.sandbox, made.lines)
            recorder().lines(function.name, made.request_id, made.lines)

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()


async def _to_its_end(running: asyncio.Future[T]) -> T:
    """A caller that is cancelled waits for the end all the same."""
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait((running,))
        raise


def _record(running: asyncio.Future[Invocation]) -> None:
    if not running.exception():
        recorder().ended(running.result())
