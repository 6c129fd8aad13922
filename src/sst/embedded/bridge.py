"""Between the emulator and whatever runs functions: one invocation in, one answer out, its lines in CloudWatch Logs.

The emulator asks in its own words (`run`, `open_stream`); a `Runner` is asked in ours. The executor is the runner.
"""
from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol, Self

from sst.embedded import logs
from sst.embedded.functions import Preparations, Prepared
from sst.embedded.settings import Settings

__all__ = ["Answer", "Bridge", "Log", "Runner", "StreamedBody"]

_SEPARATOR = b"\0" * 8
_LONGEST_PRELUDE = 1 << 20


@dataclass(frozen=True)
class Answer:
    """What one invocation gave."""

    value: Any
    """The handler's, or ``{"errorMessage": ..., "errorType": ..., "stackTrace": [...]}``; bytes of what is no JSON."""
    failed: bool = False
    tail: str = ""
    """The last lines of its log, START and REPORT included."""


class Log(Protocol):
    """Where a runner puts lines: (epoch milliseconds, text), with the sandbox they came from."""

    def __call__(self, function: Prepared, sandbox: str, lines: Sequence[tuple[int, str]]) -> None: ...


class Runner(Protocol):
    """Runs functions; called from many threads at once."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """In which they run: a caller from there has no change of threads."""
        ...

    def invoke(self, function: Prepared, event: Any, *, request_id: str, log: Log) -> Answer: ...

    async def invoked(self, function: Prepared, event: Any, *, request_id: str, log: Log) -> Answer:
        """The same for a caller in an event loop."""
        ...

    def stream(self, function: Prepared, event: Any, *, request_id: str, log: Log) -> AsyncGenerator[bytes]:
        """The response in parts as the function writes them, framed as Lambda frames it: prelude, eight NULs, body."""
        ...

    def retire(self, name: str) -> None:
        """Code or settings changed, or the function is gone: end its sandboxes once they are idle."""
        ...

    def attach(self, port: int, token: str) -> None:
        """Let the session of ``sst dev`` on that port run functions. Raises `OSError`."""
        ...

    def task_heard(self, title: str, task: str, lines: Sequence[tuple[int, str]], code: int | None) -> None:
        """Tell the session what a task says, or that it has ended with a code."""
        ...

    def notice(self, text: str) -> None:
        """Tell that session, if there is one, what this cloud has refused."""
        ...

    def close(self) -> None: ...


class StreamedBody:
    """A response whose beginning is known: status and headers; the rest comes when it is iterated."""

    def __init__(self, parts: AsyncGenerator[bytes]) -> None:
        self._parts = parts
        self.prelude: dict[str, Any] | None = None
        self._first = b""

    @classmethod
    async def of(cls, parts: AsyncGenerator[bytes]) -> Self:
        """Read as far as status and headers go."""
        made = cls(parts)
        async for part in parts:
            made._first += part
            head, separator, body = made._first.partition(_SEPARATOR)
            if separator:
                made.prelude, made._first = _prelude(head), body
                break
            if made._first.lstrip()[:1] != b"{" or len(made._first) > _LONGEST_PRELUDE:
                break
        return made

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async with aclosing(self._parts) as parts:
            if self._first:
                yield self._first
            async for part in parts:
                yield part


def _prelude(head: bytes) -> dict[str, Any]:
    try:
        value = json.loads(head)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _value(value: Any) -> Any:
    """What a caller that wants no stream gets; a streamed response becomes the answer its parts would have made."""
    if not isinstance(value, bytes):
        return value
    head, separator, body = value.partition(_SEPARATOR)
    if not separator:
        return value.decode("utf-8", "replace")
    return {"statusCode": 200, **_prelude(head), "isBase64Encoded": True, "body": base64.b64encode(body).decode()}


def _result(answer: Answer) -> dict[str, Any]:
    result: dict[str, Any] = {"body": _value(answer.value), "log": answer.tail}
    return result | {"error": True, "function_error": "Unhandled"} if answer.failed else result


class Bridge:
    """Holds the runner for the emulator's patches."""

    def __init__(self, settings: Settings, runner: Runner) -> None:
        self._runner, self._prepared = runner, Preparations(settings)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return self._runner.loop

    def run(self, record: Mapping[str, Any], config: Mapping[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        """One invocation, answered in the emulator's words: ``body``, ``error``, ``function_error``, ``log``."""
        function = self._prepared.of(record, config)
        return _result(self._runner.invoke(function, event, request_id=request_id, log=self._log))

    async def invoked(self, record: Mapping[str, Any], config: Mapping[str, Any], event: Any,
                      request_id: str) -> dict[str, Any]:
        """The same for a caller in an event loop."""
        function = await self._function(record, config)
        return _result(await self._runner.invoked(function, event, request_id=request_id, log=self._log))

    async def open_stream(self, record: Mapping[str, Any], config: Mapping[str, Any], event: Any,
                          request_id: str) -> StreamedBody:
        """Start a streamed invocation; returns when status and headers are known."""
        function = await self._function(record, config)
        return await StreamedBody.of(self._runner.stream(function, event, request_id=request_id, log=self._log))

    async def _function(self, record: Mapping[str, Any], config: Mapping[str, Any]) -> Prepared:
        """Other calls go on while the code of a new function is unpacked."""
        known = self._prepared.known(config)
        return known if known is not None else await asyncio.to_thread(self._prepared.of, record, config)

    def retire(self, name: str) -> None:
        self._runner.retire(name)

    def attach(self, port: int, token: str) -> None:
        self._runner.attach(port, token)

    def task_heard(self, title: str, task: str, lines: Sequence[tuple[int, str]], code: int | None) -> None:
        self._runner.task_heard(title, task, lines, code)

    def notice(self, text: str) -> None:
        self._runner.notice(text)

    def close(self) -> None:
        self._runner.close()

    def _log(self, function: Prepared, sandbox: str, lines: Sequence[tuple[int, str]]) -> None:
        logs.write(function.account, function.region, function.log_group, logs.stream_name(function.version, sandbox),
                   lines, function=function.name)
