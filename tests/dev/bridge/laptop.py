"""A developer's machine in a test: a bridge, and an executor that runs functions from a folder. As a thread, or as a
process to kill."""
from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import sst
from sst.dev.bridge import Bridge, Endpoints
from sst.dev.call import LiveCall
from sst.executor import Executor, FunctionVersion, LogLines, Streaming
from sst.runtime.bridge.wire import Keys

SOURCE = Path(sst.__file__).parents[1]


class FromFolder:
    """Runs every call with the code in ``folder``; remembers calls and lines."""

    def __init__(self, folder: Path, runtime: str, work: Path) -> None:
        self.folder, self._runtime = folder, runtime
        self.calls, self.lines = list[LiveCall](), list[str]()
        self.executor = Executor(folder=work, on_log=self._on_log, host=os.environ)

    def _on_log(self, made: LogLines) -> None:
        self.lines += [text for _, text in made.lines]

    @asynccontextmanager
    async def stream(self, call: LiveCall) -> AsyncIterator[Streaming]:
        self.calls.append(call)
        fn = FunctionVersion(call.function, call.function.rpartition(":")[2], "$LATEST", self._runtime, "index.handler",
                             self.folder,
                             environment=tuple(sorted(call.environment.items())), path=(SOURCE,), timeout=30,
                             memory=512)
        async with self.executor.stream(fn, call.event, request_id=call.request_id,
                                        client_context=call.client_context) as streaming:
            yield streaming


class Laptop:
    """In a thread of its own. ``states`` is what the bridge told of its connection."""

    def __init__(self, endpoints: Endpoints, keys: Keys, channel: str, live: FromFolder) -> None:
        self.live, self.states, self.why = live, list[bool](), list[str]()
        self._news = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._bridge = Bridge(endpoints, lambda: keys, channel, live, connected=self._tell)
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._main(),))

    def __enter__(self) -> Laptop:
        self._thread.start()
        self.until(lambda: self.states[-1:] == [True])
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(30)
        self._loop.close()

    def _tell(self, yes: bool, why: str) -> None:
        with self._news:
            self.states.append(yes)
            self.why.append(why)
            self._news.notify_all()

    def until(self, so: Callable[[], Any], seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        with self._news:
            while not so():
                assert time.monotonic() < end, self.why
                self._news.wait(0.02)

    async def _main(self) -> None:
        self._task = asyncio.create_task(self._bridge.run())
        await self.live.executor.start()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        await self.live.executor.close()


def main() -> None:
    """``python -m tests.dev.bridge.laptop HTTP REALTIME CHANNEL FOLDER RUNTIME WORK``; keys come from the
    environment."""
    http, realtime, channel, folder, runtime, work = sys.argv[1:]
    keys = Keys(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
    with Laptop(Endpoints(http, realtime), keys, channel, FromFolder(Path(folder), runtime, Path(work))):
        print("connected", flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
