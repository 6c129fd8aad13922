"""The app of a site in a container, for the server that runs it there: ``uvicorn sst.runtime.behind:app``, or
``gunicorn sst.runtime.behind:app`` for an app of WSGI.

``SST_APP`` names the app, ``"app.main:app"``, or a function that makes it, ``"app.main:create_app()"``; ``SST_SITE`` is
the address of the site, ``SST_ROOT_PATH`` the path below which the app is. The app sees each request as the visitor
sent it to the CDN.
"""
from __future__ import annotations

import importlib
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any, cast
from urllib.parse import urlsplit

from .asgi import AsgiApp
from .web import is_asgi
from .wsgi import WsgiApp

__all__ = ["HEALTH", "Asgi", "Visitor", "Wsgi", "behind"]

HEALTH = "/_sst/health"
"""Answered without the app, for the load balancer: the process runs, and the app was imported and started."""
_DROPPED = frozenset({"host", "x-sst-key", "x-forwarded-proto", "x-forwarded-port"})
Message = MutableMapping[str, Any]


class Visitor:
    """What CDN and load balancer say of the one who asks."""

    def __init__(self, scheme: str, headers: Mapping[str, str]) -> None:
        self.shown = headers.get("x-forwarded-host") or headers.get("host") or "localhost"
        """The host as the browser has it, with its port where that has one."""
        host, _, port = self.shown.rpartition(":") if ":" in self.shown and self.shown[-1] != "]" else (
            self.shown, "", "")
        self.host, self.port = host, int(port) if port.isdigit() else 80 if scheme == "http" else 443
        # The load balancer adds the edge at the end, and the edge the visitor; what is before them, anybody can send.
        chain = [part.strip() for part in headers.get("x-forwarded-for", "").split(",")]
        self.address = chain[-2] if len(chain) > 1 else chain[0]


class Asgi:
    """An app of ASGI behind the CDN; WebSockets too."""

    def __init__(self, app: AsgiApp, scheme: str, root: str) -> None:
        self._app, self._scheme, self._root = app, scheme, root

    async def __call__(self, scope: Message, receive: Callable[[], Awaitable[Message]],
                       send: Callable[[Message], Awaitable[None]]) -> None:
        if scope["type"] == "http" and scope["path"] == HEALTH:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"ok"})
            return
        await self._app(self._seen(scope) if scope["type"] in ("http", "websocket") else scope, receive, send)

    def _seen(self, scope: Message) -> Message:
        headers: list[tuple[bytes, bytes]] = scope["headers"]
        visitor = Visitor(self._scheme, {k.decode("latin-1"): v.decode("latin-1") for k, v in headers})
        scheme = self._scheme if scope["type"] == "http" else {"https": "wss"}.get(self._scheme, "ws")
        own = [(b"host", visitor.shown.encode("latin-1")), (b"x-forwarded-proto", self._scheme.encode())]
        return {**scope, "scheme": scheme, "server": (visitor.host, visitor.port), "root_path": self._root,
                "client": (visitor.address, 0) if visitor.address else scope.get("client"),
                "headers": [*own, *((k, v) for k, v in headers if k.decode("latin-1") not in _DROPPED)]}


class Wsgi:
    """An app of WSGI behind the CDN."""

    def __init__(self, app: WsgiApp, scheme: str, root: str) -> None:
        self._app, self._scheme, self._root = app, scheme, root

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == HEALTH:
            start("200 OK", [("Content-Type", "text/plain")])
            return [b"ok"]
        visitor = Visitor(self._scheme, {k[5:].lower().replace("_", "-"): v for k, v in environ.items()
                                         if k.startswith("HTTP_")})
        kept = {k: v for k, v in environ.items() if k[5:].lower().replace("_", "-") not in _DROPPED
                or not k.startswith("HTTP_")}
        if self._root and (path == self._root or path.startswith(f"{self._root}/")):
            kept |= {"SCRIPT_NAME": self._root, "PATH_INFO": path[len(self._root):]}
        return self._app({**kept, "HTTP_HOST": visitor.shown, "HTTP_X_FORWARDED_PROTO": self._scheme,
                          "wsgi.url_scheme": self._scheme, "SERVER_NAME": visitor.host,
                          "SERVER_PORT": str(visitor.port),
                          "REMOTE_ADDR": visitor.address or environ.get("REMOTE_ADDR", "")}, start)


def behind(environment: Mapping[str, str]) -> Asgi | Wsgi:
    """The app that ``SST_APP`` names."""
    module, _, name = environment["SST_APP"].partition(":")
    app: Any = importlib.import_module(module)
    for part in name.removesuffix("()").split("."):
        app = getattr(app, part)
    if name.endswith("()"):
        app = app()
    scheme, root = urlsplit(environment.get("SST_SITE", "")).scheme or "https", environment.get("SST_ROOT_PATH", "")
    return Asgi(cast(AsgiApp, app), scheme, root) if is_asgi(app) else Wsgi(cast(WsgiApp, app), scheme, root)


def __getattr__(name: str) -> Any:
    """``app``, once a server asks for it."""
    if name == "app":
        return behind(os.environ)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
