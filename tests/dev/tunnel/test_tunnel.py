"""Connections through a bastion that is a real SSH server: what comes through, what is refused and what is said."""
from __future__ import annotations

import asyncio
import json
import re
import struct
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from sst.dev.tunnel.connection import Connection, KnownHosts
from sst.dev.tunnel.endpoints import Endpoint
from sst.dev.tunnel.tunnel import Tunnel
from sst.errors import UserError

from .bastion import Bastion, bastion, echo

DB = Endpoint("MyDB", "mydb.internal", 5432)


def run(work: Coroutine[Any, Any, None]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(30):
            await work

    asyncio.run(limited())


async def ask(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


async def until(so: Callable[[], object]) -> None:
    while not so():
        await asyncio.sleep(0.01)


def test_a_port_of_this_machine_leads_to_an_address_inside(tmp_path: Path) -> None:
    async def work() -> None:
        said: list[str] = []
        async with echo() as port, bastion({(DB.host, DB.port): port}) as there:
            tunnel = Tunnel([there.gate], tmp_path / "t", said.append)
            await tunnel.open()
            local = await tunnel.forward(DB, "MyVpc")
            large = bytes(range(256)) * 8000
            assert await ask(local, large) == large + b"|2048000"
            assert await asyncio.gather(*(ask(local, b"%d" % n) for n in range(9))) == [
                b"%d|%d" % (n, len(str(n))) for n in range(9)]
            await tunnel.close()
            assert said[-1] == "MyDB: mydb.internal:5432"
            with pytest.raises(ConnectionRefusedError):
                await ask(local, b"")
            again = Tunnel([there.gate], tmp_path / "t", said.append)
            await again.open()
            assert await again.forward(DB, "MyVpc") == local, "a client may keep the port"
            await again.close()

    run(work())


def test_where_connections_can_not_be_redirected_ports_and_the_proxy_still_work(tmp_path: Path) -> None:
    async def work() -> None:
        async with echo() as port, bastion({(DB.host, DB.port): port}) as there:
            tunnel = Tunnel([there.gate], tmp_path / "t", lambda text: None, redirects=False)
            await tunnel.open()
            with pytest.raises(UserError) as refused:
                await tunnel.route()
            assert str(refused.value.message) == "sst tunnel --route works on Linux only"
            assert "a port of 127.0.0.1 leads to each database, and a SOCKS5 proxy to all" in refused.value.hint
            assert await ask(await tunnel.forward(DB, "MyVpc"), b"one") == b"one|3"
            reader, writer = await asyncio.open_connection("127.0.0.1", await tunnel.socks())
            asked = bytes([len(DB.host)]) + DB.host.encode() + struct.pack("!H", DB.port)
            writer.write(b"\5\1\0" + b"\5\1\0\3" + asked)
            assert await reader.readexactly(12) == b"\5\0" + b"\5\0\0\1" + bytes(6)
            writer.write(b"two")
            writer.write_eof()
            assert await reader.read() == b"two|3"
            writer.close()
            await tunnel.close()

    run(work())


@pytest.mark.parametrize(("kind", "host"), [(3, b"mydb.internal"), (1, bytes((10, 0, 4, 7)))])
def test_a_proxy_leads_to_names_and_addresses_that_only_the_bastion_knows(tmp_path: Path, kind: int,
                                                                          host: bytes) -> None:
    async def work() -> None:
        async with echo() as port, bastion({(DB.host, 5432): port, ("10.0.4.7", 5432): port}) as there:
            tunnel = Tunnel([there.gate], tmp_path / "t", lambda text: None)
            await tunnel.open()
            proxy = await tunnel.socks()
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy)
            where = (bytes((len(host),)) if kind == 3 else b"") + host + struct.pack("!H", 5432)
            writer.write(b"\x05\x01\x00\x05\x01\x00" + bytes((kind,)) + where + b"hello")
            writer.write_eof()
            assert await reader.read() == b"\x05\x00\x05\x00\x00\x01" + bytes(6) + b"hello|5"
            writer.close()
            await tunnel.close()

    run(work())


@pytest.mark.parametrize(("request_", "answer"), [
    (b"\x05\x01\x00\x05\x01\x00\x03\x04nope\x00\x50", b"\x05\x00\x05\x04\x00\x01" + bytes(6)),
    (b"\x05\x01\x00\x05\x02\x00\x01\x0a\x00\x00\x01\x00\x50", b"\x05\x00\x05\x07\x00\x01" + bytes(6)),
    (b"\x05\x01\x00\x05\x01\x00\x09", b"\x05\x00\x05\x08\x00\x01" + bytes(6)),
    (b"\x05\x01\x02", b"\x05\xff"), (b"GET / HTTP/1.1\r\n\r\n", b""), (b"\x05", b"")])
def test_the_proxy_refuses_what_it_does_not_have(tmp_path: Path, request_: bytes, answer: bytes) -> None:
    async def work() -> None:
        async with bastion({}) as there:
            tunnel = Tunnel([there.gate], tmp_path / "t", lambda text: None)
            await tunnel.open()
            assert await ask(await tunnel.socks(), request_) == answer
            await tunnel.close()

    run(work())


def test_a_lost_connection_comes_back_and_callers_wait_for_it(tmp_path: Path) -> None:
    async def work() -> None:
        said: list[str] = []
        async with echo() as port, bastion({(DB.host, DB.port): port}) as there:
            tunnel = Tunnel([there.gate], tmp_path / "t", said.append)
            await tunnel.open()
            local = await tunnel.forward(DB, "MyVpc")
            there.gate.admit, _ = False, there.gate.allowed.clear()     # a key that was handed over is used up
            there.lose()
            await until(lambda: any("refuses the key" in text for text in said))
            waiting = asyncio.ensure_future(ask(local, b"late"))
            there.gate.admit = True
            assert await waiting == b"late|4"
            await until(lambda: said[-1].startswith("MyDB"))
            assert "MyVpc: the connection to the bastion was lost; connecting again" in said
            assert "MyVpc: connected to the bastion at 127.0.0.1" in said
            await tunnel.close()

    run(work())


def test_what_cant_be_reached_behind_the_bastion_is_told(tmp_path: Path) -> None:
    async def work() -> None:
        said: list[str] = []
        async with bastion({}) as there:
            tunnel = Tunnel([there.gate], tmp_path / "t", said.append)
            await tunnel.open()
            assert await ask(await tunnel.forward(DB, "MyVpc"), b"x") == b""
            await tunnel.close()
        assert said[-1] == "MyDB: mydb.internal:5432 can't be reached: Name or service not known"

    run(work())


def refused(tmp_path: Path, change: Callable[[Bastion, Path], None]) -> str:
    """What is said where a bastion is not as it should be."""
    said: list[str] = []

    async def work() -> None:
        async with bastion({}) as there:
            file = tmp_path / "hosts.json"
            change(there, file)
            connection = Connection(there.gate, KnownHosts(file), said.append)
            with pytest.raises(UserError) as error:
                await connection.open()
            await connection.close()
            said.append(str(error.value))

    run(work())
    return said[-1]


def another_key() -> str:
    return asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()


def test_another_host_key_than_before_is_refused(tmp_path: Path) -> None:
    told = refused(tmp_path, lambda there, file: KnownHosts(file).keep("i-1", another_key()))
    assert "the bastion of MyVpc (i-1, 127.0.0.1) shows another host key than before" in told
    assert f"delete {tmp_path / 'hosts.json'}" in told


def test_a_host_key_of_another_kind_is_another_one(tmp_path: Path) -> None:
    kind = asyncssh.generate_private_key("ecdsa-sha2-nistp256").export_public_key().decode().strip()
    told = refused(tmp_path, lambda there, file: KnownHosts(file).keep("i-1", kind))
    assert "shows another host key than before" in told


def test_another_host_key_than_on_the_console_is_refused(tmp_path: Path) -> None:
    told = refused(tmp_path, lambda there, file: setattr(there.gate, "keys", [another_key()]))
    assert "shows another host key than on its console" in told


def test_a_key_that_is_not_let_in_is_told(tmp_path: Path) -> None:
    told = refused(tmp_path, lambda there, file: setattr(there.gate, "admit", False))
    assert "refuses the key" in told and "EC2 Instance Connect" in told


def test_a_bastion_that_does_not_answer_is_told(tmp_path: Path) -> None:
    told = refused(tmp_path, lambda there, file: setattr(there.gate, "port", 1))
    assert "can't be reached at port 1" in told and "allow" in told


@pytest.mark.parametrize("printed", [True, False])
def test_the_host_key_is_that_of_the_console_or_the_first_one_and_is_kept(tmp_path: Path, printed: bool) -> None:
    async def work() -> None:
        said: list[str] = []
        async with bastion({}) as there:
            there.gate.keys = [there.host_key] if printed else []
            file = tmp_path / "hosts.json"
            connection = Connection(there.gate, KnownHosts(file), said.append)
            await connection.open()
            await connection.close()
            assert json.loads(file.read_text()) == {"i-1": there.host_key} and file.stat().st_mode & 0o077 == 0
            assert bool(said) != printed
            assert printed or re.search(r"SHA256:\S+ is trusted from now on", said[0])

    run(work())


def test_no_private_key_is_left_anywhere(tmp_path: Path) -> None:
    async def work() -> None:
        async with bastion({}) as there:
            tunnel = Tunnel([there.gate], tmp_path / "t", lambda text: None)
            await tunnel.open()
            await tunnel.socks()
            await tunnel.close()
            assert [k.split()[0] for k in there.gate.allowed] == ["ssh-ed25519"]

    run(work())
    files = [f for f in tmp_path.rglob("*") if f.is_file()]
    assert files and not [f for f in files if b"PRIVATE" in f.read_bytes()]
