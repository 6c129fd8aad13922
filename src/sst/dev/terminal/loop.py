"""What runs beside the panes: an error in it ends what shows them, and is raised from there."""
from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

from .pane import Pane

__all__ = ["Loop"]


class Loop:
    """``_loop`` is there while it runs; ``_over`` is what it waits for."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Future[None] | None = None
        self._tasks = set[asyncio.Task[Any]]()
        self._watchers = list[Callable[[Pane], object]]()
        self.panes: list[Pane] = []

    def watch_panes(self, take: Callable[[Pane], object]) -> None:
        """Have it called with each pane, also with those that come later."""
        for pane in self.panes:
            take(pane)
        self._watchers.append(take)

    def _come(self, pane: Pane) -> None:
        after = [p for p in self.panes if p.rank <= pane.rank]
        self.panes.insert(len(after), pane)
        for take in self._watchers:
            take(pane)

    def guard(self, call: Callable[[], None]) -> Callable[[], None]:
        """For callbacks of the loop: an error ends ``run`` and is raised from it."""
        def guarded() -> None:
            try:
                call()
            except Exception as error:
                if self._over is None or self._over.done():
                    raise
                self._over.set_exception(error)
        return guarded

    def call(self, work: Callable[[], object]) -> None:
        """Do it in the loop, from any thread; at once if it does not run yet."""
        try:
            here: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if self._loop is None or here is self._loop:
            work()
        else:
            with contextlib.suppress(RuntimeError):  # the loop has been closed
                self._loop.call_soon_threadsafe(work)

    def task(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run a coroutine beside."""
        assert self._loop
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (error := task.exception()) and self._over and not self._over.done():
            self._over.set_exception(error)
