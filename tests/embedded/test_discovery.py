"""The addresses of services' names where other programs have them, and ports where there are none left."""
from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sst.embedded.containers.discovery import Discovery, Place

UNSHARE = ("unshare", "--map-root-user", "--net")
FULL = '''
import socket
from pathlib import Path
from sst.embedded.ports import free_port, listener
from sst.errors import SstError
Path("/proc/sys/net/ipv4/ip_local_port_range").write_text("40000 40003")
taken = [socket.create_server(("127.0.0.1", 40000 + n)) for n in range(4)]
for look in (free_port, listener):
    try:
        look(40001)
    except (SstError, OSError) as error:
        print(error)
taken[2].close()
print(free_port(40001))
'''


async def until(so: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not so():
            await asyncio.sleep(0.01)


def test_a_name_whose_address_is_taken_is_refused_and_answers_once_it_is_free(
        tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def life() -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"a task")
            writer.close()

        task = await asyncio.start_server(answer, "127.0.0.1", 0)
        behind: dict[Place, list[int]] = {}
        looks = 0

        def wanted() -> dict[Place, list[int]]:
            nonlocal looks
            looks += 1
            return behind

        names = Discovery(tmp_path, wanted)
        with socket.create_server((names.address("api.shop"), 0)) as taken:
            place: Place = taken.getsockname()
            assert names.problem(place).startswith(f"port {place[1]} of {place[0]} can't be had on this machine: ")
            behind[place] = [task.sockets[0].getsockname()[1]]
            running = asyncio.create_task(names.run())
            await until(lambda: looks > 2)
        said = [record.getMessage() for record in caplog.records]
        assert len(said) == 1 and f"{place[0]}:{place[1]} can't be had: " in said[0]
        answers = []

        async def asked() -> None:
            while not answers:
                with contextlib.suppress(ConnectionRefusedError):
                    reader, writer = await asyncio.open_connection(*place)
                    answers.append(await reader.read())
                    writer.close()
                await asyncio.sleep(0.02)

        async with asyncio.timeout(30):
            await asked()
        assert answers == [b"a task"] and names.problem(place) == ""
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        task.close()
        with pytest.raises(OSError):
            socket.create_connection(place, 1)

    caplog.set_level(logging.WARNING, "sst.discovery")
    asyncio.run(life())


def test_where_no_port_is_free_it_is_said(tmp_path: Path) -> None:
    if not shutil.which("unshare") or subprocess.run([*UNSHARE, "ip", "link", "set", "lo", "up"],
                                                     capture_output=True).returncode:
        pytest.skip("no network namespaces")
    ran = subprocess.run([*UNSHARE, "sh", "-c", 'ip link set lo up && exec "$0" -c "$1"', sys.executable, FULL],
                         capture_output=True, text=True)
    assert ran.stdout.splitlines() == [*["no free port on 127.0.0.1"] * 2, "40002"], ran.stderr
