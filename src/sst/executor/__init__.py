"""Runs functions on this machine as Lambda does: real processes, timeouts, memory limits, errors, logs, streaming, warm
reuse.

One implementation for stage ``local`` and for ``sst dev``. It speaks Lambda's own Runtime API, so custom runtimes work
as they are.

    Executor    takes calls                          pool.py       which sandbox gets which call
    sandbox.py  one process: its life and its calls  launch.py     command and environment; interpreters.py
    api.py      the Runtime API                      output.py     what is printed
    report.py   START, END, REPORT, error documents
    source_client.py  for functions that run from source
    forks.py    starts them from a process that has imported their dependencies
"""
from __future__ import annotations

import asyncio
import json
import os
import shutil
import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from . import report
from .api import RuntimeApi
from .call import Call, Ending
from .forks import Forks
from .interpreters import Interpreters
from .model import GONE, FunctionVersion, Invocation, LogLines, OnFiles, OnLog, Refused, Stamp, stamp
from .pool import Pool
from .sandbox import RESPONSE_LIMIT, Sandbox

__all__ = ["GONE", "PAYLOAD_LIMIT", "Ending", "Executor", "FunctionVersion", "Invocation", "LogLines", "OnFiles",
           "OnLog", "Refused", "Stamp", "Streaming", "stamp"]

PAYLOAD_LIMIT = 6 * 1024 * 1024
"""Bytes of an event. An asynchronous call takes 1 MB; its caller sees to that."""
_WATCH_SECONDS = 0.05
_T = TypeVar("_T")


class Streaming:
    """A response on its way: iterate for the body's parts, as they come; then ``result`` is there.

    ``kind`` is its content type. With ``application/vnd.awslambda.http-integration-response`` the body begins with
    status, headers and cookies as JSON and eight zero bytes. A handler that does not stream has ``kind`` "", no parts,
    and all in ``result`` at once.
    """

    def __init__(self, kind: str, call: Call, running: Ending) -> None:
        self.kind, self._call, self._running = kind, call, running
        self.result: Invocation | None = None
        """None before the last part; its ``error`` is set if the response broke off."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self.kind and (part := await self._call.part()) is not None:
            yield part
        await self.end()

    async def end(self) -> None:
        """Wait for the function's end, whatever it still sends."""
        self._call.abandon()
        self.result = await asyncio.shield(self._running)


