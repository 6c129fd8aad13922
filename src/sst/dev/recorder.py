"""Turns what the executor reports of calls into events, and keeps the calls that can be replayed."""
from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..executor import Invocation, LogLines
from ..executor.lines import is_about_error, is_platform, spoken
from ..executor.trigger import trigger_of
from .events import AnyEvent, CallBegan, CallEnded, LogLine

__all__ = ["BODY_LIMIT", "CallRecorder", "OpenCall"]

BODY_LIMIT = 64 * 1024
"""Bytes of an event or a response that go into events."""
_REPLAY_CALLS, _REPLAY_BYTES = 200, 64 * 1024 * 1024


@dataclass(slots=True)
class OpenCall:
    """A call that runs. ``response`` collects the first `BODY_LIMIT` bytes of its answer."""

    number: int
    function: str
    request_id: str
    response: bytearray = field(default_factory=bytearray)


class CallRecorder:
    """``emit`` gets the events. Lives in the session's event loop."""

    def __init__(self, emit: Callable[[AnyEvent], None], clock: Callable[[], float] = time.time) -> None:
        self._emit, self._clock = emit, clock
        self._open: dict[str, OpenCall] = {}
        self._events: OrderedDict[int, tuple[str, bytes]] = OrderedDict()
        self._size = self._count = 0

    def begin(self, function: str, event: bytes, request_id: str, *, replay_of: int = 0) -> OpenCall:
        self._count += 1
        call = self._open[request_id] = OpenCall(self._count, function, request_id)
        self._keep(self._count, function, event)
        self._emit(CallBegan(call.number, function, trigger_of(event), request_id, self._clock(), _text(event),
                             replay_of))
        return call

    def log(self, made: LogLines, function: str) -> None:
        """Lines of a function: of a call, or of its start."""
        call = self._open.get(made.request_id)
        for at, logged in made.lines:
            if is_platform(logged) or is_about_error(logged):
                continue
            level, text = spoken(logged)
            self._emit(LogLine(function, at / 1000, text, level, call.number if call else 0))

    def end(self, call: OpenCall, made: Invocation) -> None:
        self._open.pop(call.request_id, None)
        response = made.payload if made.error else bytes(call.response) or made.payload
        self._emit(CallEnded(call.number, call.function, self._clock(), made.duration_ms,
                             made.init_ms if made.cold else 0.0, made.max_memory_mb,
                             0 if made.error else _status(response), made.error, _text(response), made.causes))

    def replay_event(self, number: int) -> tuple[str, bytes] | None:
        """The function and the event of a call; None if it is too long ago."""
        return self._events.get(number)

    def _keep(self, number: int, function: str, event: bytes) -> None:
        self._events[number] = function, event
        self._size += len(event)
        while self._events and (len(self._events) > _REPLAY_CALLS or self._size > _REPLAY_BYTES):
            _, (_, dropped) = self._events.popitem(last=False)
            self._size -= len(dropped)


def _text(content: bytes) -> str:
    part = content[:BODY_LIMIT]
    return part.decode("utf-8", "replace") if b"\0" not in part.partition(b"\0" * 8)[0] else f"{len(content)} bytes"


def _status(response: bytes) -> int:
    """The HTTP status in a handler's answer, or 0."""
    try:
        value: Any = json.loads(response.partition(b"\0" * 8)[0])
        return int(value["statusCode"])
    except (ValueError, KeyError, TypeError):
        return 0
