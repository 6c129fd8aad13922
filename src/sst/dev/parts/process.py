"""Commands that run beside the app: one pane each, with the environment of what they are linked to."""
from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from os.path import relpath
from pathlib import Path
from typing import Any, Protocol

from ...build.in_place import InPlace, in_place
from ...build.source import Source
from ...core.dev_parts import Process
from ...core.graph import Graph
from ...core.link_env import environment
from ...core.model import Snapshot
from ...core.output import resolve
from ...errors import UserError
from ...executor.interpreters import Interpreters
from ...machine.mounts import Mounts
from ...project.shell import NotThere, look_in
from ..events import AnyEvent, ProcessOutput, ProcessState
from ..terminal import Pane, ProcessPane
from . import Deployed, Part, declared_parts

__all__ = ["Command", "PaneHost", "Place", "ProcessPart", "commands_of"]

_URL = re.compile(rb"https?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\])(?::\d+)?(?:/[\w\-./~]*)?")
_COLOUR = re.compile(rb"\x1b\[[0-9;:]*m")
_READY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Command:
    title: str
    line: str | tuple[str, ...]
    directory: Path
    autostart: bool
    environment: Mapping[str, str]
    missing: str = ""
    """What it is linked to and is not deployed yet; it starts once that is there."""
    url: str = ""
    """Where it answers, if that is known beforehand."""
    code: InPlace | None = None
    """The Python code that it runs: it is restarted when that is saved."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where commands run. ``cloud``: the variables that lead to the stage's cloud; ``host``: of the session.
    ``through`` leads links into networks that this machine does not reach by itself."""

    root: Path
    cloud: Mapping[str, str]
    host: Mapping[str, str] = field(default_factory=dict)
    through: Callable[[Mapping[str, str]], Mapping[str, str]] = lambda given: given


def commands_of(graph: Graph, snapshot: Snapshot, place: Place) -> list[Command]:
    """The program's commands with their links resolved. Raises `UserError` for a directory that is not there, or two of
    one title."""
    found: dict[str, Command] = {}
    for wanted in declared_parts(graph, Process):
        command = _command(wanted, graph, snapshot, place)
        if command.title in found:
            raise UserError(f'two commands are titled "{command.title}"', where=wanted.where,
                            hint="give one of them another title")
        found[command.title] = command
    return list(found.values())


def _command(wanted: Process, graph: Graph, snapshot: Snapshot, place: Place) -> Command:
    directory = (place.root / wanted.directory).resolve()
    if not directory.is_dir():
        raise UserError(f'{wanted.title} should run in "{wanted.directory}", which is not a folder', where=wanted.where)
    try:
        own = place.through(environment(graph, wanted.links, wanted.environment).resolved(look_in(snapshot)))
        systems = [(str(resolve(system, look_in(snapshot))), path) for system, path in wanted.volumes]
    except NotThere as missing:
        return Command(wanted.title, wanted.command, directory, wanted.autostart, {}, str(missing) or "its links")
    made = Command(wanted.title, wanted.command, directory, wanted.autostart, {**place.cloud, **own}, url=wanted.url)
    made = made if wanted.code is None else _python(made, wanted, wanted.code, place)
    return _mounting(made, systems, place) if systems else made


def _mounting(made: Command, systems: Sequence[tuple[str, str]], place: Place) -> Command:
    """With file systems, as containers of the embedded cloud have them."""
    home = place.root.resolve() / ".sst" / "local" / "efs"
    mounts = Mounts(str(home), tuple((str(home / system), path) for system, path in systems))
    words = ("/bin/sh", "-c", made.line) if isinstance(made.line, str) else made.line
    return replace(made, line=tuple(mounts.command(words)), environment={**made.environment, **mounts.environment})


def _python(made: Command, wanted: Process, code: Mapping[str, Any], place: Place) -> Command:
    """With the interpreter and the dependencies that it has once it is deployed."""
    from ...embedded.containers.python import line, variables

    at = in_place(Source.from_dict({**code, "root": str(place.root), "host": True}),
                  cache=place.root / ".sst" / "cache")
    python = Interpreters(place.host).python(Source.from_dict({**code, "root": ""}).version)[0]
    words = wanted.command if isinstance(wanted.command, tuple) else ("sh", "-c", wanted.command)
    own = {"PATH": place.host.get("PATH", ""), **made.environment}
    return replace(made, line=tuple(line(words, python)), directory=at.folder, code=at,
                   environment=variables(python, [at.folder, *at.path], dict(wanted.ports), own))


def _place(url: str) -> tuple[str, int]:
    found = re.match(r"(https?)://(\[[^\]]*\]|[^:/]+)(?::(\d+))?", url)
    assert found
    return found[2].strip("[]"), int(found[3] or (443 if found[1] == "https" else 80))


def _taken(url: str) -> int | None:
    """The port of an address of this machine at which a program answers already."""
    host, port = _place(url) if url else ("", 0)
    if host not in ("localhost", "127.0.0.1", "::1"):
        return None
    try:
        socket.create_connection((host, port), 1.0).close()
    except OSError:
        return None
    return port


class PaneHost(Protocol):
    """The multiplexer, or its one-stream stand-in."""

    def add(self, pane: Pane) -> None: ...
    async def remove(self, pane: Pane) -> None: ...


