"""One plain ``http://127.0.0.1:PORT`` for each public thing: it works in curl and in a browser, and keeps its port.

A front door calls the emulator's data plane directly, never its AWS port: the emulator's own paths (health checks,
control endpoints) are the user's here. Browsers are answered, as they are by the real thing: CORS and authorization are
what the URL or API says. What a kind of address leads to is in `doors`.
"""
from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import logging
from socket import socket
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sst.embedded import emulator, trace, tracking
from sst.embedded.asgi import serve_app
from sst.embedded.cdn.distribution import Later
from sst.embedded.cdn.message import Head
from sst.embedded.cdn.server import serve
from sst.embedded.checkpoint import Checkpoints
from sst.embedded.doors import DOORS, Door, Request
from sst.embedded.doors.distribution import DistributionDoor
from sst.embedded.doors.function_url import FunctionUrl
from sst.embedded.doors.plain import plain_answer
from sst.embedded.gate import LOOPBACK, Receive, Scope, Send
from sst.embedded.patches import functions
from sst.embedded.patches.discovery import discovery
from sst.embedded.patches.function_url import RAW
from sst.embedded.ports import listener, remembered
from sst.embedded.settings import Settings
from sst.machine.authority import MachineAuthority
from sst.machine.files import write_private

__all__ = ["FrontDoor"]

_log = logging.getLogger("sst.front_door")
_GRACE = 1.0


class FrontDoor:
    """All open doors of one embedded cloud; ports are remembered in ``ports.json``."""

    def __init__(self, settings: Settings, checkpoints: Checkpoints) -> None:
        self._settings, self._checkpoints = settings, checkpoints
        self._file = settings.folder / "ports.json"
        self._ports: dict[str, int] = remembered(self._file)
        self._open: dict[str, tuple[int, asyncio.Task[None]]] = {}
        self._closing = asyncio.Event()
        own = MachineAuthority(settings.host)
        self._tls = own.server() if own.exists else None

    async def address(self, kind: str, value: str) -> str:
        """The loopback URL of ``value`` (an AWS-shaped host or URL); opens its door on first use.

        Path and kind of URL (http or ws) stay as they are. Raises `ValueError` for a kind without doors or a thing that
        is not there.
        """
        if kind == "discovery":     # a name of a service, which is an address
            return discovery().address(value)
        parts = urlsplit(value if "://" in value else f"{'wss' if kind == 'websocket' else 'https'}://{value}")
        host, door = parts.netloc.lower(), DOORS.get(kind)
        if door is None:
            raise ValueError(f"{kind} has no address on stage `local` yet")
        identity = door.identity(host)
        if identity is None:
            door = DOORS["domain"]
            identity = door.identity(host) or host
        if not door.exists(identity):
            raise ValueError(f"there is no {kind.replace('_', ' ')} {value}")
        port = await self._opened(door, identity)
        return f"{'ws' if parts.scheme in ('ws', 'wss') else 'http'}://127.0.0.1:{port}{parts.path}"

    async def restore(self) -> None:
        """Open the door of S3, and those of the last run on their ports, unless what was behind them is gone."""
        self._ports = {"s3/": self._settings.keys.s3_port, **{k: v for k, v in self._ports.items() if k != "s3/"}}
        for name in list(self._ports):
            kind, _, identity = name.partition("/")
            if kind in DOORS and DOORS[kind].exists(identity):
                with contextlib.suppress(OSError):
                    await self._opened(DOORS[kind], identity)
            else:
                del self._ports[name]

    def addresses(self) -> dict[str, str]:
        return {name: f"http://127.0.0.1:{port}" for name, (port, _) in sorted(self._open.items())}

    def edge_usage(self) -> dict[str, dict[str, float]]:
        """What edge functions have used so far, by their names."""
        return {name: used for door in DOORS.values() if isinstance(door, DistributionDoor)
                for name, used in door.usage().items()}

    async def close(self) -> None:
        self._closing.set()
        await asyncio.gather(*(task for _, task in self._open.values()), return_exceptions=True)

    async def _opened(self, door: Door, identity: str) -> int:
        name = f"{door.kind}/{identity}"
        if name in self._open:
            return self._open[name][0]
        line, port = listener(self._ports.get(name, 0))
        if self._ports.get(name, port) != port:
            _log.warning("port %s of %s is taken; it is at http://127.0.0.1:%s now", self._ports[name], name, port)
        serving = (door.serve(identity, line, self._settings, self._closing, _GRACE, self._tls)
                   if isinstance(door, DistributionDoor) else self._plainly(door, identity, line)
                   if isinstance(door, FunctionUrl) else self._served(door, identity, line))
        self._open[name] = port, asyncio.create_task(serving)
        if self._ports.get(name) != port:
            self._ports[name] = port
            write_private(self._file, json.dumps(self._ports, indent=1))
        return port

    async def _plainly(self, door: Door, identity: str, line: socket) -> None:
        """Without WebSockets and bodies that don't fit into memory, and in the loop that runs the function: at a
        fraction of the cost."""
        loop, ended = functions.loop(), asyncio.Event()

        def answers(head: Head) -> Later:
            return functools.partial(plain_answer, door, identity, head, self._settings.region)

        serving = asyncio.run_coroutine_threadsafe(serve(line, answers, ended, _GRACE, self._tls), loop)
        await self._closing.wait()
        loop.call_soon_threadsafe(ended.set)
        await asyncio.wrap_future(serving)

    async def _served(self, door: Door, identity: str, line: socket) -> None:
        app = _App(door, identity, self._settings, self._checkpoints)
        await serve_app(app, line, self._closing, grace=_GRACE, tls=self._tls)


