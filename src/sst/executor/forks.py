"""Processes that have imported a function's dependencies already, and fork: a new sandbox then only has to import the
user's own code.

One such process a function, and only for functions whose init takes its time. Dependencies that need the project while
they are imported are left to the sandbox. On Linux only. A fork has the memory, the
standard streams and the environment of a process that was started for it, and nothing of the user's modules.
"""
from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ..machine.lifeline import KERNEL, Lifeline
from ..machine.process import ended_descriptor
from .launch import Launch
from .model import FunctionVersion

__all__ = ["Forked", "Forks"]

WORTH_MS = 100.0
"""An init that is shorter is left alone."""
_KEPT = 12
"""So many functions have one at most: those whose code was started last."""
_ATTEMPTS = 3
"""So often one is started, each time without what could not be imported."""
_OF_ONE = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API",
           "AWS_LAMBDA_LOG_STREAM_NAME",
           "HOME", "TMPDIR", "_X_AMZN_TRACE_ID")
"""Variables that differ from process to process; the others may have been read by a module while it was imported."""


class Forked:
    """A process that was forked; to its sandbox the same as one that was started."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def wait(self) -> int:
        return await asyncio.shield(self._ended)

    def over(self, code: int) -> None:
        self.returncode = code
        if not self._ended.done():
            self._ended.set_result(code)

    def orphaned(self) -> None:
        """Its parent is gone: that it ends can still be seen, how it ends can't."""
        handle = ended_descriptor(self.pid)
        if handle is None:
            return self.over(-9)
        loop = asyncio.get_running_loop()

        def ended() -> None:
            loop.remove_reader(handle)
            os.close(handle)
            self.over(-9)

        loop.add_reader(handle, ended)


class Forks:
    """``learned`` from a sandbox what a function imports; ``fork`` when the next one is needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parents: OrderedDict[str, _Parent] = OrderedDict()
        self._tasks: set[asyncio.Future[Any]] = set()

    def learned(self, fn: FunctionVersion, made: Launch, modules: Sequence[str], init_ms: float) -> None:
        """A sandbox took so long to start. Have the next one forked, if that is worth it."""
        if not KERNEL or fn.debug or init_ms < WORTH_MS or not modules:
            return
        known = self._parents.get(fn.arn)
        if known and known.facts == _facts(made) and known.modules >= set(modules):
            return
        self._forget(fn.arn)
        parent = self._parents[fn.arn] = _Parent(_facts(made), frozenset(modules), self._keep)
        self._keep(asyncio.create_task(self._start(parent, fn, made, list(modules))))
        while len(self._parents) > _KEPT:
            self._forget(next(iter(self._parents)))

    async def _start(self, parent: _Parent, fn: FunctionVersion, made: Launch, modules: list[str]) -> None:
        for _ in range(_ATTEMPTS):
            refused = await parent.start(made, modules, fn.code, self._folder)
            if not refused or self._parents.get(fn.arn) is not parent:
                return
            modules = [m for m in modules if m not in refused]
            parent = self._parents[fn.arn] = _Parent(parent.facts, parent.modules, self._keep)

    async def fork(self, fn: FunctionVersion, made: Launch, output: int, lifeline: int) -> Forked | None:
        """A process for a sandbox; None if there is nothing to fork from."""
        parent = self._parents.get(fn.arn)
        if parent is None or not parent.ready or parent.facts != _facts(made):
            return None
        self._parents.move_to_end(fn.arn)
        return await parent.fork(made, fn.code, output, lifeline)

    async def close(self) -> None:
        for arn in list(self._parents):
            self._forget(arn)
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _keep(self, task: asyncio.Future[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _forget(self, arn: str) -> None:
        if parent := self._parents.pop(arn, None):
            parent.end()


class _Parent:
    """The process that forks."""

    def __init__(self, facts: object, modules: frozenset[str], reaped: Callable[[asyncio.Future[Any]], None]) -> None:
        self.facts, self.modules, self.ready, self._reaped = facts, modules, False, reaped
        self._children: dict[int, Forked] = {}
        self._asked = asyncio.Lock()
        self._answer: asyncio.Future[dict[str, Any]] | None = None
        self._line: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._lifeline: Lifeline | None = None
        self._rest = b""
        self._over = False

    async def start(self, made: Launch, modules: Sequence[str], code: Path, folder: Path) -> Sequence[str]:
        """Have it import modules. Those that it can't: it has ended then."""
        self._line, theirs = socket.socketpair()
        self._line.setblocking(False)
        self._lifeline = Lifeline()
        environment = {**made.environment, "SST_FORK": str(theirs.fileno()), "HOME": str(folder), "TMPDIR": str(folder),
                       **self._lifeline.environment}
        try:
            self._process = subprocess.Popen(made.command, cwd=code, env=environment, stdin=subprocess.DEVNULL,
                                             stdout=subprocess.DEVNULL,
                                             stderr=subprocess.DEVNULL, start_new_session=True,
                                             pass_fds=(theirs.fileno(), self._lifeline.give))
        except OSError:
            self.end()
            return ()
        finally:
            theirs.close()
        self._lifeline.hold(self._process.pid)
        asyncio.get_running_loop().add_reader(self._line, self._hear)
        answer = await self._ask({"modules": list(modules)})
        self.ready = bool(answer.get("ready"))
        if not self.ready:  # with nothing refused, a module starts threads: never for this function, then
            self.end()
        return list(answer.get("refused", ()))

    async def fork(self, made: Launch, code: Path, output: int, lifeline: int) -> Forked | None:
        answer = await self._ask({"environment": made.environment, "folder": str(code)}, (output, lifeline))
        return self._children.get(answer.get("pid", 0))

    def end(self) -> None:
        """Children live on: each has its own sandbox."""
        self.ready = False
        if self._over:
            return
        if self._line and not self._children:
            self._close()
        elif self._line:
            self._over = True  # until the last child has ended: only its parent learns how

    async def _ask(self, message: dict[str, Any], fds: Sequence[int] = ()) -> dict[str, Any]:
        async with self._asked:
            if self._line is None:
                return {}
            loop = asyncio.get_running_loop()
            self._answer = loop.create_future()
            body = json.dumps(message).encode() + b"\n"
            try:
                sent = socket.send_fds(self._line, [body], list(fds))
                await loop.sock_sendall(self._line, body[sent:])
            except OSError:
                self._close()
                return {}
            return await self._answer

    def _hear(self) -> None:
        assert self._line
        try:
            data = self._line.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close()
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "ended" in message:
                if child := self._children.pop(message["ended"], None):
                    child.over(message["code"])
                if self._over and not self._children:
                    self._close()
                    return
                continue
            if "pid" in message:
                self._children[message["pid"]] = Forked(message["pid"])
            if self._answer and not self._answer.done():
                self._answer.set_result(message)

    def _close(self) -> None:
        self.ready, self._over = False, True
        if self._line is None:
            return
        asyncio.get_running_loop().remove_reader(self._line)
        self._line.close()
        self._line = None
        if self._answer and not self._answer.done():
            self._answer.set_result({})
        for child in self._children.values():
            child.orphaned()
        if self._lifeline:
            self._lifeline.cut()
        if self._process:
            self._process.kill()
            self._reaped(asyncio.get_running_loop().run_in_executor(None, self._process.wait))


def _facts(made: Launch) -> object:
    """What a fork has in common with its parent."""
    return tuple(made.command), tuple(sorted((k, v) for k, v in made.environment.items() if k not in _OF_ONE))

