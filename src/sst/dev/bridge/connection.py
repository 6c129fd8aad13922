"""A developer's line to an Events API: a WebSocket to hear, pooled HTTP connections to speak."""
from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from ...errors import SstError
from ...net.http import ConnectError, Pool, ReadError
from ...runtime.bridge.wire import Assembler, Keys, body_of, pieces, place, protocols, signed

__all__ = ["Endpoints", "EventsConnection", "Messages", "Network", "Refused"]

Messages = AsyncIterator[tuple[dict[str, Any], bytes]]
_T = TypeVar("_T")
_TRIES = 6
_TOGETHER = 24
"""So many requests at a time; each takes a round trip to the region."""
_ASLEEP = 10.0
"""Seconds by which the clock jumps when the machine was asleep."""
_CONNECT = 10.0


class Refused(Exception):
    """The API does not let these credentials in: trying again would not help."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The API's hosts: where is published to, and where is heard from."""

    http: str
    realtime: str


@dataclass(frozen=True, slots=True)
class Network:
    """The way out of this machine: ``clouds.aws.settings`` tells all of it. Proxies are by scheme; "" trusts what the
    system trusts."""

    ca_bundle: str = ""
    proxies: Mapping[str, str] = field(default_factory=dict)
    no_proxy: str = ""


class EventsConnection:
    def __init__(self, endpoints: Endpoints, keys: Callable[[], Keys], clock: Callable[[], float],
                 network: Network) -> None:
        self._at, self._keys, self._clock, self._network = endpoints, keys, clock, network
        self._pool = Pool(proxies=network.proxies, no_proxy=network.no_proxy, ca_bundle=network.ca_bundle or None,
                          connect_timeout=_CONNECT, read_timeout=_CONNECT)
        self._threads = ThreadPoolExecutor(_TOGETHER, thread_name_prefix="bridge")
        self._assembler = Assembler()

    async def close(self) -> None:
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)
        self._pool.close()

    @contextlib.asynccontextmanager
    async def open(self, channel: str) -> AsyncIterator[Messages]:
        """Connect and subscribe; the messages end with an `OSError` when the connection does. Raises `OSError`,
        `Refused`."""
        names = protocols(self._at.http, await self._in_thread(self._sign), self._clock())
        try:
            async with connect(**self._way(), subprotocols=[Subprotocol(n) for n in names], open_timeout=_CONNECT,
                               close_timeout=1,
                               ping_interval=None, compression=None, max_size=None) as connection:
                _keep_alive(connection)
                silence = await self._subscribe(connection, channel)
                watch = asyncio.create_task(_watch_for_sleep(connection, self._clock))
                try:
                    yield self._messages(connection, silence)
                finally:
                    watch.cancel()
        except InvalidStatus as e:
            if e.response.status_code in (401, 403):
                raise Refused(f"the events API of sst dev does not accept the credentials: {e}") from e
            raise ConnectionError(str(e)) from e
        except WebSocketException as e:
            raise ConnectionError(str(e)) from e

    def _way(self) -> dict[str, Any]:
        address, port, tls = place(self._at.realtime)
        if not tls:
            return {"uri": f"ws://{self._at.realtime}/event/realtime", "host": address, "port": port, "proxy": None}
        proxy = "" if self._pool.goes_direct(address) else self._network.proxies.get("https", "")
        trust = ssl.create_default_context(cafile=self._network.ca_bundle or None)
        return {"uri": f"wss://{self._at.realtime}/event/realtime", "ssl": trust, "proxy": proxy or None}

    async def say(self, channel: str, head: Mapping[str, Any], body: bytes = b"") -> None:
        """Publish a message. Sent again where it may have been lost: who hears it takes each once. Raises `OSError`."""
        name = f"{head.get('call', '')}-{head['seq']}-{head.get('from', '')}" if "seq" in head else uuid.uuid4().hex
        await asyncio.gather(*(self._publish(body_of(channel, event)) for event in pieces(name, head, body)))

    async def _publish(self, body: bytes) -> None:
        said = ""
        for turn in range(_TRIES):
            if turn:
                await asyncio.sleep(0.1 * 2 ** turn)
            try:
                status = await self._in_thread(self._post, body)
            except (ConnectError, ReadError) as e:
                said = str(e)
                continue
            if status == 200:
                return
            said = f"status {status}"
            if status in (400, 413):
                break
        raise ConnectionError(f"the API did not take an event: {said}")

    def _post(self, body: bytes) -> int:
        address, port, tls = place(self._at.http)
        headers = signed(self._at.http, body, self._sign(), self._clock())
        return self._pool.send("POST", ("https" if tls else "http", address, port), "/event", headers, body).status

    def _sign(self) -> Keys:
        """The credentials of this moment. A login that has expired is a connection that fails: after the next login all
        goes on."""
        try:
            return self._keys()
        except SstError as e:
            raise ConnectionError(f"{e.message}{f': {e.hint}' if e.hint else ''}") from e

    async def _in_thread(self, work: Callable[..., _T], *arguments: Any) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    async def _subscribe(self, connection: ClientConnection, channel: str) -> float:
        """Seconds of silence after which the connection counts as dead."""
        await connection.send(json.dumps({"type": "connection_init"}))
        authorization = signed(self._at.http, body_of(channel), await self._in_thread(self._sign), self._clock())
        await connection.send(json.dumps({"type": "subscribe", "id": "0", "channel": channel,
                                          "authorization": authorization}))
        silence = 300.0
        async with asyncio.timeout(_CONNECT):
            while True:
                frame = json.loads(await connection.recv())
                if frame["type"] == "connection_ack":
                    silence = float(frame.get("connectionTimeoutMs", 300_000)) / 1000
                elif frame["type"] == "subscribe_success":
                    return silence
                elif str(frame["type"]).endswith("error"):
                    kinds = {str(e.get("errorType")) for e in frame.get("errors") or [{}]}
                    said = f"the events API of sst dev refused: {frame.get('errors')}"
                    raise Refused(said) if any("Unauthorized" in k or "AccessDenied" in k
                                               for k in kinds) else ConnectionError(said)

    async def _messages(self, connection: ClientConnection, silence: float) -> Messages:
        while True:
            async with asyncio.timeout(silence):
                frame = json.loads(await connection.recv())
            if frame.get("type") != "data":
                continue
            event = frame["event"]
            try:
                message = self._assembler.take(event[0] if isinstance(event, list) else event)
            except ValueError:
                continue  # not of ours
            if message:
                yield message


def _keep_alive(connection: ClientConnection) -> None:
    """Let the kernel find out within half a minute that nobody is there any more."""
    line = connection.transport.get_extra_info("socket")
    for level, name, value in ((socket.SOL_SOCKET, "SO_KEEPALIVE", 1), (socket.IPPROTO_TCP, "TCP_KEEPIDLE", 15),
                               (socket.IPPROTO_TCP, "TCP_KEEPINTVL", 5), (socket.IPPROTO_TCP, "TCP_KEEPCNT", 3)):
        if line is not None and hasattr(socket, name):
            line.setsockopt(level, getattr(socket, name), value)


async def _watch_for_sleep(connection: ClientConnection, clock: Callable[[], float]) -> None:
    """A machine that was asleep may have lost its connection without knowing: a new one is quicker than to find out."""
    last = clock()
    while True:
        await asyncio.sleep(1)
        if abs(clock() - last) > _ASLEEP:
            connection.transport.abort()
        last = clock()
