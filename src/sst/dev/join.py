"""What another terminal does with a running session: attach to it, or run a command that is linked as the app is."""
from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import UserError
from .control import OVER, Found
from .events import AnyEvent, from_json
from .stream import EventStream

__all__ = ["RemoteActions", "follow", "join", "listen", "request_deploy"]

_GRACE_SECONDS = 5.0


async def follow(found: Found, stream: EventStream) -> None:
    """Have the stream hold what happens in the session, until that ends. UserError if it was killed."""
    await _events(found, stream.emit)


def listen(found: Found, take: Callable[[AnyEvent], None], *, on: bool) -> None:
    """Give what has happened in the session; with ``on`` also what happens, until it ends. UserError if it was
    killed."""
    asyncio.run(_events(found, take, past=not on))


async def _events(found: Found, take: Callable[[AnyEvent], None], *, past: bool = False) -> None:
    frames = await _ask(found, "events", past=past)
    try:
        while message := await frames.read():
            if message[0] == OVER:
                return
            if event := from_json(message[0]):
                take(event)
    finally:
        frames.close()
    raise UserError(f"the session (process {found.pid}) was killed, or ended by a fault",
                    hint="start `sst dev` again: it goes on from there", code="not-running")


def request_deploy(found: Found) -> bool:
    """Ask the session to deploy; False if it is gone."""
    return asyncio.run(_act(found, "deploy"))


class RemoteActions:
    """`actions.Actions` for a session in another process. Lives in an event loop."""

    def __init__(self, found: Found) -> None:
        self._found = found
        self._tasks: set[asyncio.Task[bool]] = set()

    def deploy(self) -> None:
        self._send("deploy")

    def confirm(self) -> None:
        self._send("confirm")

    def restart(self, function: str) -> None:
        self._send("restart", on=function)

    def replay(self, number: int, event: str | None = None) -> None:
        self._send("replay", on=number, **({} if event is None else {"with": event}))

    def _send(self, act: str, **more: Any) -> None:
        task = asyncio.get_running_loop().create_task(_act(self._found, act, **more))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _act(found: Found, act: str, **more: Any) -> bool:
    try:
        frames = await found.ask("act", act=act, **more)
        async with asyncio.timeout(5):
            answered = await frames.read()
    except (OSError, TimeoutError):
        return False
    frames.close()
    return answered is not None


def join(found: Found, argv: Sequence[str], *, directory: Path, environment: Mapping[str, str],
         say: Callable[[str], None]) -> int:
    """Run a command on this terminal with the session's environment; its exit code. It ends with the session."""
    return asyncio.run(_Joined(argv, directory, environment, say).run(found))


class _Joined:
    def __init__(self, argv: Sequence[str], directory: Path, environment: Mapping[str, str],
                 say: Callable[[str], None]) -> None:
        self._argv, self._directory, self._environment, self._say = list(argv), directory, environment, say
        self._process: subprocess.Popen[bytes] | None = None

    async def run(self, found: Found) -> int:
        frames = await _ask(found, "environment", directory=str(self._directory))
        loop = asyncio.get_running_loop()
        # the terminal sends ctrl-c to the command too: it decides
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._pass_on, number)
        reading = asyncio.ensure_future(frames.read())
        try:
            while True:
                ended = asyncio.ensure_future(self._until_exit()) if self._process else None
                await asyncio.wait({reading, *([ended] if ended else [])}, return_when=asyncio.FIRST_COMPLETED)
                if ended and ended.done():
                    return ended.result()
                if ended:
                    ended.cancel()
                message = reading.result()
                if message is None:
                    self._say("the session has ended")
                    await self._end()
                    return 1
                await self._end()
                if self._process:
                    self._say("[restarting: what it is linked to has changed]")
                self._start(message[0]["environment"])
                reading = asyncio.ensure_future(frames.read())
        finally:
            reading.cancel()
            frames.close()
            await self._end()

    def _start(self, added: Mapping[str, str]) -> None:
        environment = {**self._environment, **added}
        program = shutil.which(self._argv[0], path=environment.get("PATH"))
        if program is None:
            raise UserError(f"there is no command {self._argv[0]}", hint="write it after --: sst dev -- npm run dev")
        self._process = subprocess.Popen([program, *self._argv[1:]], cwd=self._directory, env=environment)

    async def _until_exit(self) -> int:
        assert self._process
        while (code := self._process.poll()) is None:
            await asyncio.sleep(0.02)
        return code if code >= 0 else 128 - code

    async def _end(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(_GRACE_SECONDS):
                await self._until_exit()
        except TimeoutError:
            self._process.kill()
            self._process.wait()

    def _pass_on(self, number: signal.Signals) -> None:
        if self._process and self._process.poll() is None:
            if number is not signal.SIGINT or not os.isatty(0):
                self._process.send_signal(number)
        else:
            raise KeyboardInterrupt


async def _ask(found: Found, want: str, **more: Any) -> Any:
    try:
        return await found.ask(want, **more)
    except OSError as error:
        raise UserError("the session that was running is gone", hint="start `sst dev` again") from error
