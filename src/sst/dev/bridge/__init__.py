"""The developer's end of live functions on an AWS stage: hears their calls over AppSync Events, runs them, sends what
comes of it.

    Bridge       connects, and reconnects                line.py    the WebSocket and the publishing
    answers.py   what was sent for a call, and is kept   wire.py    messages, in ``sst.runtime.bridge``: shared by both
"""
from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import random
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from ...executor import Invocation
from ...runtime.bridge.wire import ALL, DEVELOPER, SOON, Keys
from ..call import CallRunner, LiveCall
from .answers import Answer
from .connection import Endpoints, EventsConnection, Network, Refused

__all__ = ["Bridge", "Endpoints", "Network", "Refused"]

_KEPT = 64 * 1024 * 1024
"""Bytes of answers that are kept for those that have lost them."""
_KEPT_SECONDS = 30.0
_BACKOFF = (0.2, 5.0)
_REFUSED_SECONDS = 30.0
_LOADER = ("LD_", "DYLD_")
"""Variables that would load a library into a process: the deployed function has none of its own, and nobody may send
some."""


class Bridge:
    """Runs functions' calls until it is cancelled.

        bridge = Bridge(Endpoints(api.http, api.realtime), aws.settings.credentials, "/app-stage", live)
        await bridge.run()

    ``keys`` is asked for credentials whenever something is signed: they may expire. ``channel`` is that of app and
    stage. ``connected`` hears True, or False and why, as it changes. A call that was taken is answered once, and run
    once; two sessions of one stage share the calls. `run` raises `Refused` if for half a minute the API does not let
    these credentials in; all else is tried again without an end, an expired login too.
    """

    def __init__(self, endpoints: Endpoints, keys: Callable[[], Keys], channel: str, live: CallRunner, *,
                 connected: Callable[[bool, str], None] = lambda yes, why: None, clock: Callable[[], float] = time.time,
                 network: Network | None = None) -> None:
        self._channel, self._live, self._connected, self._clock = channel, live, connected, clock
        self._line = EventsConnection(endpoints, keys, clock, network or Network())
        self._name = uuid.uuid4().hex[:12]
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._said: tuple[bool, str] = (False, "")

    async def run(self) -> None:
        try:
            await self._listen()
        finally:
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._tell(False, "")
            await self._line.close()

    async def _listen(self) -> None:
        pause, most = _BACKOFF
        good = time.monotonic()
        while True:
            try:
                async with self._line.open(f"{self._channel}/{DEVELOPER}") as messages:
                    self._tell(True, "")
                    pause = _BACKOFF[0]
                    self._begin(self._line.say(f"{self._channel}/{ALL}", {"k": "hello", "from": self._name}))
                    async for head, body in messages:
                        with contextlib.suppress(KeyError, TypeError, ValueError):  # not of ours
                            self._take(head, body)
            except Refused as e:  # of an API that was just made, too: it takes a moment
                if time.monotonic() - good > _REFUSED_SECONDS:
                    raise
                self._tell(False, str(e))
            except OSError as e:
                good = time.monotonic()
                self._tell(False, str(e) or type(e).__name__)
            await asyncio.sleep(pause * random.uniform(0.5, 1))
            pause = min(2 * pause, most)

    def _take(self, head: Mapping[str, Any], body: bytes) -> None:
        kind, call, worker = head.get("k"), str(head.get("call", "")), str(head.get("worker", ""))
        if kind == "ask":
            self._begin(self._line.say(f"{self._channel}/out/{worker}",
                                       {"k": "here", "call": call, "from": self._name}))
        elif head.get("to") != self._name:
            return
        elif kind == "call" and call not in self._answers:
            self._forget()
            self._answers[call] = answer = Answer(self._line, f"{self._channel}/out/{worker}", call, self._name)
            self._begin(self._run(answer, _call(head, body)))
        elif kind == "again":
            self._begin(self._again(call, worker, int(head.get("seq", 0))))

    async def _again(self, call: str, worker: str, seq: int) -> None:
        if answer := self._answers.get(call):
            await answer.again(seq)
        else:
            await self._line.say(f"{self._channel}/out/{worker}", {"k": "lost", "call": call, "from": self._name})

    async def _run(self, answer: Answer, call: LiveCall) -> None:
        beats = asyncio.create_task(_beat(answer))
        try:
            made = await self._made(answer, call)
        except asyncio.CancelledError:  # the session ends: the function need not wait for the silence
            made = _error("Sst.DeveloperGone", "sst dev ended while it ran this function", call.request_id)
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(2):
                    await answer.end(made)
            raise
        finally:
            beats.cancel()
            answer.ended = time.monotonic()
        await answer.end(made)

    async def _made(self, answer: Answer, call: LiveCall) -> Invocation:
        try:
            async with self._live.stream(call) as streaming:
                if streaming.kind:
                    answer.open(streaming.kind)
                async for part in streaming:
                    await answer.put(part)
                made = streaming.result
                assert made is not None
                return made
        except Exception as e:  # of ours, not of the function's: it is told all the same, for somebody waits
            return _error(type(e).__name__, str(e), call.request_id)

    def _forget(self) -> None:
        """Answers that nobody can have missed any more, and the oldest if they are too large together."""
        size = sum(a.size for a in self._answers.values())
        for call, answer in list(self._answers.items()):
            if answer.ended and (size > _KEPT or time.monotonic() - answer.ended > _KEPT_SECONDS):
                size -= answer.size
                del self._answers[call]

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(_quietly(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _tell(self, yes: bool, why: str) -> None:
        if (yes, why) != self._said:
            self._said = (yes, why)
            self._connected(yes, why)


async def _quietly(work: Coroutine[Any, Any, None]) -> None:
    """What can't be sent is asked for again, or its function says that nobody answered."""
    with contextlib.suppress(OSError):
        await work


async def _beat(answer: Answer) -> None:
    while True:
        await asyncio.sleep(SOON)
        with contextlib.suppress(OSError):
            await answer.beat()


def _error(kind: str, message: str, request_id: str) -> Invocation:
    return Invocation(json.dumps({"errorType": kind, "errorMessage": message, "stackTrace": []}).encode(), "Unhandled",
                      request_id)


def _call(head: Mapping[str, Any], body: bytes) -> LiveCall:
    environment = {k: v for k, v in head["environment"].items() if not k.startswith(_LOADER)}
    return LiveCall(str(head["function"]), body, str(head["request"]), environment,
                    {name: base64.b64decode(data) for name, data in head.get("files", {}).items()},
                    str(head.get("trace", "")), str(head.get("context", "")), float(head.get("deadline", 0)))