class Executor:
    """All sandboxes of one machine. Lives in the event loop it is started in.

        executor = Executor(folder=Path(".sst/local/run"), on_log=print)
        await executor.start()
        made = await executor.invoke(fn, b"{}")
        await executor.close()

    ``folder`` is its own: nothing else may be in it. ``host`` is of the user's environment, for finding interpreters
    alone: PATH, HOME, ``SST_PYTHON`` (the project's). ``limit``: so many processes at most; more calls wait.
    ``starting``: so many start at a time (default: two a processor). ``idle``: seconds after which an unused one is
    ended. ``freeze``: stop processes between calls (a debugger that waits in one could not be reached). ``on_files``
    hears what functions that have ``watch`` read, ``on_stale`` that one of these files is another now: sandboxes that
    have read it get no more calls.
    """

    def __init__(self, *, folder: Path, on_log: OnLog, host: Mapping[str, str] | None = None, limit: int = 200,
                 starting: int = 0,
                 idle: float = 300, freeze: bool = True, on_files: OnFiles = lambda fn, files: None,
                 on_stale: Callable[[FunctionVersion, str], None] = lambda fn, path: None) -> None:
        self._folder, self._on_log, self._idle, self._freeze, self._on_files = folder, on_log, idle, freeze, on_files
        self._on_stale = on_stale
        self._interpreters = Interpreters(host or {})
        self._api = RuntimeApi()
        self._forks = Forks(folder)
        self._pool = Pool(self._make, limit=limit, starting=starting or 2 * (os.cpu_count() or 1), idle=idle)
        self._closing = False
        self._busy: set[Sandbox] = set()
        self._work = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._calls: set[asyncio.Future[Invocation]] = set()
        self._always: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Open the Runtime API; clear what an executor that was killed left in the folder."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.rmtree(self._folder / "tmp", ignore_errors=True)
        await self._api.start()
        self._always = [asyncio.create_task(work) for work in (self._reap(), self._watch_memory())]

    async def invoke(self, fn: FunctionVersion, payload: bytes, *, request_id: str = "",
                     credentials: Mapping[str, str] | None = None,
                     client_context: str = "", trace_id: str = "") -> Invocation:
        """Call a function and wait for its answer; a streamed response is put together.

        ``credentials`` are variables on top of the function's own; sandboxes are shared by calls that have the same. A
        call that is cancelled runs to its end, as on Lambda. Raises `Refused` over 6 MB of payload, `ValueError` if
        ``client_context`` is no JSON.
        """
        return await asyncio.shield(self.begin(fn, payload, request_id=request_id, credentials=credentials,
                                               client_context=client_context, trace_id=trace_id))

    def begin(self, fn: FunctionVersion, payload: bytes, *, request_id: str = "",
              credentials: Mapping[str, str] | None = None, client_context: str = "",
              trace_id: str = "") -> Ending:
        """Call a function: see `invoke`. Whoever is cancelled while he waits for this end learns of it then."""
        return self._begin(_with(fn, credentials), self._call(payload, request_id, client_context, trace_id))

    @asynccontextmanager
    async def stream(self, fn: FunctionVersion, payload: bytes, *, request_id: str = "",
                     credentials: Mapping[str, str] | None = None,
                     client_context: str = "", trace_id: str = "") -> AsyncIterator[Streaming]:
        """Call a function whose response may come in parts. Leaving early does not end the function; it waits for the
        function's end.

            async with executor.stream(fn, b"{}") as response:
                async for part in response: ...
        """
        call = self._call(payload, request_id, client_context, trace_id, streaming=True)
        running = self._begin(_with(fn, credentials), call)
        streaming = Streaming(await call.opened, call, running)
        try:
            if not streaming.kind:
                streaming.result = await asyncio.shield(running)
            yield streaming
        finally:
            await streaming.end()

    async def retire(self, arn: str) -> None:
        """End the sandboxes of a function: it was changed or deleted. Running calls are finished."""
        self._pool.retire(arn)

    async def prepare(self, fn: FunctionVersion) -> bytes | None:
        """Have a warm sandbox, before somebody calls. Gives the error document if the function's init fails, else None.

        Raises `OSError` or `ValueError` if nothing here runs it.
        """
        sandbox = await self._pool.take(fn)
        error = await sandbox.ready
        if error is not None:
            sandbox.kill()
        self._pool.give(sandbox)
        return error

    async def close(self) -> None:
        """End everything, running calls too."""
        self._closing = True
        await self._pool.close()
        await self._forks.close()
        while running := (*self._tasks, *self._calls):
            await asyncio.gather(*running, return_exceptions=True)
        for task in self._always:
            task.cancel()
        await asyncio.gather(*self._always, return_exceptions=True)
        self._api.close()

    def _call(self, payload: bytes, request_id: str, client_context: str, trace_id: str, *,
              streaming: bool = False) -> Call:
        if len(payload) > PAYLOAD_LIMIT:
            raise Refused(f"Request must be smaller than {PAYLOAD_LIMIT} bytes for the InvokeFunction operation")
        if self._closing:
            raise Refused("the executor is closing")
        context = json.dumps(json.loads(client_context)) if client_context else ""  # in ASCII, for a header
        return Call(payload, request_id or str(uuid.uuid4()), client_context=context, trace_id=trace_id,
                    streaming=streaming)

    def _make(self, fn: FunctionVersion) -> Sandbox:
        return Sandbox(fn, api=self._api, folder=self._folder, interpreters=self._interpreters, on_log=self._on_log,
                       on_files=self._on_files, forks=self._forks, freeze=self._freeze)

    def _begin(self, fn: FunctionVersion, call: Call) -> Ending:
        """Where a sandbox is warm, the call goes there at once, without a task."""
        ending = Ending()
        self._calls.add(ending)
        ending.add_done_callback(self._calls.discard)
        sandbox = self._pool.warm(fn)
        if sandbox and not self._is_stale(sandbox):
            self._run(sandbox, call, ending)
        else:
            self._task(self._run_later(fn, call, ending))
        return ending

    async def _run_later(self, fn: FunctionVersion, call: Call, ending: Ending) -> None:
        try:
            while self._is_stale(sandbox := await self._pool.take(fn)):
                pass
        except Exception as error:
            self._fail(call, ending, error)
        else:
            self._run(sandbox, call, ending)

    def _is_stale(self, sandbox: Sandbox) -> bool:
        """Whether it has read what is no longer on the disk; then it gets no calls any more."""
        if not (path := sandbox.stale()):
            return False
        self._pool.retire(sandbox.fn.arn)
        self._pool.give(sandbox)
        self._on_stale(sandbox.fn, path)
        return True

    def _run(self, sandbox: Sandbox, call: Call, ending: Ending) -> None:
        def done(made: Invocation | Exception) -> None:
            if sandbox.rests.done():
                self._free(sandbox)
            else:
                self._task(self._free_later(sandbox))
            if isinstance(made, Exception):
                return self._fail(call, ending, made)
            if not made.error and (parts := call.whole()):
                large = len(parts) > RESPONSE_LIMIT
                made.payload, made.error = (sandbox.too_large(), "Unhandled") if large else (parts, "")
            ending.set_result(made)

        self._busy.add(sandbox)
        self._work.set()
        sandbox.begin(call, done)

    def _fail(self, call: Call, ending: Ending, error: Exception) -> None:
        if isinstance(error, OSError | ValueError):  # nothing runs it; a variable that no process can have
            document = report.document("Runtime.InvalidEntrypoint", f"RequestId: {call.request_id} Error: {error}")
            ending.set_result(Invocation(document, "Unhandled", call.request_id))
        else:
            ending.set_exception(error)
            if self._closing:
                ending.exception()  # who asked may be gone: nobody else takes it
        call.end(b"", failed=True)  # whoever waits for it must not wait for ever

    def _free(self, sandbox: Sandbox) -> None:
        self._busy.discard(sandbox)
        self._pool.give(sandbox)

    async def _free_later(self, sandbox: Sandbox) -> None:
        """Its answer is there, but it still does something."""
        await asyncio.wait((sandbox.rests,), timeout=sandbox.fn.timeout)
        if not sandbox.rests.done():
            sandbox.kill()
        self._free(sandbox)

    def _task(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _watch_memory(self) -> None:
        while True:
            if not self._busy:
                self._work.clear()
                await self._work.wait()
            began = time.monotonic()
            for sandbox in list(self._busy):
                sandbox.check_memory()
            await asyncio.sleep(max(_WATCH_SECONDS, 24 * (time.monotonic() - began)))

    async def _reap(self) -> None:
        while True:
            await asyncio.sleep(min(15.0, self._idle))
            self._pool.reap()


def _with(fn: FunctionVersion, credentials: Mapping[str, str] | None) -> FunctionVersion:
    return replace(fn, environment=(*fn.environment, *sorted(credentials.items()))) if credentials else fn
