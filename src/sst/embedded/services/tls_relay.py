"""TLS in front of a service that has none: connections are decrypted and passed on."""
from __future__ import annotations

import asyncio
import contextlib
import ssl

from sst.embedded.ports import listener

__all__ = ["TlsRelay"]

_BLOCK = 1 << 16


class TlsRelay:
    """Listens on 127.0.0.1 and passes on to ``target``, a port there."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        self._server: asyncio.Server | None = None
        self.target = self.port = 0

    async def open(self, wanted: int) -> int:
        """Its port: ``wanted`` if that is free. Raises `OSError` if there is none."""
        line, self.port = listener(wanted)
        self._server = await asyncio.start_server(self._pass, sock=line, ssl=self._context)
        return self.port

    def close(self) -> None:
        if self._server:
            self._server.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        both = [asyncio.create_task(_pump(reader, inner_writer)), asyncio.create_task(_pump(inner_reader, writer))]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for task in both:
            task.cancel()
        for end in (writer, inner_writer):
            end.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await end.wait_closed()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while block := await reader.read(_BLOCK):
            writer.write(block)
            await writer.drain()