class _CommandPane(ProcessPane):
    """Looks for the address that a server prints when it is ready."""

    ready: Callable[[str], object] = staticmethod(lambda url: None)
    _asked = ""

    def _heard(self, data: bytes) -> None:
        super()._heard(data)
        if not self._asked and (found := _URL.search(_COLOUR.sub(b"", data))):
            self._asked = found[0].decode().replace("0.0.0.0", "127.0.0.1").replace("[::]", "localhost")
            self.ready(self._asked)

    changed: Callable[[str, int | None], object] = staticmethod(lambda state, code: None)

    address = ""
    """Where its server has to answer, if that is known beforehand."""

    def start(self) -> None:
        self._asked = self.url = ""
        if not self.alive and (port := _taken(self.address)):
            self.write_line(f"not started: port {port} is taken by another program. End that, or have the command use "
                            "another port and name it in url=")
            self.mark = "failed"
            return
        super().start()
        if self.alive:
            self.changed("running", None)

    def _ended(self, code: int) -> None:
        super()._ended(code)
        self.url = ""
        self.changed("exited", code)


@dataclass
class ProcessPart(Part):
    """``cloud`` gives the variables that lead to the stage's cloud."""

    host: PaneHost
    emit: Callable[[AnyEvent], None]
    root: Path
    cloud: Callable[[], Awaitable[Mapping[str, str]]]
    environment: Mapping[str, str] = field(default_factory=dict)
    """Of the session."""
    through: Callable[[Mapping[str, str]], Mapping[str, str]] = lambda given: given
    """See `Place`."""
    urls: dict[str, str] = field(default_factory=dict)
    """Title → the address of a server that is ready."""
    _panes: dict[str, tuple[Command, _CommandPane]] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def use(self, deployed: Deployed) -> None:
        place = Place(self.root, await self.cloud(), self.environment, self.through)
        await self._keep(await asyncio.to_thread(commands_of, deployed.graph, deployed.snapshot, place))

    @property
    def folders(self) -> Collection[Path]:
        return [folder for command, _ in self._panes.values() if command.code for folder in command.code.roots]

    @property
    def program_files(self) -> Collection[Path]:
        return [file for command, _ in self._panes.values() if command.code for file in command.code.declared]

    async def changed(self, paths: Collection[str]) -> None:
        """Restart what runs code that was saved."""
        for command, pane in list(self._panes.values()):
            roots = tuple(f"{root}/" for root in command.code.roots) if command.code else ()
            saved = sorted(p for p in paths if p.endswith(".py") and roots and p.startswith(roots)
                           and Path(p) != self.root / "sst_config.py")
            if saved and pane.child is not None:
                name = relpath(saved[0], self.root) if len(saved) == 1 else f"{len(saved)} files"
                self.emit(ProcessState(command.title, "restarting", f"{name} saved"))
                await pane.restart()

    async def _keep(self, wanted: Sequence[Command]) -> None:
        names = {c.title for c in wanted}
        for title in [t for t in self._panes if t not in names]:
            await self.host.remove(self._panes.pop(title)[1])
            self.urls.pop(title, None)
            self.emit(ProcessState(title, "removed"))
        for command in wanted:
            if command.missing and command.title not in self._panes:
                self.emit(ProcessState(command.title, "waiting", command.missing))
            elif not command.missing:
                await self._use_one(command)

    async def _use_one(self, command: Command) -> None:
        was, pane = self._panes.get(command.title, (None, None))
        if pane is None or was is None:
            pane = _CommandPane(command.title, command.line, directory=command.directory, autostart=command.autostart,
                                environment=command.environment)
            pane.address = command.url
            pane.ready = lambda url: self._answers(command.title, self._panes[command.title][0].url or url)
            pane.changed = lambda state, code: self.emit(ProcessState(command.title, state, code=code))
            pane.tap(lambda line: self.emit(ProcessOutput(command.title, line)))
            self._panes[command.title] = command, pane
            self.host.add(pane)
            return
        self._panes[command.title] = command, pane
        if was == command:
            return
        pane.command, pane.directory, pane.autostart = command.line, command.directory, command.autostart
        pane.environment, pane.address = dict(command.environment), command.url
        if pane.alive:
            what = "environment" if was.line == command.line else "command"
            self.emit(ProcessState(command.title, "restarting", f"its {what} has changed"))
            await pane.restart()
        elif was.line != command.line and command.autostart:
            pane.start()

    def _answers(self, title: str, url: str) -> None:
        task = asyncio.get_running_loop().create_task(self._until_ready(title, url))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _until_ready(self, title: str, url: str) -> None:
        """A server may print its address before it listens."""
        host, port = _place(url)
        for _ in range(int(_READY_SECONDS / 0.1)):
            try:
                _, writer = await asyncio.open_connection(host, port)
            except OSError:
                await asyncio.sleep(0.1)
                continue
            writer.close()
            self.urls[title] = url
            self._panes[title][1].note = f":{port}"
            self._panes[title][1].url = url
            self.emit(ProcessState(title, "ready", url=url))
            return

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def environment_in(self, directory: Path) -> Mapping[str, str] | None:
        """The environment of the command whose folder this is (or lies above it), the nearest one; None if there is
        none."""
        within = [c for c, _ in self._panes.values() if directory.is_relative_to(c.directory)]
        return max(within, key=lambda c: len(c.directory.parts)).environment if within else None
