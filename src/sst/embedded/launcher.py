"""The process of the embedded cloud: the emulator, patched, on one loopback port, with everything it keeps in one
folder."""
from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sst.embedded import emulator
from sst.embedded.ports import free_port, listener
from sst.embedded.recorder import start_recorder
from sst.embedded.services import LocalService, Supervisor
from sst.embedded.settings import Keys, Settings
from sst.errors import SstError
from sst.machine.files import write_private
from sst.machine.lock import FileLock

if TYPE_CHECKING:
    from sst.embedded.backed import Records
    from sst.embedded.front_door import FrontDoor

__all__ = ["main", "serve"]

_log = logging.getLogger("sst.launcher")
_GRACE_SECONDS = 1.0
"""For requests that run."""
_END_SECONDS = 3.0
"""For connections and functions to end by themselves."""


def main(arguments: Sequence[str], services: Sequence[LocalService] = ()) -> int:
    """``launcher FOLDER REGION VERSION iam|no-iam``; ends by SIGTERM or when FOLDER is gone. ``services`` run beside
    it."""
    folder, region, version, iam = Path(arguments[0]), arguments[1], arguments[2], arguments[3] == "iam"
    os.umask(0o077)
    data = FileLock(folder / "run.lock")  # for the life of this process
    if not data.acquire(wait=False):
        sys.stderr.write("another process holds this data folder\n")
        return 1
    settings, line = _settings(folder, region, iam, dict(os.environ))
    os.environ.clear()
    kept = {"PATH": settings.host.get("PATH", ""), "HOME": settings.host.get("HOME", str(folder)), "LANG": "C.UTF-8"}
    os.environ.update(kept | emulator.environment(settings))
    _set_up_logging(folder)
    try:
        asyncio.run(_serve_and_leave(settings, line, version, services))
    except SstError as error:
        _log.error("%s", error)
        sys.stderr.write(f"{error}\n".replace("\n", " ").strip() + "\n")
        return error.exit_code
    return 0


async def _serve_and_leave(settings: Settings, line: socket.socket, version: str,
                           services: Sequence[LocalService]) -> None:
    """Everything is saved when `serve` returns; threads that still wait for something must not keep the process."""
    await serve(settings, line, version, services)
    logging.shutdown()
    os._exit(0)


async def serve(settings: Settings, line: socket.socket, version: str, services: Sequence[LocalService] = ()) -> None:
    """Patch the emulator, serve it on ``line``, publish ``cloud.json``; returns after an orderly end."""
    from sst.embedded import patches

    if settings.host.get("SST_RECORD") != "0":
        start_recorder(settings.folder)
    patches.apply_all(settings)
    from sst.embedded.asgi import serve_app
    from sst.embedded.backing import Backing
    from sst.embedded.control import Control
    from sst.embedded.front_door import FrontDoor
    from sst.embedded.gate import Gate
    from sst.embedded.patches import (
        caches,
        clusters,
        containers,
        databases,
        discovery,
        functions,
        scaling,
        searches,
        state,
    )

    checkpoints = state.checkpoints()
    door = FrontDoor(settings, checkpoints)
    supervisor = Supervisor(settings.folder / "services")
    facts: dict[str, Any] = {"pid": os.getpid(), "port": settings.port, "region": settings.region, "version": version,
                             "iam": settings.iam, "started": time.time()}

    containers.running.engine.heard = functions.task_heard
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for word in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(word, ended.set)
    backed: list[Records] = [databases.RECORDS, clusters.RECORDS, caches.RECORDS, searches.RECORDS]
    for records in backed:
        records.attach(Backing(supervisor, loop, settings))
    tasks = [asyncio.create_task(checkpoints.run()), asyncio.create_task(_watch(settings, ended)),
             asyncio.create_task(supervisor.watch()), asyncio.create_task(containers.running.balancer.run()),
             asyncio.create_task(scaling.scaler().run()), asyncio.create_task(discovery.discovery().run())]
    publishing = asyncio.create_task(_publish(settings, facts, door, lambda: _resume(supervisor, services, backed)))
    publishing.add_done_callback(lambda task: None if _well(task) else ended.set())
    tasks.append(publishing)
    control = Control(facts, door, checkpoints, supervisor, settings)
    gate: Any = Gate(emulator.application(), settings, checkpoints, control, ended.set)
    await serve_app(gate, line, ended, grace=_GRACE_SECONDS, lifespan=True)
    await _end(door.close(), asyncio.to_thread(functions.close), supervisor.close(),
               asyncio.to_thread(containers.running.engine.close))
    for task in tasks:
        task.cancel()
    if gate.failed is not None:
        raise gate.failed
    if not _well(publishing):
        publishing.result()
    if settings.folder.is_dir():
        checkpoints.save_now()


async def _end(*endings: Awaitable[object]) -> None:
    for ending in endings:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_SECONDS):      # wait_for of Python 3.11 may swallow a cancellation
                await ending


async def _publish(settings: Settings, facts: Mapping[str, Any], door: FrontDoor,
                   resume: Callable[[], Awaitable[None]]) -> None:
    """Say where we are once the emulator and the services answer, not before; then take up what was left over."""
    reader, writer = await asyncio.open_connection("127.0.0.1", settings.port)
    writer.write(b"GET / HTTP/1.0\r\n\r\n")   # whatever the answer is: it comes from the emulator, with its state
    await reader.readline()
    writer.close()
    from sst.embedded.patches import events

    await resume()
    await door.restore()
    events.resume(settings)
    write_private(settings.folder / "cloud.json", json.dumps(facts))


def _well(task: asyncio.Task[None]) -> bool:
    return not task.done() or task.cancelled() or task.exception() is None


async def _resume(supervisor: Supervisor, services: Sequence[LocalService], backed: Sequence[Records]) -> None:
    """Have ``services`` running, and those that the emulator's records need."""
    await supervisor.begin(services, frozenset[str]().union(*(records.names() for records in backed)))
    await asyncio.gather(*(asyncio.to_thread(records.resume) for records in backed))


async def _watch(settings: Settings, ended: asyncio.Event) -> None:
    """End by itself when the data folder was deleted, so that no forgotten test or project leaves a process behind."""
    while (settings.folder / "keys.json").exists():
        await asyncio.sleep(1.0)
    _log.warning("the data folder is gone")
    ended.set()


def _settings(folder: Path, region: str, iam: bool, host: Mapping[str, str]) -> tuple[Settings, socket.socket]:
    """With the socket of its port, which nobody else can take from here on."""
    keys = Keys.of(folder)
    line, port = listener(keys.port)
    found = replace(keys, port=port, s3_port=free_port(keys.s3_port, port))
    if found != keys:
        found.save(folder)
    for name in ("state", "s3", "tmp"):
        (folder / name).mkdir(mode=0o700, exist_ok=True)
    return Settings(folder, region, found, iam, host), line


def _set_up_logging(folder: Path) -> None:
    handler = RotatingFileHandler(folder / "cloud.log", maxBytes=5_000_000, backupCount=1)
    logging.basicConfig(level=logging.WARNING, handlers=[handler],
                        format="%(asctime)s %(levelname)s %(name)s %(message)s", force=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
