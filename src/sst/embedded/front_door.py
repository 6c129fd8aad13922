"""One plain ``http://127.0.0.1:PORT`` for each public thing: it works in curl and in a browser, and keeps its port.

A front door calls the emulator's data plane directly, never its AWS port: a path like ``/_ministack/reset`` or
``/health`` is the user's own here. Browsers are answered, as they are by the real thing: CORS and authorization are
what the URL or API says.
"""
from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sst.embedded.checkpoint import Checkpoints
from sst.embedded.gate import Receive, Scope, Send
from sst.embedded.settings import Settings, read_json, write_private

__all__ = ["KINDS", "FrontDoor"]

_log = logging.getLogger("sst.front_door")
_GRACE = 1.0


@dataclass(frozen=True)
class _Place:
    """What a door leads to: the emulator's name for it and the host it expects."""

    kind: str
    id: str
    host: str


KINDS: Mapping[str, str] = {
    "function_url": "{id}.lambda-url.{region}.on.aws", "http_api": "{id}.execute-api.localhost",
    "rest_api": "{id}.execute-api.localhost", "websocket": "{id}.execute-api.localhost", "bucket": "", "s3": "",
    "domain": "{id}",
}
"""The kinds that have a door, and the host name under which the emulator knows them (S3 needs none)."""
_AWS_HOST = re.compile(r"([a-z0-9]+)\.(execute-api|lambda-url)\.[a-z0-9.-]+")


class FrontDoor:
    """All open doors of one embedded cloud; ports are remembered in ``ports.json``."""

    def __init__(self, settings: Settings, checkpoints: Checkpoints) -> None:
        self._settings, self._checkpoints = settings, checkpoints
        self._file = settings.folder / "ports.json"
        self._ports: dict[str, int] = {name: int(str(port)) for name, port in (read_json(self._file) or {}).items()}
        self._open: dict[str, tuple[int, asyncio.Task[None]]] = {}
        self._closing = asyncio.Event()

    async def address(self, kind: str, value: str) -> str:
        """The loopback URL of ``value`` (an AWS-shaped host or URL); opens its door on first use.

        Path and kind of URL (http or ws) stay as they are. Raises `ValueError` for a kind without doors or a thing that
        is not there.
        """
        parts = urlsplit(value if "://" in value else f"{'wss' if kind == 'websocket' else 'https'}://{value}")
        host = parts.hostname or ""
        place = _place(kind, host, self._settings.region)
        if not _exists(place):
            raise ValueError(f"there is no {kind.replace('_', ' ')} {value}")
        port = await self._opened(place)
        return f"{'ws' if parts.scheme in ('ws', 'wss') else 'http'}://127.0.0.1:{port}{parts.path}"

    async def restore(self) -> None:
        """Open the door of S3, and those of the last run on their ports, unless what was behind them is gone."""
        self._ports = {"s3/": self._settings.keys.s3_port, **{k: v for k, v in self._ports.items() if k != "s3/"}}
        for name in list(self._ports):
            kind, _, identity = name.partition("/")
            place = _Place(kind, identity, KINDS[kind].format(id=identity, region=self._settings.region))
            if _exists(place):
                with contextlib.suppress(OSError):
                    await self._opened(place)
            else:
                del self._ports[name]

    def addresses(self) -> dict[str, str]:
        return {name: f"http://127.0.0.1:{port}" for name, (port, _) in sorted(self._open.items())}

    async def close(self) -> None:
        self._closing.set()
        await asyncio.gather(*(task for _, task in self._open.values()), return_exceptions=True)

    async def _opened(self, place: _Place) -> int:
        from hypercorn.asyncio import serve
        from hypercorn.config import Config

        name = f"{place.kind}/{place.id}"
        if name in self._open:
            return self._open[name][0]
        line, port = _bound(self._ports.get(name, 0))
        if self._ports.get(name, port) != port:
            _log.warning("port %s of %s is taken; it is at http://127.0.0.1:%s now", self._ports[name], name, port)
        config = Config()
        config.bind, config.loglevel, config.keep_alive_timeout = [f"fd://{line.detach()}"], "WARNING", 75
        config.graceful_timeout = _GRACE
        door: Any = _Door(place, self._settings, self._checkpoints, port)
        self._open[name] = port, asyncio.create_task(serve(door, config, shutdown_trigger=self._closing.wait))
        if self._ports.get(name) != port:
            self._ports[name] = port
            write_private(self._file, json.dumps(self._ports, indent=1))
        return port


def _place(kind: str, host: str, region: str) -> _Place:
    if kind not in KINDS:
        raise ValueError(f"{kind} has no address on stage `local` yet")
    if kind in ("http_api", "rest_api", "websocket") and not _AWS_HOST.fullmatch(host):
        kind = "domain"
    identity = host if kind == "domain" else re.split(r"\.s3[.-]", host)[0] if kind == "bucket" else host.split(".")[0]
    return _Place(kind, identity, KINDS[kind].format(id=identity, region=region))


