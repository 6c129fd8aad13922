"""One esbuild process that keeps what it has parsed: a rebuild reads only what has changed."""
from __future__ import annotations

import asyncio
import contextlib
import itertools
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...build.esbuild import VERSION
from ...embedded.executor.lifeline import Lifeline
from .packets import decode, encode

__all__ = ["Service"]


class Service:
    """Starts with the first build. It ends with this process, however that ends; if it dies, the next build starts another.

    Contexts are numbers that the caller chooses.
    """

    def __init__(self, program: Path) -> None:
        self._program = program
        self._process: asyncio.subprocess.Process | None = None
        self._lifeline: Lifeline | None = None
        self._listening: asyncio.Task[None] | None = None
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._results: dict[int, Any] = {}
        self._contexts: set[int] = set()
        self._starting = asyncio.Lock()

    async def build(self, context: int, entry: str, flags: Sequence[str], folder: Path) -> dict[str, Any]:
        """Build an entry, the second time only what has changed: ``errors``, ``warnings``, ``metafile`` (JSON). Raises `OSError`."""
        await self._start()
        if context not in self._contexts:
            made = await self._ask({
                "command": "build", "key": context, "entries": [["", entry]], "flags": list(flags), "write": True, "stdinContents": None,
                "stdinResolveDir": None, "absWorkingDir": str(folder), "nodePaths": [], "context": True})
            if made.get("errors"):
                return dict(made)
            self._contexts.add(context)
        await self._ask({"command": "rebuild", "key": context})
        return dict(self._results.pop(context))

    async def forget(self, context: int) -> None:
        if context in self._contexts:
            self._contexts.discard(context)
            with contextlib.suppress(OSError):
                await self._ask({"command": "dispose", "key": context})

    async def close(self) -> None:
        if self._process and self._process.returncode is None:
            self._process.kill()
        if self._listening:
            await self._listening

    async def _start(self) -> None:
        async with self._starting:
            if self._process and self._process.returncode is None and self._listening and not self._listening.done():
                return
            self._contexts.clear()
            self._lifeline = Lifeline()
            self._process = await asyncio.create_subprocess_exec(
                str(self._program), f"--service={VERSION}", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL, pass_fds=(self._lifeline.give,), start_new_session=True)
            self._lifeline.hold(self._process.pid)
            self._listening = asyncio.create_task(self._listen(self._process))

    async def _ask(self, value: dict[str, Any]) -> Any:
        assert self._process and self._process.stdin
        number = next(self._numbers)
        answer = self._asked[number] = asyncio.get_running_loop().create_future()
        self._process.stdin.write(encode(number, value))
        await self._process.stdin.drain()
        found = await answer
        if error := found.get("error"):
            raise OSError(f"esbuild: {error}")
        return found

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout and process.stdin and self._lifeline
        try:
            await self._packet(process.stdout)  # the first one is its version, which we asked for
            while True:
                number, is_answer, value = decode(await self._packet(process.stdout))
                if is_answer:
                    if asked := self._asked.pop(number, None):
                        asked.set_result(value)
                    continue
                if value.get("command") == "on-end":
                    self._results[value["key"]] = value
                process.stdin.write(encode(number, {"errors": [], "warnings": []}, answer=True))
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            process.stdin.close()
            self._lifeline.cut()
            for asked in self._asked.values():
                if not asked.done():
                    asked.set_exception(OSError("esbuild has ended"))
            self._asked.clear()

    async def _packet(self, stream: asyncio.StreamReader) -> bytes:
        (size,) = struct.unpack("<I", await stream.readexactly(4))
        return await stream.readexactly(size)
