"""Connections through a task, over the protocol of Session Manager: what comes through, and what is said."""
from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sst.dev.tunnel.endpoints import Endpoint
from sst.dev.tunnel.tunnel import Tunnel
from sst.errors import UserError

from .agent import Agent, agent
from .test_tunnel import DB, run, until


@contextlib.asynccontextmanager
async def lines() -> AsyncIterator[int]:
    """A server that sends each line back, and ends the connection after ``bye``."""
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (line := await reader.readline()) and line != b"bye\n":
                writer.write(line)
                await writer.drain()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=2 ** 22)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def talk(port: int, *said: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"".join(line + b"\n" for line in said) + b"bye\n")
    answer = await reader.read()
    writer.close()
    return answer


@contextlib.asynccontextmanager
async def opened(there: Agent, folder: Path, said: list[str]) -> AsyncIterator[Tunnel]:
    tunnel = Tunnel([there.gate], folder / "t", said.append)
    await tunnel.open()
    try:
        yield tunnel
    finally:
        await tunnel.close()


def test_connections_share_a_session_and_each_byte_arrives_once(tmp_path: Path) -> None:
    async def work() -> None:
        said: list[str] = []
        async with lines() as port, agent({(DB.host, DB.port): port}) as there:
            there.not_ready = 2
            async with opened(there, tmp_path, said) as tunnel:
                local = await tunnel.forward(DB, "MyVpc")
                large = bytes(range(32, 256)) * 3000
                assert await talk(local, large, b"end") == large + b"\nend\n"
                assert await asyncio.gather(*(talk(local, b"%d" % n * 900) for n in range(9))) == [
                    b"%d" % n * 900 + b"\n" for n in range(9)]
                assert there.gate.started == [(DB.host, DB.port)] and said == ["MyDB: mydb.internal:5432"] * 10
                assert tunnel.connections[0].address == "task 4f2a"
                assert (there.said[0]["TokenValue"], there.said[1]["Errors"]) == ("token-1", [])
            await until(lambda: there.ended == 1)

    run(work())


def test_another_session_takes_the_place_of_a_lost_one(tmp_path: Path) -> None:
    async def work() -> None:
        said: list[str] = []
        async with lines() as port, agent({(DB.host, DB.port): port}) as there, opened(there, tmp_path, said) as tunnel:
            local = await tunnel.forward(DB, "MyVpc")
            reader, writer = await asyncio.open_connection("127.0.0.1", local)
            writer.write(b"first\n")
            assert await reader.readline() == b"first\n"
            there.lose()
            assert await reader.read() == b"", "who was connected is told"
            writer.close()
            assert await talk(local, b"second") == b"second\n"
            assert len(there.gate.started) == 2
            assert any("the session to mydb.internal:5432 has ended" in text for text in said)
            there.lose()
            there.gate.runs = False
            await until(lambda: sum("has ended" in t for t in said) == 2)
            assert await talk(local, b"x") == b""
            assert said[-1].startswith("MyDB: mydb.internal:5432 can't be reached: no task of MyAPI runs")

    run(work())


def test_what_the_task_cant_reach_is_told(tmp_path: Path) -> None:
    async def work() -> None:
        said: list[str] = []
        async with agent({}) as there, opened(there, tmp_path, said) as tunnel:
            assert await talk(await tunnel.forward(DB, "MyVpc"), b"x") == b""
            await until(lambda: any("the task can't connect to mydb.internal:5432" in text for text in said))

    run(work())


@pytest.mark.parametrize(("change", "word"), [
    ({"actions": ("SessionType", "KMSEncryption")}, "encryption with a KMS key, which sst does not do"),
    ({"version": "3.0.100.0"}, "its agent has version 3.0.100.0"),
    ({"actions": ("Dance",)}, "the agent asks for Dance")])
def test_a_session_that_can_not_be_used_is_told(tmp_path: Path, change: dict[str, object], word: str) -> None:
    async def work() -> None:
        said: list[str] = []
        async with agent({}) as there, opened(there, tmp_path, said) as tunnel:
            for name, value in change.items():
                setattr(there, name, value)
            assert await talk(await tunnel.forward(DB, "MyVpc"), b"x") == b""
            assert word in said[-1] and said[-1].startswith("MyDB: mydb.internal:5432 can't be reached")
            assert there.said[-1]["Errors"], "the agent is told too"

    run(work())


def test_without_a_task_nothing_is_opened_and_a_session_waits_for_one(tmp_path: Path) -> None:
    async def work() -> None:
        said: list[str] = []
        async with agent({}) as there:
            there.gate.runs = False
            tunnel = Tunnel([there.gate], tmp_path / "t", said.append)
            with pytest.raises(UserError, match="no task of MyAPI runs"):
                await tunnel.open()
            tunnel.begin()
            await until(lambda: said == ["MyVpc: no task of MyAPI runs, and MyVpc has no bastion"])
            there.gate.runs = True
            await until(lambda: said[-1] == "MyVpc: connected through task 4f2a")
            await tunnel.close()

    run(work())


def test_each_host_and_port_has_a_session_of_its_own(tmp_path: Path) -> None:
    async def work() -> None:
        cache = Endpoint("Cache", "cache.internal", 6379)
        async with lines() as one, lines() as two, \
                agent({(DB.host, DB.port): one, (cache.host, cache.port): two}) as there, \
                opened(there, tmp_path, []) as tunnel:
            ports = [await tunnel.forward(e, "MyVpc") for e in (DB, cache)]
            assert await asyncio.gather(*(talk(p, b"a") for p in ports)) == [b"a\n", b"a\n"]
            assert sorted(there.gate.started) == [(cache.host, cache.port), (DB.host, DB.port)]

    run(work())