def _exists(place: _Place) -> bool:
    from ministack import app as emulator
    from ministack.services import apigateway, apigateway_v1, lambda_svc, s3

    if place.kind == "function_url":
        return lambda_svc.resolve_function_url(place.id) is not None
    if place.kind == "bucket":
        return any(key[-1] == place.id for key in list(s3._buckets._data))
    if place.kind == "domain":
        return emulator._resolve_custom_domain_request(place.host, "/") is not None
    return place.kind == "s3" or any(module.find_api_scope(place.id) is not None
                                     for module in (apigateway, apigateway_v1))


class _Door:
    """The ASGI app behind one port."""

    def __init__(self, place: _Place, settings: Settings, checkpoints: Checkpoints, port: int) -> None:
        self._place, self._settings, self._checkpoints = place, settings, checkpoints
        self._names = {f"127.0.0.1:{port}", f"localhost:{port}"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        headers = _joined(scope["headers"])
        if headers.get("host") not in self._names:  # a page elsewhere that made its own name point here
            if scope["type"] == "http":
                await send({"type": "http.response.start", "status": 403, "headers": []})
                await send({"type": "http.response.body", "body": b"this host name is not answered here"})
            else:
                await receive()
                await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._http(scope, receive, send, headers)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        from ministack.services import apigateway

        self._enter({})
        await apigateway.handle_websocket(scope, receive, send, self._place.id, path_override=scope["path"])

    async def _http(self, scope: Scope, receive: Receive, send: Send, headers: dict[str, str]) -> None:
        from ministack import app as emulator

        method, query = scope["method"], scope["query_string"].decode("latin-1")
        raw_path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        parameters = parse_qs(query, keep_blank_values=True)
        self._enter(headers)
        emulator.pin_request_origin("127.0.0.1", False)
        emulator.pin_signed_request(method, raw_path, parameters, scope["headers"])
        try:
            body = await emulator._read_request_body(receive, method, headers)
        except (emulator._RequestBodyDisconnected, emulator._IncompleteRequestBody):
            return
        answer = await self._answer(method, scope["path"], raw_path, headers, body, parameters, query)
        await emulator._send_if_handled(send, answer, receive, head=method == "HEAD")

    async def _answer(self, method: str, path: str, raw_path: str, headers: dict[str, str], body: bytes,
                      parameters: dict[str, list[str]], query: str) -> Any:
        from ministack import app as emulator

        from sst.embedded.patches.function_url import RAW

        host = self._place.host
        RAW.set((raw_path, query))
        if self._place.kind == "function_url":
            answer = await emulator._handle_lambda_url_request(host, path, method, headers, body, parameters)
        elif self._place.kind in ("bucket", "s3"):
            answer = await self._s3(method, path, headers, body, parameters)
        else:
            answer = await emulator._handle_execute_api_request(host, path, method, headers, body, parameters,
                                                                raw_path=raw_path,
                                                                raw_query_string=query)
        return answer or (404, {"Content-Type": "application/json"}, b'{"message":"Not Found"}')

    async def _s3(self, method: str, path: str, headers: dict[str, str], body: bytes,
                  parameters: dict[str, list[str]]) -> Any:
        """S3 as a browser sees it: signed and presigned calls, public objects, and the bucket's own CORS rules."""
        from ministack import app as emulator
        from ministack.services import s3

        name = self._place.id
        full = path if not name or path.startswith(f"/{name}/") else f"/{name}{path}"
        bucket, _, key = full.lstrip("/").partition("/")
        if method == "OPTIONS":
            return s3.cors_preflight(bucket, key, headers)
        if emulator.detect_service(method, full, headers, parameters) != "s3":
            return None
        status, answered, content = await emulator._dispatch_service_request(method, full, headers, body, parameters,
                                                                             str(uuid.uuid4()))
        if method not in ("GET", "HEAD"):
            await self._checkpoints.commit()
        if method == "HEAD" and s3.is_standard_object_request(method, full, headers, parameters):
            status, answered, content = s3.format_head_response(full, headers, (status, answered, content))
        answered = {k: v for k, v in answered.items() if not k.lower().startswith("access-control-")}
        return status, {**answered, **s3.cors_response_headers(bucket, method, headers)}, content

    def _enter(self, headers: Mapping[str, str]) -> None:
        """The request belongs to this cloud's account and region, whoever signed it."""
        from ministack.core import responses

        responses.set_request_account_id("")
        responses.set_request_region(self._settings.region)
        responses.set_request_client_ip("127.0.0.1")


def _joined(raw: Any) -> dict[str, str]:
    """Headers with repeated ones joined as HTTP says: cookies by semicolons, all others by commas."""
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = headers[key] + ("; " if key == "cookie" else ",") + text if key in headers else text
    return headers


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return


def _bound(port: int) -> tuple[socket.socket, int]:
    for wanted in (port, 0):
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            line.bind(("127.0.0.1", wanted))
        except OSError:
            line.close()
            continue
        line.listen(128)  # from now on a caller waits instead of being refused
        return line, int(line.getsockname()[1])
    raise OSError("no free port on 127.0.0.1")
