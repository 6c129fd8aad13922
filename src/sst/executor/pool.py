"""Which sandbox gets which call: warm ones are used again, new ones are started, idle ones are ended."""
from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable

from .model import FunctionVersion, Refused
from .sandbox import Sandbox

__all__ = ["Pool"]

_START_SECONDS = 1.0
"""An init that takes longer is waiting for something else than the processor: others may start meanwhile."""


class Pool:
    """At most ``limit`` sandboxes, of which ``starting`` start at a time; calls over that wait for their turn.

    A call that waits takes whatever comes first: a new sandbox or one that has become free.
    """

    def __init__(self, make: Callable[[FunctionVersion], Sandbox], *, limit: int, starting: int, idle: float) -> None:
        self._make, self._limit, self._slots, self._idle = make, limit, starting, idle
        self._warm: dict[FunctionVersion, list[Sandbox]] = {}
        self._waiting: dict[FunctionVersion, deque[asyncio.Future[Sandbox]]] = {}
        self._coming: Counter[FunctionVersion] = Counter()
        self._starts: set[asyncio.Task[None]] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self._all: set[Sandbox] = set()

    def warm(self, fn: FunctionVersion) -> Sandbox | None:
        """A ready sandbox for one call: the warm one that was used last, if there is one."""
        warm = self._warm.get(fn)
        while warm:
            sandbox = warm.pop()
            if not sandbox.dead:
                return sandbox
            self._all.discard(sandbox)
        return None

    async def take(self, fn: FunctionVersion) -> Sandbox:
        """The same, or a new one. Raises `OSError` or `ValueError` if none can be started."""
        if sandbox := self.warm(fn):
            return sandbox
        mine: asyncio.Future[Sandbox] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(fn, deque()).append(mine)
        self._start_more()
        return await mine

    def give(self, sandbox: Sandbox) -> None:
        """A sandbox is free again."""
        if sandbox.dead or sandbox.retired:
            self._drop(sandbox)
        elif waiting := self._waiting.get(sandbox.fn):
            return self._next(sandbox.fn, waiting).set_result(sandbox)
        else:
            self._warm.setdefault(sandbox.fn, []).append(sandbox)
        self._start_more()  # there may be place now

    def retire(self, arn: str) -> None:
        """No more calls for these; running ones end by themselves."""
        for sandbox in self._all:
            sandbox.retired |= sandbox.fn.arn == arn
        for fn in [f for f in self._warm if f.arn == arn]:
            self._drop(*self._warm.pop(fn))

    def reap(self) -> None:
        """End what has not been used for long."""
        old = time.monotonic() - self._idle
        for fn, kept in list(self._warm.items()):
            self._drop(*(s for s in kept if s.dead or s.used_at < old))
            self._warm[fn] = [s for s in kept if s in self._all]
            if not self._warm[fn]:
                del self._warm[fn]

    async def close(self) -> None:
        """End all; returns when nothing is left of them."""
        self._slots = -len(self._starts)  # no more starts
        for waiting in self._waiting.values():
            for call in waiting:
                call.set_exception(Refused("the executor is closing"))
        self._waiting = {}
        self._drop(*self._all)
        await asyncio.gather(*self._starts)
        await asyncio.gather(*self._ending)

    def _drop(self, *sandboxes: Sandbox) -> None:
        for sandbox in sandboxes:
            self._all.discard(sandbox)
            sandbox.kill()
            if sandbox.ended:
                self._ending.add(sandbox.ended)
                sandbox.ended.add_done_callback(self._ending.discard)

    def _next(self, fn: FunctionVersion, waiting: deque[asyncio.Future[Sandbox]]) -> asyncio.Future[Sandbox]:
        first = waiting.popleft()
        if not waiting:
            del self._waiting[fn]
        return first

    def _start_more(self) -> None:
        if not self._waiting:
            return
        while self._slots and (fn := self._in_need()) and (len(self._all) < self._limit or self._make_place()):
            self._slots -= 1
            self._coming[fn] += 1
            sandbox = self._make(fn)
            self._all.add(sandbox)
            task = asyncio.create_task(self._start(sandbox))
            self._starts.add(task)
            task.add_done_callback(self._starts.discard)

    def _in_need(self) -> FunctionVersion | None:
        """Of the functions with more calls waiting than sandboxes coming, the one with the fewest coming."""
        wanting = (fn for fn, waiting in self._waiting.items() if len(waiting) > self._coming[fn])
        return min(wanting, key=lambda fn: self._coming[fn], default=None)

    def _make_place(self) -> bool:
        oldest = min((s for kept in self._warm.values() for s in kept), key=lambda s: s.used_at, default=None)
        if oldest is None:
            return False
        self._warm[oldest.fn].remove(oldest)
        self._drop(oldest)
        return True

    async def _start(self, sandbox: Sandbox) -> None:
        fn = sandbox.fn
        error: Exception | None = None
        try:
            await sandbox.start()
            if sandbox not in self._all:
                sandbox.kill()  # closed meanwhile
            await asyncio.wait((sandbox.ready,), timeout=_START_SECONDS)
        except Exception as e:  # the call that waits for it gets it
            error = e
        self._slots += 1
        self._start_more()
        if error is None:
            await sandbox.ready
        self._coming -= Counter((fn,))
        if sandbox not in self._all:
            return self._drop(sandbox)
        waiting = self._waiting.get(fn)
        if error is not None:
            self._drop(sandbox)
            if waiting:
                self._next(fn, waiting).set_exception(error)
        elif sandbox.dead and waiting:
            return self._next(fn, waiting).set_result(sandbox)  # a failed init is the answer to one call
        self.give(sandbox)
