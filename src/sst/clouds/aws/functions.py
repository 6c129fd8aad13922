"""Deployed functions: which one a component has, a call of it, and what it logged."""
from __future__ import annotations

import json
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ...core.model import Snapshot, State
from ...core.names import did_you_mean
from ...errors import ProviderError, UserError
from ..invocation import Answer, Line

if TYPE_CHECKING:
    from .client import Aws

__all__ = ["Functions", "function_named", "log_group"]

TYPE = "aws.lambda.Function"


def function_named(snapshot: Snapshot, name: str) -> State:
    """The deployed function of a component: ``Api``, or ``Api/Handler`` where a component has several. Of a site it is
    the server, or what is beside one in a cluster for management commands."""
    functions = {s.urn.rpartition("::")[2]: s for s in snapshot.resources.values() if s.type == TYPE}
    server = functions.get(f"{name}/Server/Function") or functions.get(f"{name}/Manage/Function")
    found = [server] if server else [s for n, s in functions.items() if n == name or n.startswith(f"{name}/")]
    if len(found) == 1:
        return found[0]
    short = sorted({n.removesuffix("/Function") for n in functions})
    if not found:
        raise UserError(f'no function named "{name}" is deployed',
                        hint=did_you_mean(name, short) or "`sst deploy` first", code="unknown-name")
    inside = ", ".join(sorted(s.urn.rpartition("::")[2].removesuffix("/Function") for s in found))
    raise UserError(f'"{name}" has {len(found)} functions', hint=f"name one of {inside}")


def log_group(function: State) -> str:
    """Where a function logs."""
    values = function.values
    return str((values.get("logging_config") or {}).get("LogGroup") or f"/aws/lambda/{values['name']}")


class Functions:
    """Calls functions and reads their logs. ``open`` gives the client of the function's account and region.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """

    def __init__(self, open: Callable[[State | None], Aws]) -> None:
        self._open = open

    def invoke(self, function: State | str, event: bytes) -> Answer:
        """Call a deployed function, or one by its physical name or ARN, and wait for its answer."""
        state, name = (function, function.values["name"]) if isinstance(function, State) else (None, function)
        params = {"FunctionName": name, "Payload": event, "LogType": "Tail"}
        answer = self._open(state).call("lambda", "invoke", params, idempotent=False)
        body: Any = answer.get("Payload") or b""
        data = body.read() if hasattr(body, "read") else body
        try:
            payload = json.loads(data) if data else None
        except ValueError:
            payload = bytes(data).decode("utf-8", "replace")
        return Answer(payload, str(answer.get("FunctionError") or ""),
                      b64decode(answer.get("LogResult") or b"").decode("utf-8", "replace"))

    def logs(self, function: State, *, since: float, follow: bool = False,
             sleep: Callable[[float], None] = time.sleep) -> Iterator[Line]:
        """The lines a function logged since then (seconds since 1970), oldest first; ``follow`` goes on until
        interrupted."""
        group = log_group(function)
        start, seen = int(since * 1000), set[str]()
        while True:
            newest = start
            for event in self._events(self._open(function), group, start):
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

    def _events(self, aws: Aws, group: str, start: int) -> Iterator[dict[str, Any]]:
        params: dict[str, Any] = {"logGroupName": group, "startTime": start}
        while True:
            try:
                answer = aws.call("logs", "filter_log_events", params)
            except ProviderError as e:
                if e.code == "ResourceNotFoundException":
                    return
                raise
            yield from answer.get("events", ())
            if not (token := answer.get("nextToken")):
                return
            params = {**params, "nextToken": token}
