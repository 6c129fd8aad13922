"""Records what happens in this cloud, beside the calls: they hand over what they know and go on.

A thread of its own redacts it and writes it to ``console.db``. What waits for it is bounded: where it can't keep up, or
can't write, rows are dropped and counted, and no call is held up.
"""
from __future__ import annotations

import functools
import json
import logging
import sqlite3
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sst.embedded.aws_call import AwsCall
from sst.embedded.hidden import Hidden
from sst.embedded.record_file import FILE, RecordFile, Row, set_aside
from sst.executor import FunctionVersion, Invocation
from sst.executor.lines import is_platform, spoken

__all__ = ["Recorder", "recorder", "start_recorder"]

SHOWN_BYTES = 64 * 1024
"""Of an event, a response or a line that are recorded."""
CALL_LINES = 10_000
"""Of one call that are recorded; the log has them all."""
_WAITING_ROWS, _WAITING_BYTES = 50_000, 64 * 1024 * 1024
_REPLAYS, _REPLAY_BYTES = 200, 64 * 1024 * 1024
_PAUSE_SECONDS, _RETRY_SECONDS = 0.1, 5.0
_WITHHELD = "[not recorded: the state of this project can't be read, so its secrets are not known]"
_log = logging.getLogger("sst.recorder")
Work = tuple[int, Callable[[], Row | None]]


