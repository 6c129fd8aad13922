"""The other end of a session of Session Manager: an agent that connects to ports of loopback for addresses that only it
knows. Its messages and frames are written here once more, by the sources of the agent and of smux.

Source: https://github.com/aws/amazon-ssm-agent/blob/mainline/agent/session/datachannel/datachannel.go,
https://github.com/aws/amazon-ssm-agent/blob/mainline/agent/session/plugins/port/port_mux.go
"""
from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import struct
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from sst.errors import UserError

__all__ = ["Gate", "Made", "agent"]


@dataclass
class Made:
    """What `StartSession` gives."""

    url: str
    token: str
    proxy: str = ""
    ca_bundle: str = ""


@dataclass
class Gate:
    """How a `Tunnel` finds the tasks; what AWS would say."""

    url: str
    network: str = "MyVpc"
    id: str = "MyAPI"
    ranges: Sequence[str] = ("10.0.0.0/22", "10.0.4.0/22")
    runs: bool = True
    started: list[tuple[str, int]] = field(default_factory=list)

    def address(self) -> str:
        if not self.runs:
            raise UserError("no task of MyAPI runs, and MyVpc has no bastion")
        return "task 4f2a"

    def forward(self, host: str, port: int) -> Made:
        self.address()
        self.started.append((host, port))
        return Made(f"{self.url}/{host}/{port}", f"token-{len(self.started)}")


@dataclass
class Agent:
    gate: Gate
    inside: Mapping[tuple[str, int], int]
    version: str = "3.3.1000.0"
    actions: Sequence[str] = ("SessionType",)
    not_ready: int = 0
    """So many of the first messages are not taken: its plugin is not ready yet."""
    said: list[Mapping[str, Any]] = field(default_factory=list)
    """Tokens, and answers to handshakes."""
    ended: int = 0
    """Sessions that were terminated."""
    lines: list[ServerConnection] = field(default_factory=list)

    async def serve(self, line: ServerConnection) -> None:
        assert line.request
        _, host, port = line.request.path.split("/")
        self.lines.append(line)
        opened = json.loads(await line.recv())
        self.said.append(opened)
        await _Session(self, line, self.inside.get((host, int(port)))).run()

    def lose(self) -> None:
        for line in self.lines:
            line.transport.abort()
        self.lines.clear()


class _Session:
    def __init__(self, owner: Agent, line: ServerConnection, port: int | None) -> None:
        self.owner, self.line, self.port = owner, line, port
        self.next_in = self.next_out = 0
        self.early: dict[int, tuple[int, bytes]] = {}
        self.buffer = b""
        self.to: dict[int, asyncio.StreamWriter] = {}
        self.reading: set[asyncio.Task[None]] = set()
        self.rejected = 0

    async def run(self) -> None:
        actions = [{"ActionType": a, "ActionParameters": {"SessionType": "Port", "Properties": {}}}
                   for a in self.owner.actions]
        await self.say(5, json.dumps({"AgentVersion": self.owner.version, "RequestedClientActions": actions}).encode())
        try:
            async for data in self.line:
                assert isinstance(data, bytes)
                await self.take(data)
        except ConnectionClosed:
            pass
        finally:
            for task in self.reading:
                task.cancel()
            for writer in self.to.values():
                writer.close()

    async def say(self, kind: int, body: bytes) -> None:
        number, self.next_out = self.next_out, self.next_out + 1
        message = _message(b"output_stream_data", number, kind, body)
        await self.line.send(message)
        if number % 3 == 1:
            await self.line.send(message)       # as if its acknowledgement had been lost

    async def take(self, data: bytes) -> None:
        length, type, _, made, number = struct.unpack_from(">I32sIQq", data)
        digest, kind, size = struct.unpack_from(">32sII", data, 80)
        body = data[length + 4:]
        assert (length, size) == (116, len(body)) and made and hashlib.sha256(body).digest() == digest
        if type.strip() == b"acknowledge":
            assert json.loads(body)["AcknowledgedMessageType"] == "output_stream_data"
            return
        assert type.strip() == b"input_stream_data" and size <= 1024
        if kind == 1 and number == self.next_in and self.rejected < self.owner.not_ready:
            self.rejected += 1
            return
        id = data[72:80] + data[64:72]
        await self.line.send(_message(b"acknowledge", 0, 0, json.dumps(
            {"AcknowledgedMessageType": "input_stream_data", "AcknowledgedMessageId": str(uuid.UUID(bytes=id)),
             "AcknowledgedMessageSequenceNumber": number, "IsSequentialMessage": True}).encode()))
        if number >= self.next_in:
            self.early[number] = kind, body
        while (one := self.early.pop(self.next_in, None)) is not None:
            self.next_in += 1
            await self.use(*one)

    async def use(self, kind: int, body: bytes) -> None:
        if kind == 6:
            self.owner.said.append(json.loads(body))
            await self.say(7, b'{"HandshakeTimeToComplete":1,"CustomerMessage":""}')
        elif kind == 10:
            assert body == b"\0\0\0\x02"
            self.owner.ended += 1
        else:
            self.buffer += body
            while len(self.buffer) >= 8:
                size = 8 + struct.unpack_from("<H", self.buffer, 2)[0]
                if len(self.buffer) < size:
                    break
                frame, self.buffer = self.buffer[:size], self.buffer[size:]
                await self.frame(frame[0], frame[1], struct.unpack_from("<I", frame, 4)[0], frame[8:])

    async def frame(self, version: int, command: int, stream: int, body: bytes) -> None:
        assert version == 1
        if command == 0:
            assert stream % 2 and stream not in self.to
            if self.port is None:
                await self.say(10, b"\0\0\0\x03")
                await self.say(1, struct.pack("<BBHI", 1, 1, 0, stream))
                return
            reader, self.to[stream] = await asyncio.open_connection("127.0.0.1", self.port)
            task = asyncio.create_task(self.back(stream, reader))
            self.reading.add(task)
            task.add_done_callback(self.reading.discard)
        elif command == 1 and stream in self.to:
            self.to.pop(stream).close()      # both ways, as the agent does
        elif command == 2 and stream in self.to:
            self.to[stream].write(body)
            await self.to[stream].drain()

    async def back(self, stream: int, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError, ConnectionClosed):
            while data := await reader.read(1000):
                await self.say(1, struct.pack("<BBHI", 1, 2, len(data), stream) + data)
            await self.say(1, struct.pack("<BBHI", 1, 1, 0, stream))


def _message(type: bytes, number: int, kind: int, body: bytes) -> bytes:
    id = uuid.uuid4().bytes
    return struct.pack(">I32sIQqQ16s32sII", 116, type.ljust(32, b"\0"), 1, 1_800_000_000_000, number, 0, id,
                       hashlib.sha256(body).digest(), kind, len(body)) + body


@contextlib.asynccontextmanager
async def agent(inside: Mapping[tuple[str, int], int]) -> AsyncIterator[Agent]:
    made = Agent(Gate(""), inside)
    async with serve(made.serve, "127.0.0.1", 0, compression=None) as server:
        made.gate.url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        yield made
        made.lose()
