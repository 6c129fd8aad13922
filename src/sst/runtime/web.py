"""Makes a function's handler of a web app: FastAPI, Starlette, Django, Flask, or any other ASGI 3 or WSGI app.

    aws.Function("Api", handler="app.main:app", url=True)      # sst wraps the app by itself

    from sst.runtime.web import handler                        # or by hand
    handler = handler(app)
"""
from __future__ import annotations

import atexit
import contextlib
import functools
import inspect
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, cast

from ..errors import UserError
from .origin import from_edge
from .request import read_request
from .response import answer, failed, prelude, refused
from .stream import Streamed
from .wsgi import Wsgi, WsgiApp

if TYPE_CHECKING:
    from .asgi import Asgi, AsgiApp

__all__ = ["WebHandler", "handler", "is_asgi"]


class WebHandler:
    """A handler: ``handler(event, context)`` returns what the front end wants, or a ``Streamed``. ``close`` shuts the
    app down."""

    def __init__(self, server: Asgi | Wsgi, *, streaming: bool, root_path: str | None) -> None:
        self._server, self._streaming, self._root = server, streaming, root_path

    def __call__(self, event: Any, context: Any) -> dict[str, Any] | Streamed:
        if isinstance(event, dict) and event.get("type") == "warmer" and "requestContext" not in event:
            time.sleep(min(float(event.get("delay", 0)), 1000) / 1000)
            return {"type": "warmer"}
        if "SST_DJANGO_SETTINGS" in os.environ and isinstance(event, dict) and "requestContext" not in event:
            return _django(event)
        request = read_request(event, self._root)
        admitted = from_edge(request, event, os.environ)
        response = self._server.serve(admitted, event, context) if admitted else refused()
        if self._streaming and request.form == "v2":
            return Streamed(prelude(response), response.chunks)
        try:
            body = b"".join(response.chunks)
        except Exception:  # logged by the one who raised it
            response, body = failed(), b"Internal Server Error"
        finally:
            response.chunks.close()
        return answer(response, body, request)

    def close(self) -> None:
        """Shut the app down (ASGI lifespan). It can't be called after that."""
        self._server.close()


def handler(app: Any, *, streaming: bool | None = None, root_path: str | None = None) -> WebHandler:
    """The handler that serves ``app`` behind API Gateway (HTTP and REST), a function URL or a load balancer.

    An ASGI app is started here, once a sandbox: a failed startup fails the function's init with the app's message.
    Background tasks end before the response is returned, for the sandbox sleeps after it. ``streaming`` sends parts as
    they are made; the front end must be a function URL with ``RESPONSE_STREAM``; default: whether ``SST_STREAMING`` is
    ``1``. ``root_path`` is the path before the app's own (a base path of a custom domain); default: the variable
    ``SST_ROOT_PATH``, else the API's stage.
    The app finds the event and the context as ``aws.event`` and ``aws.context`` in its scope or environ. Raises
    ``UserError`` for what is no app.
    """
    server: Asgi | Wsgi
    if asgi := is_asgi(app):
        from .asgi import Asgi  # brings asyncio, which an app of WSGI can do without

        server = Asgi(cast("AsgiApp", app))
    else:
        server = Wsgi(cast("WsgiApp", app))
    made = WebHandler(server, streaming=os.environ.get("SST_STREAMING") == "1" if streaming is None else streaming,
                      root_path=os.environ.get("SST_ROOT_PATH") if root_path is None else root_path)
    if asgi:
        atexit.register(_last, made)
        _exit_when_told()
    return made


def _django(event: dict[str, Any]) -> dict[str, Any]:
    """A management command, or tasks of a queue; never of a URL, whose events are requests."""
    from .django import is_work, manage, work

    if is_work(event):
        return work(event)
    if "sst:manage" not in event:
        raise UserError("the event is neither a management command nor one of the queue of tasks")
    return manage(event["sst:manage"], event.get("environment"))


def _last(made: WebHandler) -> None:
    with contextlib.suppress(Exception):  # the interpreter ends: there may be no threads any more
        made.close()


def _exit_when_told() -> None:
    """On Lambda, shut down gracefully on SIGTERM, so that the app's shutdown runs."""
    in_main = threading.current_thread() is threading.main_thread()
    if "AWS_LAMBDA_RUNTIME_API" in os.environ and in_main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


def is_asgi(app: Any) -> bool:
    """Whether an app is one of ASGI 3, and not of WSGI. Raises ``UserError`` for what is neither."""
    if isinstance(app, type) or not callable(app):
        raise UserError(f"the handler is not a web app: {app!r}",
                        hint='name an ASGI or WSGI app: handler="app.main:app"')
    plain = app
    while isinstance(plain, functools.partial):
        plain = plain.func
    if inspect.iscoroutinefunction(plain) or inspect.iscoroutinefunction(plain.__call__):
        return True
    if _takes(app, 2):
        return False
    if _takes(app, 3):
        return True
    raise UserError(f"the handler takes neither the arguments of an ASGI 3 app nor those of a WSGI app: {app!r}",
                    hint="ASGI: async def app(scope, receive, send); WSGI: def app(environ, start_response)")


def _takes(app: Any, count: int) -> bool:
    try:
        inspect.signature(app).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:  # written in C, nobody knows
        return True
    return True
