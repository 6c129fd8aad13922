"""Connections of the CDN to origins: open between requests, and never one on which an answer was not read whole."""
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from sst.embedded.cdn.message import Answer, Head
from sst.embedded.cdn.origin import Connections, Origin, OriginError, fetch

PLAIN = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\nx-sum: 1\r\n\r\n"
Ask = Callable[..., Awaitable[bytes]]


class Server:
    """Gives one answer to each request, and counts. ``closes``: after how many answers on one connection."""

    def __init__(self, answer: bytes, closes: int) -> None:
        self.answer, self.closes, self.connections, self.requests = answer, closes, 0, list[str]()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            for _ in range(self.closes):
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(head.split(b" ", 1)[0].decode())
                writer.write(self.answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if head.startswith(b"HEAD")
                             else self.answer)
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


def play(answer: bytes, story: Callable[[Ask], Awaitable[None]], *, closes: int = 100) -> Server:
    server = Server(answer, closes)

    async def whole() -> None:
        listening = await asyncio.start_server(server.serve, "127.0.0.1")
        origin, connections = Origin("127.0.0.1", listening.sockets[0].getsockname()[1], False), Connections()

        async def ask(method: str = "GET", *, parts: int = 100) -> bytes:
            got = await fetch(origin, Head(method, "/", "", []), [], connections)
            assert isinstance(got, Answer) and got.status == 200 and got.stream
            body = b""
            async for part in got.stream:
                body += part
                if not (parts := parts - 1):
                    await got.stream.aclose()   # type: ignore[attr-defined]  # a generator
                    break
            return body

        async with listening, asyncio.timeout(30):
            await story(ask)
            connections.close()

    asyncio.run(whole())
    return server


@pytest.mark.parametrize("answer", [PLAIN, CHUNKED], ids=["length", "chunked"])
def test_one_connection_is_used_again(answer: bytes) -> None:
    async def story(ask: Ask) -> None:
        assert [await ask(m) for m in ("GET", "HEAD", "GET", "OPTIONS")] == [b"hello", b"", b"hello", b"hello"]

    assert play(answer, story).connections == 1


def test_one_that_was_closed_meanwhile_is_replaced() -> None:
    async def story(ask: Ask) -> None:
        for _ in range(4):
            assert await ask() == b"hello"

    server = play(PLAIN, story, closes=1)
    assert server.connections == 4 and server.requests == ["GET"] * 4


def test_what_changes_something_has_a_connection_of_its_own() -> None:
    async def story(ask: Ask) -> None:
        assert [await ask(), await ask("POST"), await ask("POST")] == [b"hello"] * 3

    server = play(PLAIN, story)
    assert server.connections == 3 and server.requests == ["GET", "POST", "POST"]


@pytest.mark.parametrize("answer", [CHUNKED, PLAIN.replace(b"HTTP/1.1", b"HTTP/1.0"),
                                    PLAIN.replace(b"content", b"connection: close\r\ncontent")],
                         ids=["half read", "HTTP/1.0", "close"])
def test_others_are_not_used_again(answer: bytes) -> None:
    async def story(ask: Ask) -> None:
        assert (await ask(parts=1)).startswith(b"hel")
        assert (await ask()) == b"hello"

    assert play(answer, story).connections == 2


def test_an_answer_that_breaks_off_is_an_error_and_its_connection_is_closed() -> None:
    async def story(ask: Ask) -> None:
        for _ in range(2):
            with pytest.raises(OriginError, match="broke off in the middle"):
                await ask()

    assert play(PLAIN.replace(b"length: 5", b"length: 9"), story, closes=1).connections == 2
