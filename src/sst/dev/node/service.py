"""One esbuild process that keeps what it has parsed: a rebuild reads only what has changed."""
from __future__ import annotations

import asyncio
import contextlib
import itertools
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...build.esbuild import VERSION
from ...machine.lifeline import Lifeline
from .packets import decode, encode

__all__ = ["Job", "Service"]

_REMEMBERED = 16_000_000
"""Bytes of bundles and source maps whose parsed modules are kept. In memory they take some thirty times as much."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is built. Equal ones share what esbuild remembers."""

    entry: str
    flags: tuple[str, ...]
    """As on the command line; they name the output too, but nothing is written."""
    folder: str
    """Paths are told from here."""


class Service:
    """Starts with the first build. It ends with this process, however that ends.

    ``at_once``: so many builds at a time; the others wait, for each takes memory. ``remembered``: bytes of output;
    beyond that what was built longest ago is forgotten, and read anew when it is built again.
    """

    def __init__(self, program: Path, *, at_once: int, remembered: int = _REMEMBERED) -> None:
        self._program, self._remembered = program, remembered
        self._turn = asyncio.Semaphore(at_once)
        self._process: asyncio.subprocess.Process | None = None
        self._lifeline: Lifeline | None = None
        self._listening: asyncio.Task[None] | None = None
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._results: dict[int, dict[str, Any]] = {}
        self._contexts: dict[Job, int] = {}
        self._sizes: dict[Job, int] = {}
        """What was built last is at the end."""
        self._busy: set[Job] = set()
        self._starting = asyncio.Lock()

    async def build(self, job: Job) -> dict[str, Any]:
        """Build, the second time only what has changed: ``errors``, ``warnings``, ``metafile`` (JSON), ``outputFiles``.

        One at a time for each job. If the process dies, another one builds it, once. Raises `OSError`.
        """
        async with self._turn:
            self._busy.add(job)
            try:
                made = await self._build(job)
            except ConnectionError:
                made = await self._build(job)
            finally:
                self._busy.discard(job)
        await self._remember(job, made)
        return made

    async def forget(self, job: Job) -> None:
        """Free what is remembered of a job that is not being built."""
        self._sizes.pop(job, None)
        if (context := self._contexts.pop(job, None)) is not None and self._alive:
            with contextlib.suppress(OSError):  # with the process its memory is free as well
                await self._ask({"command": "dispose", "key": context})

    async def close(self) -> None:
        if self._listening and self._process and self._lifeline:
            _end(self._process, self._lifeline)
            await self._listening

    async def _remember(self, job: Job, made: dict[str, Any]) -> None:
        if outputs := made.get("outputFiles"):
            self._sizes.pop(job, None)
            self._sizes[job] = sum(len(o["contents"]) for o in outputs)
        while sum(self._sizes.values()) > self._remembered:
            old = next((j for j in self._sizes if j != job and j not in self._busy), None)
            if old is None:
                return
            await self.forget(old)

    async def _build(self, job: Job) -> dict[str, Any]:
        await self._start()
        context = self._contexts.get(job)
        if context is None:
            context = next(self._numbers)
            made = await self._ask({
                "command": "build", "key": context, "entries": [["", job.entry]], "flags": list(job.flags),
                "write": False,
                "stdinContents": None, "stdinResolveDir": None, "absWorkingDir": job.folder, "nodePaths": [],
                "context": True})
            if made.get("errors"):  # a flag that it doesn't know
                return dict(made)
            self._contexts[job] = context
        while context not in self._results:  # a rebuild that joins one of before tells nothing
            await self._ask({"command": "rebuild", "key": context})
        return self._results.pop(context)

    @property
    def _alive(self) -> bool:
        return self._listening is not None and not self._listening.done()

    async def _start(self) -> None:
        async with self._starting:
            if self._alive:
                return
            self._contexts.clear()
            self._results.clear()
            lifeline = Lifeline()
            try:
                process = await asyncio.create_subprocess_exec(
                    str(self._program), f"--service={VERSION}", stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.DEVNULL, pass_fds=(lifeline.give,), start_new_session=True)
            except BaseException:
                lifeline.cut()
                raise
            lifeline.hold(process.pid)
            self._process, self._lifeline = process, lifeline
            self._listening = asyncio.create_task(self._listen(process, lifeline))

    async def _ask(self, value: dict[str, Any]) -> Any:
        if not self._alive:
            raise ConnectionError("esbuild has ended")
        assert self._process and self._process.stdin
        number = next(self._numbers)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        self._process.stdin.write(encode(number, value))  # small; whether it arrived is known by the answer
        found = await answer
        if error := found.get("error"):
            raise OSError(f"esbuild: {error}")
        return found

    async def _listen(self, process: asyncio.subprocess.Process, lifeline: Lifeline) -> None:
        assert process.stdout and process.stdin
        try:
            await _packet(process.stdout)  # the first one is its version, which we asked for
            while True:
                number, is_answer, value = decode(await _packet(process.stdout))
                if is_answer:
                    if (asked := self._asked.pop(number, None)) and not asked.done():
                        asked.set_result(value)
                    continue
                if value.get("command") == "on-end":
                    self._results[value["key"]] = value
                process.stdin.write(encode(number, {"errors": [], "warnings": []}, answer=True))
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            _end(process, lifeline)
            await process.wait()  # the last thing that is awaited: whoever asks now sees that it has ended
            for asked in self._asked.values():
                if not asked.done():
                    asked.set_exception(ConnectionError("esbuild has ended"))
            self._asked.clear()


def _end(process: asyncio.subprocess.Process, lifeline: Lifeline) -> None:
    """Not by ``process.kill``: that may take the exit code away from asyncio, which then warns."""
    lifeline.cut()  # the kernel kills it; elsewhere it ends with its input
    if process.stdin:
        process.stdin.close()


async def _packet(stream: asyncio.StreamReader) -> bytes:
    (size,) = struct.unpack("<I", await stream.readexactly(4))
    return await stream.readexactly(size)
