"""A function while a lease of ``sst dev`` runs: asks whether a developer is there, sends the call, hands on the answer.

A call is sent only after somebody said that he is there, and to him alone; from then on it never runs here, whatever
happens: what may have been run must not be run twice. With nobody there the deployed code runs, and for a while nobody
is asked again.
"""
from __future__ import annotations

import base64
import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any

from .connection import EventsConnection
from .wire import ALL, ASK, DEVELOPER, SILENCE, Keys, pieces

__all__ = ["ForwardingHandler"]

_MACHINE = frozenset({
    "PATH", "LD_LIBRARY_PATH", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "_HANDLER", "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_EXEC_WRAPPER",
    "AWS_EXECUTION_ENV", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_STREAM_NAME", "PYTHONPATH",
    "PYTHONPYCACHEPREFIX", "NODE_PATH",
    "PWD", "OLDPWD", "SHLVL", "_", "HOME", "TMPDIR", "LANG", "LC_CTYPE", "_X_AMZN_TRACE_ID", "AWS_XRAY_DAEMON_ADDRESS",
    "_AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_PORT", "AWS_XRAY_CONTEXT_MISSING"})
"""What is about the machine that a function runs on."""
_FIRST_REST, _LONGEST_REST = 5.0, 60.0
_CONNECT_AT_START = 1.0
_CONNECT = 0.05
"""Beside the time that a developer has to answer: so the deployed code never waits for more than both."""
_AGAIN = 2.0
"""For connecting where a developer answered the last time."""
_SENDING = 20.0
"""For a call of 6 MB."""
_HTTP = "application/vnd.awslambda.http-integration-response"


class ForwardingHandler:
    """The handler. ``environment`` is the function's; ``deployed`` imports the handler that it stands in front of."""

    def __init__(self, environment: Mapping[str, str], deployed: Callable[[], Any]) -> None:
        self._environment = {k: v for k, v in environment.items() if k not in _MACHINE
                             and not k.startswith("SST_LIVE_")}
        self._import, self._handler = deployed, None
        self._until = float(environment["SST_LIVE_UNTIL"])
        self._wait = float(environment.get("SST_LIVE_WAIT") or 150) / 1000
        self._streams = bool(environment.get("SST_STREAMING"))
        self._channel = environment["SST_LIVE_CHANNEL"]
        self._name = uuid.uuid4().hex[:20]
        self._channels = (f"{self._channel}/out/{self._name}", f"{self._channel}/{ALL}")
        self._line = EventsConnection(environment["SST_LIVE_HTTP"], environment["SST_LIVE_REALTIME"],
                                      lambda: _keys(os.environ))
        self._files = _beside(environment)
        self._there, self._rest, self._rests_until = False, _FIRST_REST, 0.0
        if not self._peer("", _CONNECT_AT_START):
            self._handler = deployed()

    def __call__(self, event: Any, context: Any) -> Any:
        if time.time() >= self._until:
            self._line.close()
        elif time.monotonic() >= self._rests_until or self._hello():
            call = uuid.uuid4().hex
            if peer := self._peer(call, _AGAIN if self._there else _CONNECT):
                return self._answer(call, peer, event, context)
        if self._handler is None:
            self._handler = self._import()
        return self._handler(event, context)

    def _peer(self, call: str, connect: float) -> str:
        """Who takes the call; "" if nobody answers in time. Connecting may take ``connect`` seconds on top of the time
        to answer."""
        until, peer = time.monotonic() + connect + self._wait, ""
        try:
            if not self._line.is_open:
                self._line.open(self._channels, until)
            try:
                peer = self._asked(call, until)
            except ConnectionError:  # what was open has been closed while this process was frozen
                self._line.open(self._channels, until)
                peer = self._asked(call, until)
        except OSError:
            self._line.close()
        self._there = bool(peer)
        self._rest = _FIRST_REST if peer else min(self._rest * 2, _LONGEST_REST) if self._rests_until else _FIRST_REST
        self._rests_until = 0.0 if peer else time.monotonic() + self._rest
        return peer

    def _hello(self) -> bool:
        """Whether somebody has come meanwhile. Costs nothing: it lies in what was received."""
        try:
            while self._line.is_open and (got := self._line.hear(time.monotonic())):
                if got[0].get("k") == "hello":
                    return True
        except OSError:
            pass
        return False

    def _asked(self, call: str, until: float) -> str:
        while self._line.hear(time.monotonic()):  # what came late
            pass
        self._say({"k": "ask", "call": call}, until)
        until = min(until, time.monotonic() + self._wait)
        while (got := self._line.hear(until)) is not None:
            if got[0].get("k") == "here" and got[0].get("call") == call:
                return str(got[0]["from"])
        return ""

    def _say(self, head: Mapping[str, Any], until: float, body: bytes = b"", name: str = "") -> None:
        head = {**head, "worker": self._name}
        self._line.say(f"{self._channel}/{DEVELOPER}", pieces(name or uuid.uuid4().hex, head, body), until)

    def _answer(self, call: str, peer: str, event: Any, context: Any) -> Any:
        seconds = context.get_remaining_time_in_millis() / 1000
        head = {"k": "call", "call": call, "to": peer,
                "function": ":".join(context.invoked_function_arn.split(":")[:7]),
                "request": context.aws_request_id, "environment": self._environment, "files": self._files,
                "trace": os.environ.get("_X_AMZN_TRACE_ID", ""), "deadline": time.time() + seconds,
                "context": json.dumps(_plain(context.client_context)) if getattr(context, "client_context", None)
                else ""}
        sys.stdout.write(f"{context.aws_request_id} runs in sst dev on a developer's machine\n")
        text = json.dumps(event, ensure_ascii=False)
        answers = self._answers(call, peer, head, text.encode("utf-8", "surrogatepass"))
        first, body = next(answers)
        if first["k"] == "end":
            return _result(first, body)
        if not self._streams or first.get("kind") != _HTTP:
            return _whole(first.get("kind", ""), b"".join(_parts(answers)))
        from ..stream import Streamed

        parts = _parts(answers)
        start = b""
        while b"\0" * 8 not in start:
            start += next(parts)
        prelude, _, rest = start.partition(b"\0" * 8)
        return Streamed(json.loads(prelude), _joined(rest, parts))

    def _answers(self, call: str, peer: str, head: Mapping[str, Any],
                 event: bytes) -> Iterator[tuple[dict[str, Any], bytes]]:
        """The messages of the answer in their order. What got lost is asked for again; raises if nothing comes any
        more."""
        early: dict[int, tuple[dict[str, Any], bytes]] = {}
        heard = asked = time.monotonic()
        wanted, sent = 0, False
        while True:
            try:
                if not self._line.is_open:
                    self._line.open(self._channels, heard + SILENCE)
                    asked = 0.0
                if not sent:
                    self._say(head, time.monotonic() + _SENDING, event, f"{call}-call")
                    heard = asked = time.monotonic()
                    sent = True
                elif time.monotonic() - asked >= ASK:
                    self._say({"k": "again", "call": call, "to": peer, "seq": wanted}, heard + SILENCE)
                    asked = time.monotonic()
                got = self._line.hear(min(heard + SILENCE, asked + ASK))
            except OSError:  # on the next turn it is opened again, if it is closed
                got = None
                time.sleep(0.05)
            if got is None:
                if time.monotonic() - heard >= SILENCE:
                    raise _failure("Sst.DeveloperGone",
                                   "sst dev ended, or lost its connection, while it ran this function", [])
                continue
            about, body = got
            if about.get("call") != call or about.get("from") != peer:
                continue
            heard = time.monotonic()
            if about["k"] == "lost":  # it never got the call, so it has not run it
                sent = False
            elif about["k"] in ("open", "part", "end"):
                early[about["seq"]] = about, body
            if about.get("sent", 0) <= wanted + len(early):
                asked = heard
            while wanted in early:
                yield early.pop(wanted)
                wanted += 1


