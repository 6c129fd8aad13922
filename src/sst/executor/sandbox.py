"""One process that runs one function, one invocation at a time."""
from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from ..machine.lifeline import KERNEL, Lifeline
from ..machine.memory import over, peak_mb
from . import report
from .api import Chunked, Deliver, Door, RuntimeApi
from .call import Call
from .forks import Forked, Forks
from .interpreters import Interpreters
from .launch import Launch, launch
from .model import FunctionVersion, Invocation, LogLines, OnFiles, OnLog, Stamp, stamp
from .output import Output

__all__ = ["Sandbox"]

INIT_SECONDS = 10.0
"""An init may take so long, or as long as the function's timeout if that is more."""
RESPONSE_LIMIT = 6 * 1024 * 1024 + 100
STREAM_LIMIT = 200 * 1024 * 1024
TAIL = 4096
_AFTER_SECONDS = 0.05
"""So long an answer is held back for what the process still prints; usually it asks for the next call at once."""
_YOUNG_SECONDS = 0.04
"""A call that has just begun is not looked at while it runs, see `Sandbox.check_memory`."""
_FREEZE_SECONDS = 0.1
"""So long after a call a process may run on: if the next one comes soon, it is not stopped in between."""
_DYING_SECONDS = 0.5
"""So long after its connection a process may end."""

Done: TypeAlias = Callable[[Invocation | Exception], None]


