"""The log records of a Python function, in the format of Lambda's Python runtime. Python 3.9, standard library only.

Source: https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html
"""
from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from typing import Any

__all__ = ["Log"]


_CAUSES = 16 * 1024
"""Characters."""


class Log(logging.Handler):
    """Writes records as Lambda does: level, time, request id, message; or as JSON if the function's log format is JSON.

    out: where records are written. document: the error document of an exception.
    """

    request_id = ""

    def __init__(self, out: Any, *, document: Callable[[BaseException], dict[str, Any]], as_json: bool) -> None:
        super().__init__()
        self._out, self._document, self._json = out, document, as_json
        formatter = logging.Formatter("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s",
                                      "%Y-%m-%dT%H:%M:%S")
        formatter.converter = time.gmtime
        self.setFormatter(formatter)
        self._default = formatter

    def emit(self, record: logging.LogRecord) -> None:
        try:
            record.aws_request_id = self.request_id
            if self._json and self.formatter is self._default:
                self.write(json.dumps(self._fields(record), default=str))
            else:
                self.write(self.format(record))
        except Exception:
            self.handleError(record)

    def write(self, text: str) -> None:
        self._out.write(text.rstrip("\n").replace("\n", "\r") + "\n")
        self._out.flush()

    def error(self, error: dict[str, Any]) -> None:
        """What the handler raised."""
        if self._json:
            self.write(json.dumps({"timestamp": _stamp(time.time()), "log_level": "ERROR", "requestId": self.request_id,
                                   **error}))
        else:
            self.write(f"[ERROR] {error['errorType']}: {error['errorMessage']}\n"
                       f"Traceback (most recent call last):\n{''.join(error['stackTrace'])}")

    @staticmethod
    def causes(e: BaseException, hidden: str) -> str:
        """A header for our own executor, which shows it: the traceback of an error with causes or members, without
        frames of the file ``hidden``. Nothing for any other error: its document says it all."""
        if not (e.__cause__ or getattr(e, "exceptions", None) or (e.__context__ and not e.__suppress_context__)):
            return ""
        import base64
        import traceback

        whole = todo = [traceback.TracebackException.from_exception(e)]
        while todo:
            part, *todo = todo
            part.stack[:] = [f for f in part.stack if f.filename != hidden and not f.filename.startswith("<frozen")]
            todo += [p for p in (part.__cause__, part.__context__, *(getattr(part, "exceptions", None) or ())) if p]
        text = "".join(whole[0].format())[:_CAUSES]
        return f"Sst-Causes: {base64.b64encode(text.encode('utf-8', 'replace')).decode()}\r\n"

    def _fields(self, record: logging.LogRecord) -> dict[str, Any]:
        made = {"timestamp": _stamp(record.created), "level": record.levelname, "message": record.getMessage(),
                "logger": record.name, "requestId": self.request_id}
        if record.exc_info and record.exc_info[1]:
            made.update(self._document(record.exc_info[1]))
        return made


def _stamp(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1000):03d}Z"
