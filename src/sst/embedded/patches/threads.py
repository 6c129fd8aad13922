"""Work of a request that blocks, and the notifications of buckets, run in threads that are used again: the emulator
starts one for each, which costs a good part of a request. As many threads are there as calls ever ran at once.

Goes when ministack's ``run_reentrant`` and its S3 keep their threads; last checked with 1.5.33.
"""
from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

from sst.embedded.settings import Settings

__all__ = ["NEEDS", "Threads", "apply"]

NEEDS: Mapping[str, str] = {
    "core.concurrency:run_reentrant": "async (fn, *args, thread_name='ministack-reentrant')",
    "core.concurrency:threading": "module",
    "services.s3:_fire_s3_event":
        "(bucket_name, key, event_name, size=0, etag='', deletion_type=None, restore_event_data=None, version_id=None, "
        "sequencer=None, object_extra=None, record_extra=None)",
    "services.s3:threading": "module",
}


class Threads:
    """Runs each piece of work at once, in an idle thread or in a new one."""

    def __init__(self) -> None:
        self._idle: list[SimpleQueue[Callable[[], None]]] = []

    def run(self, work: Callable[[], None]) -> None:
        try:
            inbox = self._idle.pop()
        except IndexError:
            inbox = SimpleQueue()
            threading.Thread(target=self._serve, args=(inbox,), daemon=True, name="reentrant").start()
        inbox.put(work)

    def _serve(self, inbox: SimpleQueue[Callable[[], None]]) -> None:
        while True:
            inbox.get()()  # what the work raises ends this thread alone
            self._idle.append(inbox)


def apply(settings: Settings) -> None:
    from ministack.core import concurrency
    from ministack.services import s3

    threads = Threads()

    def thread(*, target: Callable[[], None], daemon: bool, name: str) -> Any:
        """For a request, one that is used again; for background work, which may never end, one of its own."""
        if target.__qualname__.startswith("run_reentrant."):
            return SimpleNamespace(start=lambda: threads.run(target))
        return threading.Thread(target=target, daemon=daemon, name=name)

    def notifying(*, target: Callable[..., None], daemon: bool, args: tuple[Any, ...] = (),
                  kwargs: Mapping[str, Any] | None = None) -> Any:
        if args and args[0] is s3._fire_s3_event:
            work = functools.partial(target, *args, **(kwargs or {}))
            return SimpleNamespace(start=lambda: threads.run(work))
        return threading.Thread(target=target, args=args, kwargs=kwargs, daemon=daemon)

    concurrency.threading = SimpleNamespace(**{**vars(threading), "Thread": thread})
    s3.threading = SimpleNamespace(**{**vars(threading), "Thread": notifying})