class Sandbox:
    """Start it, wait for its `ready`, then `begin` one call after the other. A dead one is thrown away.

    Between invocations the process is stopped, as on Lambda: what it left running in the background goes on with the
    next call.
    """

    def __init__(self, fn: FunctionVersion, *, api: RuntimeApi, folder: Path, interpreters: Interpreters, on_log: OnLog,
                 on_files: OnFiles, forks: Forks, freeze: bool = True) -> None:
        self.fn, self._api, self._folder, self._interpreters = fn, api, folder, interpreters
        self._on_log, self._on_files, self._forks = on_log, on_files, forks
        self._made: Launch | None = None
        self._modules: Sequence[str] = ()
        self._read: dict[str, Stamp] = {}
        self._freeze = freeze and KERNEL  # elsewhere a stopped process could not notice that its parent is gone
        self.id = uuid.uuid4().hex
        self.dead = self.retired = False
        self.used_at = time.monotonic()
        self.ready: asyncio.Future[bytes | None] = asyncio.get_running_loop().create_future()
        """The end of its init: None, or the error document."""
        self.ended: asyncio.Task[None] | None = None
        """Done once the process is gone and nothing is left of it."""
        self.rests: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """The end of what it does for a call: it asks for the next one, or is gone."""
        self._temp = folder / "tmp" / self.id
        self._process: asyncio.subprocess.Process | Forked | None = None
        self._door: Door | None = None
        self._call: Call | None = None
        self._next: Call | None = None
        self._asks: Deliver | None = None
        """Who has asked for the next call; ``_next`` waits where nobody has."""
        self._done: Done | None = None
        self._invocation = Invocation(b"")
        self._concluding: asyncio.TimerHandle | None = None
        self._init_ms = self._began = 0.0
        self._cold, self._stopped, self._over_memory = True, False, False
        self._tail: list[str] = []
        self._stopping: asyncio.TimerHandle | None = None
        self._ending: asyncio.TimerHandle | None = None
        """Timers cost: one that goes off too early is set again for the rest, and a call sets none while one is set."""
        self._rested_at = self._deadline = 0.0
        self._timed_out: int | None = None
        """The peak memory (MB) of a process that was killed because its call took too long."""
        self._held: list[tuple[int, str]] = []
        self._holds = False

    # life

    async def start(self) -> None:
        """Start the process. Raises `OSError` if nothing here runs it."""
        self._temp.mkdir(parents=True, mode=0o700)
        fn, began = self.fn, time.monotonic()
        self._door = await self._api.admit(self, ours=fn.runtime.startswith(("python", "nodejs")))
        stream = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{fn.version}]{self.id}"
        self._lifeline, self._output = Lifeline(), Output(self._heard)
        try:
            made = launch(fn, api=self._door.address, temp=self._temp, cache=self._folder, stream=stream,
                          interpreters=self._interpreters)
            if made.warning:
                self._say([made.warning])
            self._made = made
            self._process = await self._forks.fork(fn, made, self._output.give, self._lifeline.give) or \
                await asyncio.create_subprocess_exec(
                    *made.command, cwd=fn.code, env={**made.environment, **self._lifeline.environment},
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=self._output.give, stderr=self._output.give, pass_fds=(self._lifeline.give,),
                    start_new_session=True)
            self._lifeline.hold(self._process.pid)
        except BaseException:
            self._close()
            shutil.rmtree(self._temp, ignore_errors=True)
            raise
        self._output.given()
        self.ended = asyncio.create_task(self._until_exit(self._process, began))

    async def _until_exit(self, process: asyncio.subprocess.Process | Forked, began: float) -> None:
        limit = max(INIT_SECONDS, self.fn.timeout)
        exited = asyncio.ensure_future(process.wait())
        either: list[asyncio.Future[Any]] = [exited, self.ready]
        await asyncio.wait(either, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        self._init_ms = (time.monotonic() - began) * 1000
        if self._made and self.ready.done() and self.ready.result() is None:
            self._forks.learned(self.fn, self._made, self._modules, self._init_ms)
        if not self.ready.done() and not exited.done():
            self.ready.set_result(report.document("Sandbox.Timedout",
                                                  f"Error: Task timed out after {limit:.2f} seconds"))
            self.kill()
        code = await exited
        self._close()
        if not self.ready.done():
            self.ready.set_result(report.died("", code, memory=self._over_memory)[1])
        if (call := self._call) and not call.ended.done():
            _, error, lines = report.died(call.request_id, code, memory=self._over_memory)
            self._say(lines.split("\n"))
            call.end(error, failed=True)
        try:
            self._temp.rmdir()
        except OSError:  # it may hold a lot
            await asyncio.to_thread(shutil.rmtree, self._temp, ignore_errors=True)

    def stale(self) -> str:
        """A file that is no longer what it has read, or ""."""
        return next((path for path, was in self._read.items() if stamp(path) != was), "")

    def kill(self) -> None:
        """End the process and all it started."""
        self.dead = True
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    def _close(self) -> None:
        self.dead = True
        self._rest()
        for timer in (self._stopping, self._ending):
            if timer:
                timer.cancel()
        if self._door:
            self._door.close()
        if asks := self._asks:
            self._asks = None
            asks(None)
        self._lifeline.cut()
        if self._process:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # what it left behind
                os.killpg(self._process.pid, signal.SIGKILL)
        self._output.end()

    # work

    def begin(self, call: Call, done: Done) -> None:
        """Run one call; ``done`` gets what came of it, at its end. The sandbox must be ready."""
        self._call, self._done, cold = call, done, self._cold
        self._cold = False
        self._invocation = Invocation(b"", request_id=call.request_id, cold=cold, init_ms=self._init_ms if cold else 0)
        self._output.read()
        self._say([report.before(self.fn, call.request_id)], hold=True)
        self._began = time.monotonic()
        if error := self.ready.result():
            self._say(report.died_at_start(call.request_id, error))
            self.kill()
            call.end(error, failed=True)
            return self._conclude(status="error")
        self.rests = asyncio.get_running_loop().create_future()
        self._next = call
        call.ended.add_done_callback(self._settle)
        self._hand_over()
        self._end_at(self._began + self.fn.timeout)

    def _settle(self, _: object = None) -> None:
        """Conclude the call if it has ended, once the process rests: it may still print for a moment."""
        if self._call is None or not self._call.ended.done():
            return
        if self._timed_out is not None or self.rests.done():
            self._conclude()
        elif self._concluding is None:
            self._concluding = asyncio.get_running_loop().call_later(_AFTER_SECONDS, self._conclude)

    def _conclude(self, status: str = "") -> None:
        if self._concluding:
            self._concluding.cancel()
            self._concluding = None
        call, done = self._call, self._done
        assert call and done
        try:
            made: Invocation | Exception = self._concluded(call, self._invocation, status)
        except Exception as error:  # the caller gets it
            made = error
        self._call, self._timed_out, self._tail, self.used_at = None, None, [], time.monotonic()
        done(made)

    def _concluded(self, call: Call, made: Invocation, status: str) -> Invocation:
        fn = self.fn
        made.duration_ms = (time.monotonic() - self._began) * 1000
        made.max_memory_mb = self._peak() or (fn.memory if self._over_memory else 0)
        if self._timed_out is not None:
            status, made.duration_ms, made.max_memory_mb = "timeout", fn.timeout * 1000, self._timed_out
        elif made.max_memory_mb > fn.memory and not self.dead:  # too fast for the watcher; Lambda would have killed it
            self._over_memory = True
            self.kill()
            made.max_memory_mb = fn.memory
        (payload, failed), made.causes = call.ended.result(), call.causes
        if self._over_memory and not failed:
            _, payload, lines = report.died(call.request_id, -9, memory=True)
            self._say(lines.split("\n"))
            failed = True
        self._finish(made, payload, failed=failed, status=status or ("error" if self.dead and failed else ""))
        return made

    def _end_at(self, deadline: float) -> None:
        self._deadline = deadline
        if self._ending is None:
            self._ending = asyncio.get_running_loop().call_later(deadline - time.monotonic(), self._time_out)

    def _time_out(self) -> None:
        """End the call that runs, if it is its time."""
        call, self._ending = self._call, None
        if call is None or call.ended.done():
            return
        if time.monotonic() < self._deadline:
            return self._end_at(self._deadline)
        self._timed_out = self._peak()
        self.kill()
        payload, line = report.timed_out(self.fn.timeout, call.request_id)
        self._output.read(all=True)
        self._say([line])
        call.end(payload, failed=True)

    def _finish(self, made: Invocation, payload: bytes, *, failed: bool, status: str) -> None:
        self._holds = True
        self._output.read(all=True)
        self._holds = False
        kind = str(json.loads(payload).get("errorType", "")) if status == "error" else ""
        self._say(report.after(self.fn, made, status, kind))
        made.payload, made.error = payload, "Unhandled" if failed else ""
        made.logs = "".join(f"{text}\n" for text in self._tail).encode()[-TAIL:]

    def _peak(self) -> int:
        return peak_mb(self._process.pid) if self._process and not self.dead else 0

    def check_memory(self) -> None:
        """Kill it if it uses more memory than the function has; hand on what was held back. The end of a call does
        both, so that most are too short for this."""
        if self._call and time.monotonic() - self._began < _YOUNG_SECONDS:
            return
        self._say([])
        if self._process and not self.dead and over(self._process.pid, self.fn.memory):
            self._over_memory = True
            self.kill()

    # what the Runtime API calls

    def ask(self, deliver: Deliver) -> None:
        if not self.ready.done():
            self.ready.set_result(None)
        self._rest()
        if self.dead:
            deliver(None)
            return
        if asked := self._asks:     # by a connection that is gone: nothing else asks twice
            asked(None)
        self._asks = deliver
        if self._freeze and self._next is None:
            self._rested_at = time.monotonic()
            if self._stopping is None:
                self._stopping = asyncio.get_running_loop().call_later(_FREEZE_SECONDS, self._stop)
        self._hand_over()

    def _stop(self) -> None:
        """Stop the process, if it has rested for long enough."""
        self._stopping = None
        if self._asks is None or self.dead:
            return
        if (left := self._rested_at + _FREEZE_SECONDS - time.monotonic()) > 0:
            self._stopping = asyncio.get_running_loop().call_later(left, self._stop)
            return
        self._stopped = True
        self._signal(signal.SIGSTOP)

    def unask(self, deliver: Deliver) -> None:
        if self._asks == deliver:
            self._asks = None

    def _hand_over(self) -> None:
        """Give the call that waits to the one who has asked, once both are there."""
        call, deliver = self._next, self._asks
        if call is None or deliver is None:
            return
        self._next = self._asks = None
        self._go_on()
        headers = {"Lambda-Runtime-Aws-Request-Id": call.request_id, "Lambda-Runtime-Invoked-Function-Arn": self.fn.arn,
                   "Lambda-Runtime-Deadline-Ms": str(int((time.time() + self.fn.timeout) * 1000)),
                   "Lambda-Runtime-Trace-Id": call.trace_id
                   or f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0"}
        if call.client_context:
            headers["Lambda-Runtime-Client-Context"] = call.client_context
        deliver((headers, call.payload))

    def _go_on(self) -> None:
        if self._stopped:
            self._stopped = False
            self._signal(signal.SIGCONT)

    def _rest(self) -> None:
        if not self.rests.done():
            self.rests.set_result(None)
            self._settle()

    def has_read(self, files: Mapping[str, Stamp], modules: Sequence[str]) -> None:
        self._modules = modules
        for path, found in files.items():
            self._read.setdefault(path, found)  # what was read first is what is in its memory
        if not self.retired:  # what an old one reads says nothing about the next
            self._on_files(self.fn, files)

    def init_failed(self, error: bytes) -> None:
        if not self.ready.done():
            self.ready.set_result(error)

    def answered(self, request_id: str, payload: bytes | None, *, failed: bool, causes: str = "") -> bool:
        call = self._call
        if call is None or call.request_id != request_id:
            return False
        if payload is None:
            payload, failed = self.too_large(), True
        call.causes = causes
        call.end(payload, failed=failed)
        return True

    def too_large(self) -> bytes:
        """The error of an answer that is too large in one piece; the log has what can be done."""
        self._say([report.IN_PARTS])
        return report.too_large(RESPONSE_LIMIT)

    async def streamed(self, request_id: str, kind: str, body: Chunked) -> bool:
        call, size = self._call, 0
        if call is None or call.request_id != request_id:
            return False
        call.open(kind or "application/octet-stream")
        try:
            async for chunk in body:
                size += len(chunk)
                if size > STREAM_LIMIT:
                    call.end(report.too_large(STREAM_LIMIT), failed=True)
                    raise ConnectionResetError
                await call.put(chunk)
        except (OSError, asyncio.IncompleteReadError, ValueError):
            if self.ended:  # if it died, that is what happened
                await asyncio.wait((self.ended,), timeout=_DYING_SECONDS)
            if not self.dead:
                call.end(report.document("Runtime.TruncatedResponse", "the response ended in the middle"), failed=True)
            raise
        call.end(body.error or b"", failed=body.error is not None)
        return True

    # output

    def _heard(self, texts: list[str]) -> None:
        """What is printed during a call waits for the call's end, or until `check_memory` is next."""
        self._say(texts, hold=self._call is not None)

    def _say(self, texts: list[str], *, hold: bool = False) -> None:
        """``hold``: the lines may wait for the next ones, a moment at most; to hand lines on costs more than a line."""
        now = int(time.time() * 1000)
        if self._call or self._cold:
            self._tail += texts
            if len(self._tail) > 2 * TAIL:
                self._tail = self._tail[-TAIL:]
        self._held += ((now, text) for text in texts)
        if self._held and not hold and not self._holds:
            lines, self._held = tuple(self._held), []
            self._on_log(LogLines(self.fn, self.id, lines, self._call.request_id if self._call else ""))
