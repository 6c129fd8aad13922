"""Runs a WSGI app."""
from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from .request import Request
from .response import Response, failed

__all__ = ["Wsgi", "WsgiApp"]

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_log = logging.getLogger("sst.web")


class Wsgi:
    def __init__(self, app: WsgiApp) -> None:
        self._app = app

    def serve(self, request: Request, event: Any, context: Any) -> Response:
        """The app's response; its body is made while it is iterated. What the app raises before that becomes a 500."""
        exchange = _Exchange(self._app, {**_environ(request), "aws.event": event, "aws.context": context})
        try:
            exchange.begin()
        except Exception:
            _log.exception("the app failed at %s %s", request.method, request.path)
            exchange.close()
            return failed()
        return Response(exchange.status, exchange.headers, exchange)

    def close(self) -> None:
        pass


class _Exchange:
    """One request and its response. Iterating gives the body, each part when the app makes it."""

    def __init__(self, app: WsgiApp, environ: dict[str, Any]) -> None:
        self._app, self._environ = app, environ
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self._ready: list[bytes] = []
        self._body: Iterable[bytes] = ()
        self._rest: Iterator[bytes] = iter(())
        self._sent = self._closed = False

    def begin(self) -> None:
        """Call the app; go on to its first part, for only then the status must be known."""
        self._body = self._app(self._environ, self._start)
        self._rest = iter(self._body)
        for part in self._rest:
            self._ready.append(part)
            if self.status and any(self._ready):
                break
        if not self.status:
            raise RuntimeError("the app ended without calling start_response")

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self._sent = True
        while not self._closed:
            try:
                part = self._ready.pop(0) if self._ready else next(self._rest)
            except BaseException as e:
                if not isinstance(e, StopIteration):
                    _log.exception("the app failed at %s %s", self._environ["REQUEST_METHOD"],
                                   self._environ["PATH_INFO"])
                self.close()
                raise
            if part:
                return part
        raise StopIteration

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            if (close := getattr(self._body, "close", None)) is not None:
                close()

    def _start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        if exc_info is not None and self._sent:
            raise exc_info[1].with_traceback(exc_info[2])
        if exc_info is None and self.status:
            raise RuntimeError("start_response was called twice")
        self.status = int(status.split(None, 1)[0])
        self.headers = [(k.lower(), v.strip()) for k, v in headers]
        return self._ready.append


def _environ(request: Request) -> dict[str, Any]:
    path, root = (unquote_to_bytes(p).decode("latin-1") for p in (request.path, request.root))
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method, "SCRIPT_NAME": root, "PATH_INFO": path[len(root):],
        "QUERY_STRING": request.query,
        "REQUEST_URI": request.path + (f"?{request.query}" if request.query else ""), "RAW_URI": request.path,
        "SERVER_NAME": request.host, "SERVER_PORT": str(request.port), "SERVER_PROTOCOL": f"HTTP/{request.version}",
        "REMOTE_ADDR": request.client, "CONTENT_TYPE": request.header("content-type"),
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.version": (1, 0), "wsgi.url_scheme": request.scheme, "wsgi.input": BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False, "wsgi.multiprocess": False, "wsgi.run_once": False,
        "wsgi.input_terminated": True,
    }
    for name, value in request.headers:
        if name in ("content-type", "content-length"):
            continue
        key = f"HTTP_{name.upper().replace('-', '_')}"
        between = "; " if name == "cookie" else ","
        environ[key] = f"{environ[key]}{between}{value}" if key in environ else value
    return environ
