"""``sst dev``: one session of one stage, from its first deploy to its end.

    control   other processes that talk to it     watch    what was saved
    deploys   the program, again and again        parts    functions from their source, commands beside the app
    stream    what happens, for whoever shows it
"""
from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..core.graph import Graph
from ..core.names import did_you_mean
from ..embedded.environment import ensure, functions_folder
from ..errors import SstError, UserError
from ..events import StepDone, StepFailed, StepStarted, to_json
from ..executor import GONE, stamp
from ..net.frames import Frames
from ..project.shell import cloud_environment
from .control import OVER, ControlServer, hold
from .deploys import Deploys, in_thread
from .events import AnyEvent, DeployEnded, LiveFunctions, Notice, Ready
from .functions import Functions
from .parts import Deployed, Part
from .parts.files import FilesPart
from .parts.function import CallSource, FunctionPart
from .parts.process import PaneHost, ProcessPart
from .parts.tunnel import TunnelPart
from .ports import Ports
from .read_files import ReadFiles
from .recorder import CallRecorder
from .stream import EventStream
from .watch import Watch

if TYPE_CHECKING:
    from .debugger import Debugger

__all__ = ["Host", "Session", "folder_of"]

_PROGRAM = "sst_config.py"


class Host(PaneHost, Protocol):
    """What shows the panes: `terminal.Multiplexer` or `terminal.Mono`."""

    async def run(self) -> None: ...
    def stop(self) -> None: ...


def folder_of(root: Path, stage: str) -> Path:
    """Where a stage's session keeps its files."""
    return root / ".sst" / "dev" / stage


