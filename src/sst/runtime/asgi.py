"""Runs an ASGI 3 app. Its event loop lives as long as the sandbox and turns while a request is served."""
from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any
from urllib.parse import unquote

from ..errors import UserError
from .request import Request
from .response import Response, failed

__all__ = ["Asgi", "AsgiApp"]

Message = MutableMapping[str, Any]
AsgiApp = Callable[[Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]]
_VERSION = {"version": "3.0", "spec_version": "2.3"}
_log = logging.getLogger("sst.web")


class Asgi:
    """An app that was started. Raises ``UserError`` with the app's message if its startup fails."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        self._loop = asyncio.new_event_loop()
        self._state: dict[str, Any] = {}
        self._lifespan = _Lifespan(app, self._state)
        try:
            self._loop.run_until_complete(self._lifespan.start())
        except BaseException:
            self._close_loop()
            raise

    def serve(self, request: Request, event: Any, context: Any) -> Response:
        """The app's response; its body is made while it is iterated. What the app raises before that becomes a 500."""
        exchange = _Exchange(self._loop, self._app, self._scope(request, event, context), request.body)
        self._loop.run_until_complete(exchange.begin())
        if exchange.status is None:
            exchange.report()
            exchange.close()
            return failed()
        return Response(exchange.status, exchange.headers, exchange)

    def close(self) -> None:
        """Tell the app to shut down; once, best effort."""
        if not self._loop.is_closed():
            self._loop.run_until_complete(self._lifespan.stop())
            self._close_loop()

    def _close_loop(self) -> None:
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        if left:
            self._loop.run_until_complete(asyncio.wait(left, timeout=1))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def _scope(self, request: Request, event: Any, context: Any) -> dict[str, Any]:
        return {
            "type": "http", "asgi": _VERSION, "http_version": request.version, "method": request.method,
            "scheme": request.scheme,
            "path": unquote(request.path), "raw_path": request.path.encode(), "root_path": unquote(request.root),
            "query_string": request.query.encode(),
            "headers": [(k.encode("latin-1"), _bytes(v)) for k, v in request.headers],
            "client": (request.client, 0) if request.client else None, "server": (request.host, request.port),
            "state": self._state.copy(), "extensions": {}, "aws.event": event, "aws.context": context,
        }


class _Lifespan:
    """The app's startup and shutdown, one long call of the app. An app that knows of no lifespan is served all the
    same."""

    def __init__(self, app: AsgiApp, state: dict[str, Any]) -> None:
        self._app, self._state = app, state
        self._asked = False
        self._task: asyncio.Future[None] | None = None

    async def start(self) -> None:
        self._answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._stopping, self._stopped = asyncio.Event(), asyncio.Event()
        scope = {"type": "lifespan", "asgi": _VERSION, "state": self._state}
        self._task = asyncio.ensure_future(self._app(scope, self._receive, self._send))
        either: list[asyncio.Future[Any]] = [self._task, self._answer]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if self._answer.done() and self._answer.result() is None:
            return
        if self._answer.done():  # the app raises after it said so; its exception has the traceback
            await asyncio.wait({self._task}, timeout=1)
        error = self._task.exception() if self._task.done() and not self._task.cancelled() else None
        if self._answer.done():
            raise _not_started(self._answer.result() or "", error)
        if error is not None and self._asked:
            raise _not_started(f"{type(error).__name__}: {error}", error)

    async def stop(self) -> None:
        if self._task is not None and not self._task.done():
            self._stopping.set()
            ended = asyncio.ensure_future(self._stopped.wait())
            either: list[asyncio.Future[Any]] = [self._task, ended]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            ended.cancel()
        if (self._task is not None and self._task.done() and not self._task.cancelled() and self._asked
                and self._task.exception()):
            _log.error("the app's shutdown failed", exc_info=self._task.exception())

    async def _receive(self) -> Message:
        if self._asked:
            await self._stopping.wait()
            return {"type": "lifespan.shutdown"}
        self._asked = True
        return {"type": "lifespan.startup"}

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if kind.startswith("lifespan.startup.") and not self._answer.done():
            self._answer.set_result(None if kind.endswith("complete")
                                    else str(message.get("message") or "no reason given"))
        elif kind.startswith("lifespan.shutdown."):
            if kind.endswith("failed"):
                _log.error("the app's shutdown failed: %s", message.get("message", ""))
            self._stopped.set()


def _not_started(message: str, cause: BaseException | None) -> UserError:
    lines = message.strip().splitlines() or ["no reason given"]
    error = UserError(f"the app did not start: {lines[-1]}", hint="" if cause or len(lines) == 1 else message)
    error.__cause__ = cause
    return error


class _Exchange:
    """One request and its response. Iterating gives the body; the app goes on only while somebody waits for the next
    part."""

    def __init__(self, loop: asyncio.AbstractEventLoop, app: AsgiApp, scope: dict[str, Any], body: bytes) -> None:
        self._loop, self._app, self._scope, self._body = loop, app, scope, body
        self.status: int | None = None
        self.headers: list[tuple[str, str]] = []
        self._received = self._complete = self._closed = False
        self._error: BaseException | None = None

    async def begin(self) -> None:
        """Start the app and wait until it has said how it answers, or has ended."""
        self._parts: asyncio.Queue[bytes | None] = asyncio.Queue(1)
        self._done = asyncio.Event()
        self._task = asyncio.ensure_future(self._run())
        await self._parts.get()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        part = None if self._closed else self._loop.run_until_complete(self._parts.get())
        if part is not None:
            return part
        if not self._closed:
            self.close()
            self.report()
            if not self._complete:
                raise self._error or RuntimeError("the app ended before its response was complete")
        raise StopIteration

    def close(self) -> None:
        """The rest is not needed: the app is notified of a disconnect and stopped."""
        if self._closed:
            return
        self._closed = True
        self._done.set()
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._task)

    def report(self) -> None:
        if self._error is not None:
            _log.error("the app failed at %s %s", self._scope["method"], self._scope["path"], exc_info=self._error)
        elif self.status is None:
            _log.error("the app ended without a response to %s %s", self._scope["method"], self._scope["path"])

    async def _run(self) -> None:
        try:
            await self._app(self._scope, self._receive, self._send)
        except Exception as e:
            self._error = e
        self._done.set()
        await self._parts.put(None)

    async def _receive(self) -> Message:
        if not self._received:
            self._received = True
            return {"type": "http.request", "body": self._body, "more_body": False}
        await self._done.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if self._closed:
            raise OSError("the caller is gone")
        if message["type"] == "http.response.start":
            self.status = int(message["status"])
            self.headers = [(bytes(k).decode("latin-1").lower(), bytes(v).decode("latin-1").strip())
                            for k, v in message.get("headers", ())]
            await self._parts.put(b"")
        elif message["type"] == "http.response.body":
            if self.status is None:
                raise RuntimeError("http.response.body came before http.response.start")
            if (part := bytes(message.get("body", b""))) and not self._complete:
                await self._parts.put(part)
            if not message.get("more_body", False):
                self._complete = True
                self._done.set()


def _bytes(value: str) -> bytes:
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode()
