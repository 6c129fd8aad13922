"""The executor as the emulator's runner: an event loop in a thread of its own, called from the emulator's threads.

While ``sst dev`` is attached, its functions run there instead.
"""
from __future__ import annotations

import asyncio
import json
import queue
import sys
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

from sst.embedded.bridge import Answer, Log
from sst.embedded.functions import Prepared
from sst.embedded.live import Attached
from sst.embedded.settings import Settings
from sst.executor import Executor, FunctionVersion, LogLines, Refused

__all__ = ["ExecutorRunner", "FunctionFailed"]

T = TypeVar("T")
_HTTP = "application/vnd.awslambda.http-integration-response"
_SEPARATOR = b"\0" * 8


class FunctionFailed(Exception):
    """A streamed invocation failed, before its first byte or after."""


class ExecutorRunner:
    """See `bridge.Runner`."""

    def __init__(self, settings: Settings) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="executor", daemon=True).start()
        self._known: dict[FunctionVersion, tuple[Prepared, Log]] = {}
        self._by_arn: dict[str, tuple[Prepared, Log]] = {}
        self._attached: Attached | None = None
        packages = Path(sys.prefix) / "functions"
        self._packages = packages if packages.is_dir() else None
        self._executor = Executor(folder=settings.folder / "run", on_log=self._on_log, host=settings.host)
        self._wait(self._executor.start())

    def invoke(self, function: Prepared, event: bytes, *, request_id: str, log: Log) -> Answer:
        version = self._version(function, log)
        try:
            made = self._wait(self._runs(version).invoke(version, event, request_id=request_id))
        except Refused as refused:
            document = {"errorType": "RequestEntityTooLargeException", "errorMessage": str(refused)}
            return Answer(json.dumps(document).encode(), failed=True)
        return Answer(made.payload, failed=bool(made.error), tail=made.logs.decode("utf-8", "replace"))

    def stream(self, function: Prepared, event: bytes, *, request_id: str, log: Log) -> Iterator[bytes]:
        version, parts = self._version(function, log), queue.Queue[bytes | Exception | None](64)
        pumping = asyncio.run_coroutine_threadsafe(self._pump(version, event, request_id, parts), self._loop)
        try:
            while (part := parts.get()) is not None:
                if isinstance(part, Exception):
                    raise part
                yield part
        except GeneratorExit:  # nobody wants the rest
            pumping.cancel()
            raise

    def retire(self, name: str) -> None:
        # known still: running calls have lines to write
        for arn in {version.arn for version in list(self._known) if version.name == name}:
            asyncio.run_coroutine_threadsafe(self._executor.retire(arn), self._loop)

    def attach(self, port: int, token: str) -> None:
        """A session of ``sst dev`` listens on that port: let it run what it wants to. Raises `OSError`."""
        self._attached = self._wait(Attached.to(port, token, self._on_lines))

    def close(self) -> None:
        self._wait(self._executor.close())
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _pump(self, version: FunctionVersion, event: bytes, request_id: str,
                    parts: queue.Queue[bytes | Exception | None]) -> None:
        async def put(part: bytes | Exception | None) -> None:
            while True:
                try:
                    return parts.put_nowait(part)
                except queue.Full:  # the reader is slow: so are we
                    await asyncio.sleep(0.01)

        try:
            async with self._runs(version).stream(version, event, request_id=request_id) as streaming:
                if streaming.kind and streaming.kind != _HTTP:
                    await put(json.dumps({"statusCode": 200, "headers": {"content-type": streaming.kind}}).encode()
                              + _SEPARATOR)
                async for part in streaming:
                    await put(part)
                made = streaming.result
                if made and made.error:  # also in the middle: the response must not look complete
                    raise FunctionFailed(made.payload.decode("utf-8", "replace"))
                if made and not streaming.kind:
                    await put(made.payload)
                await put(None)
        except Exception as error:
            await put(error)

    def _version(self, function: Prepared, log: Log) -> FunctionVersion:
        version = FunctionVersion(
            arn=function.arn, name=function.name, version=function.version, runtime=function.runtime,
            handler=function.handler,
            code=function.code, layers=function.layers, environment=tuple(sorted(function.environment.items())),
            timeout=function.timeout,
            memory=function.memory, log_group=function.log_group, log_format=function.log_format,
            packages=self._packages if function.runtime.startswith("python") else None)
        self._known[version] = self._by_arn[function.arn] = (function, log)
        return version

    def _runs(self, version: FunctionVersion) -> Executor | Attached:
        return self._attached if self._attached and self._attached.runs(version) else self._executor

    def _on_lines(self, arn: str, sandbox: str, lines: list[tuple[int, str]]) -> None:
        if found := self._by_arn.get(arn):
            function, log = found
            log(function, sandbox, lines)

    def _on_log(self, made: LogLines) -> None:
        if found := self._known.get(made.function):
            function, log = found
            log(function, made.sandbox, made.lines)

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