def _parts(answers: Iterator[tuple[dict[str, Any], bytes]]) -> Iterator[bytes]:
    for head, body in answers:
        if head["k"] == "end":
            if head.get("error"):
                _result(head, body)
            return
        yield body


def _joined(first: bytes, rest: Iterator[bytes]) -> Generator[bytes, None, None]:
    if first:
        yield first
    yield from rest


def _result(head: Mapping[str, Any], body: bytes) -> Any:
    """What the handler gave, or raises what it raised."""
    if not head.get("error"):
        return json.loads(body or b"null")
    try:
        error = json.loads(body)
    except ValueError:
        error = {}
    if not isinstance(error, dict):
        error = {}
    trace = error.get("stackTrace") or error.get("trace") or []
    raise _failure(str(error.get("errorType", "Error")), str(error.get("errorMessage", "")), trace)


def _whole(kind: str, body: bytes) -> Any:
    """A response in parts for a function that does not stream: as a front end takes it in one piece."""
    if kind != _HTTP:
        return body.decode("utf-8", "replace")
    prelude, _, body = body.partition(b"\0" * 8)
    return {**json.loads(prelude), "body": base64.b64encode(body).decode(), "isBase64Encoded": True}


def _failure(kind: str, message: str, trace: list[str]) -> Exception:
    """An exception that Lambda tells of with that type, message and trace: its own client has one, and so has ours."""
    own = getattr(sys.modules.get("__main__"), "_Failed", None)
    if own is not None:
        return own(kind, message, trace)  # type: ignore[no-any-return]  # of a module that is no package's
    try:
        from awslambdaric.lambda_runtime_exception import FaultException  # type: ignore[import-not-found]
    except ImportError:
        made: Exception = type(kind, (Exception,), {})(message)
        return made
    return FaultException(kind, message, trace)  # type: ignore[no-any-return]


def _keys(environment: Mapping[str, str]) -> Keys:
    return Keys(*(environment.get(name, "") for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
                                                         "AWS_SESSION_TOKEN")))


def _beside(environment: Mapping[str, str]) -> dict[str, str]:
    """What the deployed bundle has and the source has not."""
    name = environment.get("SST_KEY_FILE", "")
    try:
        with open(os.path.join(environment.get("LAMBDA_TASK_ROOT", ""), name), "rb") as f:  # noqa: PTH118, PTH123  # pathlib costs 4 ms
            return {name: base64.b64encode(f.read()).decode()}
    except OSError:
        return {}


def _plain(value: Any) -> Any:
    """Of an object of the runtime, what it was made from."""
    if isinstance(value, (str, int, float, bool, type(None))):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return {k: _plain(v) for k, v in (value if isinstance(value, dict) else vars(value)).items()}
