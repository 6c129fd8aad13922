"""Servers of stage ``local`` on a disk that is full: what they say, and what is there once there is room again."""
from __future__ import annotations

import asyncio
import base64
import contextlib
import http.client
import importlib
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sst.embedded.environment import ensure_packages, ensure_program
from sst.embedded.services import LocalService, Supervisor, end_left_over, unprivileged
from sst.embedded.services.opensearch import OpenSearch
from sst.embedded.services.postgres import Postgres
from sst.embedded.services.valkey import Valkey
from sst.errors import SstError

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.long]

FULL = "No space left on device"


@dataclass(frozen=True)
class Server:
    service: Callable[[], LocalService]
    megabytes: int
    """Of the disk: enough for an empty server."""
    put: Callable[[int, str, str], object]
    """Write a value; raises what the server says."""
    get: Callable[[int, str], str]
    placed: bool = False
    """Its data is where the account without rights can read it."""
    starts: bool = False
    """On a full disk too: then it only reads."""


def sql(port: int, statement: str, *values: object) -> Any:
    """On a connection of its own."""
    line = importlib.import_module("psycopg2").connect(host="127.0.0.1", port=port, user="me", password="secret",
                                                       dbname="shop")
    with contextlib.closing(line):
        cursor = line.cursor()
        cursor.execute(statement, values)
        found = cursor.fetchall() if cursor.description else None
        line.commit()
        return found


def put_row(port: int, name: str, value: str) -> None:
    sql(port, "create table if not exists t (name text primary key, value text)")
    sql(port, "insert into t values (%s, %s)", name, value)


def get_row(port: int, name: str) -> str:
    return str(sql(port, "select value from t where name = %s", name)[0][0])


def valkey(port: int, *words: str) -> str:
    with socket.create_connection(("127.0.0.1", port), 10) as line, line.makefile("rb") as answers:
        said = ""
        for command in (("AUTH", "secret"), words):
            line.sendall(f"*{len(command)}\r\n".encode() + b"".join(b"$%d\r\n%s\r\n" % (len(w), w.encode())
                                                                   for w in command))
            said = answers.readline().decode().strip()
            if said[:1] not in ("+", "$"):
                raise OSError(said or "it closed the connection")
        return answers.readline().decode().strip() if said.startswith("$") else said


def search(port: int, method: str, path: str, body: object = None) -> Any:
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(line):
        line.request(method, path, json.dumps(body), {
            "Authorization": "Basic " + base64.b64encode(b"me:secret").decode(), "Content-Type": "application/json"})
        answer = line.getresponse()
        said = answer.read().decode()
        if answer.status >= 400:
            raise OSError(said)
        return json.loads(said)


SERVERS = {
    "postgres": Server(
        lambda: Postgres("postgres/Full", ensure_program("postgres", os.environ), "me", "secret", "shop"), 100, put_row,
        get_row, placed=True),
    "valkey": Server(lambda: Valkey("valkey/Full", ensure_program("valkey", os.environ), ("secret",)), 4,
                     lambda port, name, value: valkey(port, "SET", name, value),
                     lambda port, name: valkey(port, "GET", name)),
    "opensearch": Server(
        lambda: OpenSearch("opensearch/Full", ensure_program("opensearch", os.environ), "me", "secret"), 4,
        lambda port, name, value: search(port, "PUT", f"/t/_doc/{name}", {"value": value}),
        lambda port, name: str(search(port, "GET", f"/t/_doc/{name}")["_source"]["value"]), starts=True)}


@contextlib.contextmanager
def disk(folder: Path, server: Server) -> Iterator[Path]:
    """A small file system at the place where a service has its data."""
    folder.mkdir(parents=True)
    at = unprivileged.place(folder) if server.placed else folder
    owner = at.stat()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={server.megabytes}m,mode=700,uid={owner.st_uid},gid="
                           f"{owner.st_gid}", "tmpfs", at], capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"no file system can be mounted: {made.stderr.strip()}")
    try:
        yield at
    finally:
        subprocess.run(["umount", "--lazy", at], check=True)
        unprivileged.forget(folder)


@contextlib.contextmanager
def full(at: Path) -> Iterator[None]:
    filler = at / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 16))
    with filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(512))
    try:
        yield
    finally:
        filler.unlink()


@pytest.mark.parametrize("name", SERVERS)
def test_what_a_server_took_is_there_and_it_goes_on_once_there_is_room(name: str, tmp_path: Path,
                                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    server = SERVERS[name]
    service = server.service()
    monkeypatch.syspath_prepend(str(ensure_packages("data_api", os.environ)))
    folder, kept = tmp_path / "services", {"old": "written before"}
    supervisor = Supervisor(folder)

    def port() -> int:
        return int(supervisor.endpoints()[service.name].rpartition(":")[2])

    def fill() -> str:
        """What is said when nothing more can be written."""
        for n in range(2000):
            value = os.urandom(16_000).hex()
            try:
                server.put(port(), f"n{n}", value)
            except Exception as error:
                return str(error)
            kept[f"n{n}"] = value
        return ""

    def goes_on() -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                server.put(port(), "after", "written after")
                return
            except Exception:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    async def life(at: Path) -> None:
        if not server.starts:
            with full(at), pytest.raises(SstError, match=FULL) as refused:
                await supervisor.start(service)
            assert service.name in refused.value.message
        await supervisor.start(service)
        watching = asyncio.create_task(supervisor.watch())
        await asyncio.to_thread(server.put, port(), "old", kept["old"])
        with full(at):
            said = await asyncio.to_thread(fill)
        assert FULL in said
        await asyncio.to_thread(goes_on)
        assert {key: server.get(port(), key) for key in kept} == kept
        watching.cancel()
        await supervisor.stop(service.name)
        await supervisor.start(service)
        assert {key: server.get(port(), key) for key in [*kept, "after"]} == kept | {"after": "written after"}
        await supervisor.close()

    with disk(folder / service.name / "data", server) as at:
        try:
            asyncio.run(life(at))
        finally:
            end_left_over(folder)