class _App:
    """The ASGI app behind one port."""

    def __init__(self, door: Door, identity: str, settings: Settings, checkpoints: Checkpoints) -> None:
        self._door, self._identity, self._settings, self._checkpoints = door, identity, settings, checkpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _joined(scope["headers"])
        if scope["scheme"] in ("https", "wss"):
            headers["x-forwarded-proto"] = "https"
        if not LOOPBACK.fullmatch(headers.get("host", "")):  # a page elsewhere that made its own name point here
            if scope["type"] == "http":
                await send({"type": "http.response.start", "status": 403, "headers": []})
                await send({"type": "http.response.body", "body": b"this host name is not answered here"})
            else:
                await receive()
                await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "websocket":
            emulator.enter_region(self._settings.region)
            await self._door.websocket(self._identity, scope, receive, send)
        else:
            await self._http(scope, receive, send, headers)

    async def _http(self, scope: Scope, receive: Receive, send: Send, headers: dict[str, str]) -> None:
        method, query = scope["method"], scope["query_string"].decode("latin-1")
        raw_path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        parameters, region = parse_qs(query, keep_blank_values=True), self._settings.region
        emulator.pin_request(method, raw_path, parameters, scope["headers"], region)
        body = await emulator.read_body(receive, method, headers)
        if body is None:
            return
        request = Request(method, scope["path"], raw_path, query, parameters, headers, body)
        RAW.set((raw_path, query))
        if not self._door.keeps:  # functions: a trace begins here, unless the caller has one
            with trace.continued(headers.get("x-amzn-trace-id", "")) as header:
                headers.setdefault("x-amzn-trace-id", f"Root={trace.parse(header)[0]}")
                answer = await self._door.answer(self._identity, request, region=region)
        elif request.reads:
            with tracking.reading():
                answer = await self._door.answer(self._identity, request, region=region)
        else:
            with tracking.request() as held:
                answer = await self._door.answer(self._identity, request, region=region)
                await self._checkpoints.commit(held)
        not_found = (404, {"Content-Type": "application/json"}, b'{"message":"Not Found"}')
        await emulator.send_answer(send, receive, answer or not_found, head=method == "HEAD")


def _joined(raw: Any) -> dict[str, str]:
    """Headers with repeated ones joined as HTTP says: cookies by semicolons, all others by commas."""
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = headers[key] + ("; " if key == "cookie" else ",") + text if key in headers else text
    return headers
