"""Calls a deployed function, and reads what it logged."""
from __future__ import annotations

import json
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ..core.model import State
from ..errors import ProviderError, UserError
from .shell import function_named
from .world import World

__all__ = ["Answer", "Line", "invoke", "invoke_function", "logs"]


@dataclass(frozen=True)
class Answer:
    """``payload`` is what the function returned (or the error it raised, then ``error`` says of which kind)."""

    payload: Any
    error: str
    tail: str
    """The end of its log, at most 4 KB."""


def invoke(world: World, name: str, event: bytes) -> Answer:
    """Call the function of a component and wait for its answer."""
    return invoke_function(world, _function(world, name).values["name"], event)


def invoke_function(world: World, function: str, event: bytes) -> Answer:
    """Call a function by its physical name or ARN and wait for its answer."""
    params = {"FunctionName": function, "Payload": event, "LogType": "Tail"}
    answer = world.aws.call("lambda", "invoke", params, idempotent=False)
    body: Any = answer.get("Payload") or b""
    data = body.read() if hasattr(body, "read") else body
    try:
        payload = json.loads(data) if data else None
    except ValueError:
        payload = bytes(data).decode("utf-8", "replace")
    return Answer(payload, str(answer.get("FunctionError") or ""),
                  b64decode(answer.get("LogResult") or b"").decode("utf-8", "replace"))


@dataclass(frozen=True)
class Line:
    time: float
    """Seconds since 1970."""
    text: str
    stream: str


def logs(world: World, name: str, *, since: float, follow: bool = False,
         sleep: Callable[[float], None] = time.sleep) -> Iterator[Line]:
    """The lines a function logged since then (seconds since 1970), oldest first; ``follow`` goes on until
    interrupted."""
    function = _function(world, name)
    group = (function.values.get("logging_config") or {}).get("LogGroup") or f"/aws/lambda/{function.values['name']}"
    start, seen = int(since * 1000), set[str]()
    while True:
        newest = start
        for event in _events(world, str(group), start):
            key = str(event.get("eventId") or (event["timestamp"], event.get("logStreamName"), event["message"]))
            if key not in seen:
                seen.add(key)
                newest = max(newest, event["timestamp"])
                yield Line(event["timestamp"] / 1000, str(event["message"]).rstrip("\n"),
                           str(event.get("logStreamName", "")))
        if not follow:
            return
        start = max(start, newest - 10_000)  # lines arrive out of order, a few seconds late
        sleep(1.0)


def _events(world: World, group: str, start: int) -> Iterator[dict[str, Any]]:
    params: dict[str, Any] = {"logGroupName": group, "startTime": start}
    while True:
        try:
            answer = world.aws.call("logs", "filter_log_events", params)
        except ProviderError as e:
            if e.code == "ResourceNotFoundException":
                return
            raise
        yield from answer.get("events", ())
        if not (token := answer.get("nextToken")):
            return
        params = {**params, "nextToken": token}


def _function(world: World, name: str) -> State:
    snapshot = world.stage.load()
    if not snapshot.resources:
        raise UserError(f'stage "{world.project.stage}" is not deployed', hint="`sst deploy` first")
    return function_named(snapshot, name)