class Session:
    """One for each stage and machine; `UserError` if another one has the stage.

    ``commands`` False: only the app itself, nothing beside it. With ``debug``, a debugger may attach to functions.
    """

    def __init__(self, deploys: Deploys, stream: EventStream, *, environment: Mapping[str, str],
                 redact: Callable[[str], str], commands: bool = True, debug: Debugger | None = None) -> None:
        self.deploys, self.stream, self._environment, self._with_commands = deploys, stream, environment, commands
        self._redact = redact
        project = deploys.backend.project
        self._root, self._stage = project.root, project.stage
        self._folder = folder_of(self._root, self._stage)
        held = hold(self._folder)
        if held is None:
            raise UserError(f'`sst dev` runs already for stage "{self._stage}"')
        self._held, self._debug = held, debug
        self._packages: Path | None = None
        handlers = {"events": self._send_events, "act": self._act_for, "environment": self._give_environment}
        self._control = ControlServer(self._folder, handlers)
        self._tunnel = self._tunnel_part()
        self.parts: list[Part] = [*([self._tunnel] if self._tunnel else []), self._function_part(),
                                  FilesPart(self._root, self.deploy)]
        self._commands: ProcessPart | None = None
        self._watch = Watch([self._root], say=stream.deploy_notice)
        self._program = ReadFiles()
        self._deployed: Deployed | None = None
        self._wanted = asyncio.Event()
        self._news = asyncio.Event()
        self._failed = False
        self._ready = False
        self._live = list[str]()
        self.interrupted = False
        """The session was ended in the middle of a deploy."""
        self._steps: dict[str, str] = {}
        """What is being deployed, by key."""
        stream.subscribe(self._see)
        self._tasks: set[asyncio.Task[None]] = set()

    def _function_part(self) -> FunctionPart:
        self.functions = Functions(folder=self._folder, cache=self._root / ".sst" / "cache", host=self._environment,
                                   packages=self._find_packages, recorder=CallRecorder(self.stream.emit),
                                   emit=self.stream.emit, debug=self._debug)
        backend = self.deploys.backend
        source: CallSource
        if backend.project.is_local:
            from .local_calls import LocalCalls

            source = local = LocalCalls(self.functions, self._invite_cloud, self.stream.emit)
            self.functions.on_log = local.logged
            self._control.handlers["calls"] = local.serve
        else:
            from .bridge_calls import BridgeCalls

            assert self._tunnel is not None
            source = BridgeCalls(self._tunnel.runner(self.functions), backend.clouds.connection,
                                 self.stream.function_notice)
        self.deploys.lease, self.deploys.port = source.lease, Ports(self._folder / "ports.json").of
        return FunctionPart(self.functions, source, root=self._root, busy=lambda: self.deploys.running,
                            tell=self.deploys.tell)

    def _tunnel_part(self) -> TunnelPart | None:
        backend = self.deploys.backend
        if backend.project.is_local:
            return None
        from .tunnel.running import behind_gateways

        return TunnelPart(lambda snapshot: behind_gateways(backend, snapshot), self.stream.deploy_notice,
                          self._folder / "tunnel.json")

    async def run(self, host: Host, *, note: Callable[[str], None] = lambda text: None) -> None:
        """Until the host ends, or something of the session itself breaks; nothing of it is left then."""
        self._loop = asyncio.get_running_loop()
        if self._with_commands:
            self._commands = ProcessPart(host, self.stream.emit, self._root, self._cloud_environment, self._environment)
            if self._tunnel:
                self._commands.through = self._tunnel.environment
            self.parts.append(self._commands)
        work = [asyncio.create_task(w) for w in (self._begin(), self._deploy_when_wanted(), self._look())]
        for task in work:
            task.add_done_callback(lambda task: host.stop() if not task.cancelled() and task.exception() else None)
        try:
            await host.run()
        finally:
            await self._end(work, note)
        for task in work:
            if not task.cancelled() and (error := task.exception()):
                raise error

    def _see(self, event: AnyEvent) -> None:
        match event:
            case StepStarted():
                self._steps[event.key] = event.name
            case StepDone() | StepFailed():
                self._steps.pop(event.key, None)
            case DeployEnded():
                self._steps.clear()

    def _find_packages(self) -> Path | None:
        """Looked for until it is there: the embedded cloud may be installed only now."""
        self._packages = self._packages or functions_folder(self._environment)
        return self._packages

    async def _cloud_environment(self) -> Mapping[str, str]:
        return await in_thread(lambda: cloud_environment(self.deploys.backend))

    async def _invite_cloud(self) -> None:
        backend = self.deploys.backend
        if not await in_thread(lambda: backend.cloud.attach(self._control.port, self._control.token)):
            backend.forget_cloud()  # it was stopped, or has died: the next look starts it

    # what a user may do: `actions.Actions`

    def deploy(self) -> None:
        """Deploy again, though nothing has changed."""
        self._wanted.set()

    def confirm(self) -> None:
        """Yes to what the last deploy asked."""
        if self.deploys.confirm():
            self._wanted.set()

    def restart(self, function: str) -> None:
        self._do(self.functions.restart(function))

    def replay(self, number: int, event: str | None = None) -> None:
        self._do(self.functions.replay(number, None if event is None else event.encode()))

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        async def done() -> None:
            try:
                await work
            except SstError as error:
                self.stream.emit(Notice("functions", str(error), error=error))

        task = self._loop.create_task(done())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _begin(self) -> None:
        if not self.deploys.backend.project.is_local:
            await self._have_boto3()
        for part in self.parts:
            await part.start()
        await self._control.open()
        self._wanted.set()

    async def _have_boto3(self) -> None:
        """What Lambda's Python has of itself comes with the embedded cloud."""
        try:
            await in_thread(lambda: ensure(self._environment, note=self.stream.deploy_notice))
        except UserError as error:
            self.stream.deploy_notice(f"functions that do not bring boto3 have none: {error.message}")

    async def _resume(self, deployed: Deployed) -> None:
        """What an earlier session deployed is live at once."""
        try:
            for part in self.parts:
                await part.resume(deployed)
        except SstError as error:
            self.deploys.tell(error)

    def _declared(self, graph: Graph) -> None:
        """In the thread of the first deploy, which waits for nothing here."""
        deployed = Deployed(graph, self.deploys.backend.stage.load(), good=False)
        asyncio.run_coroutine_threadsafe(self._resume(deployed), self._loop)

    # the loop

    async def _deploy_when_wanted(self) -> None:
        first = True
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            self._program.forget(_PROGRAM)
            self._note_program()
            began = time.time_ns()
            deployed = await self.deploys.once(first=first, declared=self._declared if first else None)
            first = False
            self._failed = deployed is None or not deployed.good
            if deployed:
                try:
                    await self._take_over(deployed)
                except SstError as error:
                    self._failed = True
                    self.deploys.tell(error)
            self._note_program(began)
            if self._program.stale(_PROGRAM):  # saved while it was deployed
                self._wanted.set()
            self._news.set()
            self._news = asyncio.Event()

    async def _take_over(self, deployed: Deployed) -> None:
        self._deployed = deployed
        for part in self.parts:
            await part.use(deployed)
        self._watch.look_at(self._roots())
        if (live := self.functions.titles) != self._live:
            self._live = live
            self.stream.emit(LiveFunctions(tuple(live)))
        if not self._ready and not self._failed:
            self._ready = True
            for name in self._debug.unknown(live) if self._debug else ():
                self.stream.deploy_notice(f"there is no function {name} to debug; {did_you_mean(name, live)}")
            self.stream.emit(Ready(len(live)))

    def _roots(self) -> set[Path]:
        """The project, and folders outside of it whose code or program it uses."""
        config = self.deploys.backend.project.config
        further = {(self._root / w).resolve() for w in config.watch}
        further |= {f for part in self.parts for f in part.folders if not f.is_relative_to(self._root)}
        return {self._root, *(f for f in further if f.is_dir())}

    def _note_program(self, began: int | None = None) -> None:
        """What the program is made from. Of what is new since the deploy ``began`` nobody knows whether it was read
        before it was saved."""
        files = {*self.deploys.watched, *(self._root / name for name in (".env", f".env.{self._stage}")),
                 *(f for part in self.parts for f in part.program_files)}
        now = {str(f): stamp(f) for f in files}
        self._program.note(_PROGRAM, {f: GONE if began and max(found[:2]) >= began else found
                                      for f, found in now.items()})

    async def _look(self) -> None:
        async for paths in self._watch:
            if self._is_program(paths):
                self._wanted.set()
            if paths:
                for part in self.parts:
                    await part.changed(paths)

    def _is_program(self, paths: set[str]) -> bool:
        if self.deploys.running:
            return False  # looked at when it has ended
        if self._failed and any(p.endswith((".py", ".toml", ".lock", ".txt", ".json")) or "/.env" in p for p in paths):
            return True  # whatever was missing may be there now
        watched = [str((self._root / w).resolve()) for w in self.deploys.backend.project.config.watch]
        if any(p == w or p.startswith(f"{w}/") for p in paths for w in watched):
            return True
        return bool(self._program.stale(_PROGRAM))

    async def _end(self, work: list[asyncio.Task[None]], note: Callable[[str], None]) -> None:
        self._watch.stop()
        if self.deploys.running:
            self.deploys.stop()
            self.interrupted = True
            said = ""
            while self.deploys.running:
                if (text := ", ".join(sorted(self._steps.values())[:5]) or "the deploy") != said:
                    note(f"waiting for {text}; ctrl-c again leaves now, and the next deploy goes on from there")
                    said = text
                await asyncio.sleep(0.05)
        work += self._tasks
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        await self._control.close()
        for part in self.parts:
            await part.close()
        self.deploys.backend.close()
        self._held.release()

    # clients

    async def _send_events(self, hello: Mapping[str, Any], frames: Frames) -> None:
        """For another terminal: all that happens, and has happened before; with ``past`` only that."""
        try:
            if hello.get("past"):
                for one in self.stream.past():
                    await frames.send(json.loads(self._redact(json.dumps(to_json(one)))))
                return
            with self.stream.queue() as queue:
                gone = asyncio.ensure_future(frames.read())
                while not gone.done():
                    event = asyncio.ensure_future(queue.get())
                    await asyncio.wait((event, gone), return_when=asyncio.FIRST_COMPLETED)
                    if event.done():
                        await frames.send(json.loads(self._redact(json.dumps(to_json(event.result())))))
                    else:
                        event.cancel()
        finally:
            async with asyncio.timeout(1):  # it may not read any more
                await frames.send(OVER)

    async def _act_for(self, hello: Mapping[str, Any], frames: Frames) -> None:
        """What a user of another terminal asks for."""
        event = hello.get("with")
        match str(hello.get("act")), hello.get("on"):
            case "deploy", _:
                self.deploy()
            case "confirm", _:
                self.confirm()
            case "restart", str(function):
                self.restart(function)
            case "replay", int(number):
                self.replay(number, None if event is None else str(event))
        await frames.send({"asked": True})

    async def _give_environment(self, hello: Mapping[str, Any], frames: Frames) -> None:
        """For ``sst dev -- command``: what it gets, and again each time that it changes."""
        directory, last = Path(str(hello.get("directory", self._root))), None
        while True:
            news = self._news
            if self._deployed and (now := await self._environment_in(directory)) != last:
                last = now
                await frames.send({"environment": now})
            gone = asyncio.ensure_future(frames.read())
            waiting = asyncio.ensure_future(news.wait())
            try:
                await asyncio.wait((gone, waiting), return_when=asyncio.FIRST_COMPLETED)
                if gone.done():
                    return
            finally:
                gone.cancel()
                waiting.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await gone

    async def _environment_in(self, directory: Path) -> Mapping[str, str]:
        from ..project.shell import shell_environment

        if self._commands and (own := self._commands.environment_in(directory)) is not None:
            return own
        all_links = await in_thread(lambda: shell_environment(self.deploys.backend))
        return self._tunnel.environment(all_links) if self._tunnel else all_links
