"""HTTP and HTTPS on one port: the first byte of a connection tells which it is.

Only where the user has made an authority (`sst cert`): everything else is as it is without.
"""
from __future__ import annotations

import asyncio
import ssl
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable
from typing import Any

__all__ = ["sniffing"]

_HANDSHAKE = 0x16
"""The first byte of a TLS connection: https://www.rfc-editor.org/rfc/rfc8446#section-5.1"""
Make = Callable[[], asyncio.Protocol]


def sniffing(make: Make, context: ssl.SSLContext | None) -> Make:
    """Protocols that ``make`` gives, behind TLS where a client begins it. Without a context they are plain."""
    return make if context is None else lambda: _Sniffer(make, context)


class _Sniffer(asyncio.Protocol):
    """Reads the first bytes, then gives the connection to who can speak it."""

    def __init__(self, make: Make, context: ssl.SSLContext) -> None:
        self._make, self._context = make, context

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        inner, transport = self._make(), self._transport
        if data[0] != _HANDSHAKE:
            transport.set_protocol(inner)
            inner.connection_made(transport)
            inner.data_received(data)
            return
        shaken = asyncio.get_running_loop().create_future()
        shaken.add_done_callback(lambda f: f.cancelled() or f.exception())     # a client that does not trust us
        tls: Any = SSLProtocol(asyncio.get_running_loop(), inner, self._context, shaken, server_side=True)
        transport.set_protocol(tls)
        tls.connection_made(transport)
        while data:
            room = tls.get_buffer(len(data))
            taken = min(len(room), len(data))
            room[:taken] = data[:taken]
            tls.buffer_updated(taken)
            data = data[taken:]
