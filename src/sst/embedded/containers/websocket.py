"""A WebSocket through a load balancer: what one end says reaches the other, until one of them ends."""
from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any

__all__ = ["relay"]

_OWN = frozenset({b"connection", b"upgrade", b"host", b"sec-websocket-key", b"sec-websocket-version",
                  b"sec-websocket-extensions", b"sec-websocket-protocol"})


async def relay(port: int, scope: Any, receive: Any, send: Any) -> None:
    """Between the ASGI connection of ``scope`` and a target on a port of 127.0.0.1. Refuses it if the target does."""
    from wsproto import ConnectionType, WSConnection
    from wsproto.events import AcceptConnection, Request

    await receive()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        await send({"type": "websocket.close", "code": 1011})
        return
    try:
        line = WSConnection(ConnectionType.CLIENT)
        headers = dict(scope["headers"])
        query = scope["query_string"].decode("latin-1")
        target = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1") + (f"?{query}" if query else "")
        writer.write(line.send(Request(
            host=headers.get(b"host", b"127.0.0.1").decode("latin-1"), target=target,
            subprotocols=list(scope.get("subprotocols") or ()),
            extra_headers=[(n, v) for n, v in scope["headers"] if n.lower() not in _OWN])))
        events: list[Any] = []
        while not events and (data := await reader.read(1 << 16)):
            line.receive_data(data)
            events = list(line.events())
        if not events or not isinstance(events[0], AcceptConnection):
            await send({"type": "websocket.close", "code": 1008})
            return
        await send({"type": "websocket.accept", "subprotocol": events[0].subprotocol, "headers": []})
        back = asyncio.create_task(_back(line, reader, writer, send, events[1:]))
        there = asyncio.create_task(_there(line, writer, receive))
        await asyncio.wait({back, there}, return_when=asyncio.FIRST_COMPLETED)
        for task in (back, there):
            task.cancel()
        await asyncio.gather(back, there, return_exceptions=True)
    finally:
        writer.close()


async def _there(line: Any, writer: asyncio.StreamWriter, receive: Any) -> None:
    from wsproto.events import BytesMessage, CloseConnection, TextMessage

    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            with contextlib.suppress(Exception):       # it may be closed already
                writer.write(line.send(CloseConnection(code=message.get("code") or 1000)))
                await writer.drain()
            return
        text, data = message.get("text"), message.get("bytes")
        writer.write(line.send(TextMessage(data=text) if text is not None else BytesMessage(data=data or b"")))
        await writer.drain()


async def _back(line: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, send: Any,
                events: Sequence[Any]) -> None:
    from wsproto.events import BytesMessage, CloseConnection, Message, Ping

    parts: list[Any] = []
    while True:
        for event in events:
            if isinstance(event, Ping):
                writer.write(line.send(event.response()))
            elif isinstance(event, CloseConnection):
                await send({"type": "websocket.close", "code": event.code, "reason": event.reason or ""})
                return
            elif isinstance(event, Message):
                parts.append(event.data)
                if event.message_finished:
                    kind = "bytes" if isinstance(event, BytesMessage) else "text"
                    await send({"type": "websocket.send", kind: (b"" if kind == "bytes" else "").join(parts)})
                    parts = []
        if not (data := await reader.read(1 << 16)):
            await send({"type": "websocket.close", "code": 1011})
            return
        line.receive_data(data)
        events = list(line.events())
