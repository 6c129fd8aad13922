"""The channel of a plugin against a server that is written with another library, at its most awkward."""
from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import Any

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, Event, RequestReceived, StreamEnded
from h2.settings import SettingCodes

from sst.clouds.terraform.channel import Channel
from sst.errors import ProviderError

Settings = dict[SettingCodes | int, int]
OK = [("grpc-status", "0"), ("grpc-message", "")]


class Server:
    """Collects each call, and lets ``answer`` do what it wants with it."""

    def __init__(self, answer: Callable[[Server, int], None], settings: Settings) -> None:
        self.ours, self.socket = socket.socketpair()
        self.http = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self.answer, self.settings = answer, settings
        self.got: dict[int, bytes] = {}
        self.headers: dict[int, dict[str, str]] = {}
        self.running, self.most = 0, 0
        self.thread = Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        self.http.initiate_connection()
        self.http.update_settings(self.settings)
        self.flush()
        with contextlib.suppress(OSError):    # the channel was closed
            while data := self.socket.recv(1 << 16):
                for event in self.http.receive_data(data):
                    self._take(event)
                self.flush()

    def _take(self, event: Event) -> None:
        match event:
            case RequestReceived(stream_id=int() as id):
                self.headers[id], self.got[id] = dict(event.headers or ()), b""    # type: ignore[arg-type]  # text: see header_encoding
                self.running += 1
                self.most = max(self.most, self.running)
            case DataReceived(stream_id=int() as id, flow_controlled_length=int() as size):
                self.got[id] += event.data or b""
                self.http.acknowledge_received_data(size, id)
            case StreamEnded(stream_id=int() as id):
                self.running -= 1
                self.answer(self, id)

    def flush(self) -> None:
        self.socket.sendall(self.http.data_to_send())

    def reply(self, id: int, body: bytes, trailers: Sequence[tuple[str, str]] = OK, **data: Any) -> None:
        self.http.send_headers(id, [(":status", "200"), ("content-type", "application/grpc")])
        framed = b"\0" + len(body).to_bytes(4, "big") + body
        for at in range(0, len(framed), 10_000):
            self.http.send_data(id, framed[at:at + 10_000], **data)
        self.http.send_headers(id, trailers, end_stream=True)


def echo(server: Server, id: int) -> None:
    server.reply(id, server.got[id][5:])


@pytest.fixture
def connected() -> Iterator[Callable[..., tuple[Channel, Server]]]:
    made: list[tuple[Channel, Server]] = []

    def connect(answer: Callable[[Server, int], None] = echo,
                settings: Settings | None = None) -> tuple[Channel, Server]:
        server = Server(answer, settings or {})
        made.append((Channel(server.ours, "fake"), server))
        return made[-1]

    yield connect
    for channel, server in made:
        channel.close()
        server.thread.join(5)
        server.socket.close()
        assert not server.thread.is_alive()


Connect = Callable[..., tuple[Channel, Server]]


def test_small_windows_and_a_limit_of_calls_are_kept(connected: Connect) -> None:
    """h2 checks both and ends the connection if they are not."""
    channel, server = connected(settings={SettingCodes.INITIAL_WINDOW_SIZE: 1000,
                                          SettingCodes.MAX_CONCURRENT_STREAMS: 3, SettingCodes.MAX_FRAME_SIZE: 20_000})
    channel.call("/x/First", b"")    # from here on its settings are known
    bodies = [bytes([n]) * 70_000 for n in range(12)]
    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(lambda b: channel.call("/x/Y", b, timeout=20), bodies)) == bodies
    assert server.most <= 3
    assert server.headers[1] == {":method": "POST", ":scheme": "http", ":path": "/x/First", ":authority": "localhost",
                                 "te": "trailers", "content-type": "application/grpc+proto"}


def test_each_of_many_threads_gets_its_own_answer_in_any_order(connected: Connect) -> None:
    held: list[int] = []

    def all_at_once(server: Server, id: int) -> None:
        held.append(id)
        if len(held) == 8:
            for other in reversed(held):
                echo(server, other)

    channel, _ = connected(all_at_once)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda n: channel.call("/x/Y", b"%d" % n, timeout=20), range(8))) == [
            b"%d" % n for n in range(8)]


def test_padding_pings_and_headers_in_parts(connected: Connect) -> None:
    def awkward(server: Server, id: int) -> None:
        server.http.ping(b"12345678")
        server.reply(id, b"x" * 30_000, [("grpc-status", "3"), ("grpc-message", "wrong%20size"),
                                         ("more", "y" * 17_000)], pad_length=9)

    channel, _ = connected(awkward)
    for _ in range(2):    # the table of headers changes with each
        with pytest.raises(ProviderError, match="wrong size"):
            channel.call("/x/Y", b"", timeout=20)


def test_a_call_that_is_given_up_leaves_its_outcome_open(connected: Connect) -> None:
    codes = iter((2, 7))
    channel, _ = connected(lambda server, id: server.http.reset_stream(id, next(codes)))
    for sent in (True, False):    # the second code says that nothing was done
        with pytest.raises(ProviderError, match="fake gave up Apply") as e:
            channel.call("/x/Apply", b"", timeout=20)
        assert (e.value.code, e.value.status, e.value.sent) == ("NoAnswer", 0, sent)


def test_a_server_that_is_ending_takes_no_new_call(connected: Connect) -> None:
    def last(server: Server, id: int) -> None:
        server.http.close_connection(last_stream_id=id)
        server.flush()
        server.http.state_machine.state = type(server.http.state_machine.state).CLIENT_OPEN
        server.reply(id, b"done")

    channel, _ = connected(last)
    assert channel.call("/x/Y", b"", timeout=20) == b"done"
    with pytest.raises(ProviderError, match="fake is ending") as e:
        channel.call("/x/Y", b"", timeout=20)
    assert channel.ended and not e.value.sent


def test_what_is_not_http2_ends_it(connected: Connect) -> None:
    channel, _ = connected(lambda server, id: server.socket.sendall(b"\0\0\5\1\4\0\0\0\1\xff\xff\xff\xff\xff"))
    with pytest.raises(ProviderError, match="fake broke the connection") as e:
        channel.call("/x/Y", b"", timeout=20)
    assert e.value.sent and e.value.code == "NoAnswer"