class Recorder:
    """``folder`` None: nothing is recorded."""

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / FILE if folder else None
        self._hidden = Hidden(folder) if folder else None
        self._waiting: deque[Work] = deque()
        self._bytes = self.dropped = 0
        self._lock, self._news = threading.Lock(), threading.Event()
        self._replays: OrderedDict[str, tuple[FunctionVersion, bytes]] = OrderedDict()
        self._replay_bytes = 0
        self._keys: dict[str, str] = {}
        self._clocks: dict[str, float] = {}
        self._lines: OrderedDict[str, int] = OrderedDict()
        self._file: RecordFile | None = None
        self._failing, self._retry = False, 0.0
        self._busy = False
        if folder:
            threading.Thread(target=self._run, daemon=True, name="recorder").start()

    # what happens; called from any thread

    def began(self, function: FunctionVersion, event: bytes, request: str, *, trace: str, parent: str, span: str,
              trigger: str = "invoke", causes: Sequence[str] = (), replay_of: str = "") -> None:
        if self._hidden is None:
            return
        at = time.time()
        self._clocks[request] = time.monotonic()
        if self._hidden.see(function) and (key := dict(function.environment).get("AWS_ACCESS_KEY_ID")):
            self._keys[key] = function.name
        self._keep(request, function, event)

        def row() -> Row:
            return "invocation", {
                "request": request, "function": function.name, "trace": trace, "parent": parent, "span": span,
                "causes": " ".join(causes), "began": at, "memory_limit": function.memory, "runtime": function.runtime,
                "trigger": self._redacted(trigger), "event": self._text(event), "event_size": len(event),
                "replay_of": replay_of}

        self._put(len(event), row)

    def ended(self, made: Invocation, response: bytes = b"") -> None:
        """``response``: the beginning of an answer in parts; else it is in ``made``."""
        request, error, causes = made.request_id, bool(made.error), made.causes
        body = made.payload if error else response or made.payload
        found = _answer(made, body)
        size, shown, status = len(body), body[:SHOWN_BYTES * 4], 0 if error else _status(found)
        began = self._clocks.pop(request, None)
        facts = {"ms": made.duration_ms, "took": (time.monotonic() - began) * 1000 if began else made.duration_ms,
                 "cold": int(made.cold), "init_ms": made.init_ms,
                 "memory": made.max_memory_mb, "response_size": size}

        kind, message = (str(found.get(k) or "") for k in ("errorType", "errorMessage")) if error else ("", "")
        if error and causes:
            shown = json.dumps({**found, "causes": causes}).encode()

        def row() -> Row:
            return "invocation", {"request": request, **facts, "response": self._text(shown), "status": status,
                                  "error": self._redacted(kind or ("Unhandled" if error else "")),
                                  "message": self._redacted(message[:SHOWN_BYTES]),
                                  "failed": int(error or status >= 500)}

        self._put(len(shown), row)

    def lines(self, function: str, request: str, lines: Sequence[tuple[int, str]]) -> None:
        """(milliseconds since 1970, text)"""
        if self._path is None:
            return
        for at, logged in lines:
            if is_platform(logged):
                continue
            text = logged[:SHOWN_BYTES] + (f"… {len(logged)} characters" if len(logged) > SHOWN_BYTES else "")
            self._put(len(text), functools.partial(self._line, function, request, at, text))

    def call(self, describe: Callable[[], AwsCall], *, trace: str, span: str, parent: str, began: float, status: int,
             ms: float, key: tuple[str, bool]) -> None:
        """An AWS call. ``key``: the access key that signed it, and whether it signed a URL in advance."""
        def row() -> Row | None:
            found = describe()
            function, presigned = self._keys.get(key[0], ""), key[1] and bool(key[0])
            if not parent and not function and found.service not in ("s3", "sqs", "sns", "events", "kinesis",
                                                                     "dynamodb", "states", "lambda"):
                return None  # of a deploy
            return "call", {"trace": trace, "parent": parent, "span": span, "began": began, "ms": ms,
                            "service": found.service, "action": found.action,
                            "resource": self._redacted(found.resource), "status": status, "error": found.error,
                            "function": function, "presigned": int(presigned)}

        self._put(1024, row)

    def replay(self, request: str) -> tuple[str, bytes] | None:
        """The function (its ARN) and the event of a call of this process; None if it is too long ago."""
        with self._lock:
            found = self._replays.get(request)
        return (found[0].arn, found[1]) if found else None

    def restored(self, text: str) -> str | None:
        """A recorded event with its secrets put back; None if it can't be."""
        return self._hidden.restored(text) if self._hidden else None

    def flush(self, seconds: float = 5.0) -> None:
        """Wait until what was handed over is written, or dropped."""
        until = time.monotonic() + seconds
        while (self._waiting or self._busy) and time.monotonic() < until:
            time.sleep(0.005)

    # the thread

    def _put(self, size: int, row: Callable[[], Row | None]) -> None:
        if self._path is None:
            return
        with self._lock:
            if len(self._waiting) >= _WAITING_ROWS or self._bytes + size > _WAITING_BYTES:
                self.dropped += 1
                return
            self._waiting.append((size, row))
            self._bytes += size
        if not self._news.is_set():
            self._news.set()

    def _run(self) -> None:
        while True:
            self._news.wait()
            time.sleep(_PAUSE_SECONDS)
            try:
                self._turn()
            except Exception:  # a row of a shape that nobody thought of must not end the recording
                _log.exception("a batch could not be recorded")
            self._busy = False

    def _turn(self) -> None:
        assert self._hidden
        if not self._hidden.settled():
            return
        self._news.clear()
        self._busy = True
        with self._lock:
            work = [self._waiting.popleft() for _ in range(min(len(self._waiting), 2_000))]
            self._bytes -= sum(size for size, _ in work)
            if self._waiting:
                self._news.set()
        rows: list[Row] = []
        for _, make in work:
            if row := make():
                rows.append(row)
            time.sleep(0)   # a request must not wait for the interpreter until the batch is done
        if self.dropped:
            rows.append(("line", {"request": "", "function": "", "at": time.time(), "level": "WARN",
                                  "text": f"{self.dropped} rows were not recorded: more came than could be written"}))
        if rows and self._write(rows):
            self.dropped = 0

    def _write(self, rows: Sequence[Row]) -> bool:
        if self._failing and time.monotonic() < self._retry:
            self.dropped += len(rows)
            return False
        try:
            self._opened().write(rows)
        except (sqlite3.Error, OSError) as error:
            return self._failed(error, rows)
        self._failing = False
        return True

    def _failed(self, error: Exception, rows: Sequence[Row]) -> bool:
        """A file that is damaged, or of another version, is set aside once; otherwise the calls go on unrecorded."""
        assert self._path
        if self._file:
            self._file.close()
            self._file = None
        lasting = isinstance(error, OSError) or any(w in str(error) for w in ("full", "readonly", "disk I/O", "locked"))
        if not lasting and not self._failing:
            self._failing = True
            try:
                _log.warning("%s can't be used (%s); it is now %s", self._path, error, set_aside(self._path))
                return self._write_again(rows)
            except OSError as other:
                error = other
        if not self._failing or self._retry == 0.0:
            _log.warning("calls are not recorded: %s: %s", self._path, error)
        self._failing, self._retry = True, time.monotonic() + _RETRY_SECONDS
        self.dropped += len(rows)
        return False

    def _write_again(self, rows: Sequence[Row]) -> bool:
        try:
            self._opened().write(rows)
        except (sqlite3.Error, OSError) as error:
            return self._failed(error, rows)
        self._failing = False
        return True

    def _opened(self) -> RecordFile:
        assert self._path
        if self._file is None or not self._path.exists():
            if self._file:
                self._file.close()
            self._file = RecordFile(self._path)
        return self._file

    def _line(self, function: str, request: str, at: int, text: str) -> Row | None:
        count = self._lines[request] = self._lines.get(request, 0) + 1
        if count == 1 and len(self._lines) > 1_000:
            self._lines.popitem(last=False)
        if request and count > CALL_LINES:
            if count > CALL_LINES + 1:
                return None
            text = f"… more than {CALL_LINES} lines; `sst logs` has them all"
        level, said = spoken(text)
        return "line", {"request": request, "function": function, "at": at / 1000, "level": level,
                        "text": self._redacted(said)}

    def _keep(self, request: str, function: FunctionVersion, event: bytes) -> None:
        with self._lock:
            self._replays[request] = function, event
            self._replay_bytes += len(event)
            while len(self._replays) > _REPLAYS or self._replay_bytes > _REPLAY_BYTES:
                _, (_, dropped) = self._replays.popitem(last=False)
                self._replay_bytes -= len(dropped)

    def _text(self, body: bytes) -> str:
        if b"\0" in body.partition(b"\0" * 8)[0]:
            return f"[{len(body)} bytes]"
        # a secret may lie across the cut: cut again once it is replaced
        return self._redacted(body[:SHOWN_BYTES + 4096].decode("utf-8", "replace"))[:SHOWN_BYTES]

    def _redacted(self, text: str) -> str:
        assert self._hidden
        if not text.isascii():      # half of a pair of UTF-16 is no text that can be stored
            text = text.encode("utf-8", "replace").decode("utf-8")
        return self._hidden.redact(text) if self._hidden.readable else _WITHHELD if text else ""


def _answer(made: Invocation, body: bytes) -> Mapping[str, Any]:
    """What it answered, if that is an object; of a response in parts its beginning."""
    head, parts, _ = body.partition(b"\0" * 8)
    try:
        found = json.loads(head) if parts or body is not made.payload else made.document()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _status(answer: Mapping[str, Any]) -> int:
    status = answer.get("statusCode")
    return int(status) if isinstance(status, int | str) and str(status).isdigit() else 0


_current = Recorder(None)


def recorder() -> Recorder:
    """That of this process."""
    return _current


def start_recorder(folder: Path) -> Recorder:
    global _current
    _current = Recorder(folder)
    return _current
