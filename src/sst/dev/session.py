"""``sst dev``: one session of one stage, from its first deploy to its end.

    door      who else may talk to it            watch      what was saved
    deploys   the program, again and again       functions  run from their source
    commands  what runs beside                   feed       what there is to see
"""
from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..core.model import Snapshot
from ..core.names import did_you_mean
from ..embedded.environment import ensure, functions_folder
from ..errors import SstError, UserError
from ..executor import stamp
from ..net.frames import Frames
from ..project.shell import cloud_environment
from .commands import Commands, Shows, commands_of
from .deploys import Deployed, Deploys, in_thread
from .door import Door, hold
from .feed import Feed
from .functions import Functions
from .ink import Ink
from .invocations import Invocations
from .live_function import live_functions
from .local import LocalCalls
from .reading import Reading
from .watch import Watch

if TYPE_CHECKING:
    from .debugger import Debugger
    from .remote import Remote

__all__ = ["Host", "Session", "folder_of"]

_PROGRAM = "sst_config.py"
_REATTACH_SECONDS = 1.0


class Host(Shows, Protocol):
    """What shows the panes: `terminal.Multiplexer` or `terminal.Mono`."""

    async def run(self) -> None: ...
    def stop(self) -> None: ...


def folder_of(root: Path, stage: str) -> Path:
    """Where a stage's session keeps its things."""
    return root / ".sst" / "dev" / stage


class Session:
    """One for each stage and machine; `UserError` if another one has the stage.

    ``commands`` False: only the app itself, nothing beside it. With ``debug``, a debugger may attach to functions.
    """

    def __init__(self, deploys: Deploys, feed: Feed, *, ink: Ink, environment: Mapping[str, str], commands: bool = True,
                 debug: Debugger | None = None) -> None:
        self.deploys, self.feed, self._environment, self._with_commands = deploys, feed, environment, commands
        world = deploys.world
        self._root, self._stage = world.project.root, world.project.stage
        self._folder = folder_of(self._root, self._stage)
        held = hold(self._folder)
        if held is None:
            raise UserError(f'`sst dev` runs already for stage "{self._stage}"')
        self._held, self._debug = held, debug
        self._packages: Path | None = None
        self.view = Invocations(feed.function, root=self._root, ink=ink)
        self.functions = Functions(folder=self._folder, cache=self._root / ".sst" / "cache", host=environment,
                                   packages=self._have_packages, view=self.view, say=feed.function,
                                   logged=lambda lines: self._calls.logged(lines), debug=debug)
        self._calls = LocalCalls(self.functions)
        self._remote: Remote | None = None
        self._door = Door(self._folder, {"calls": self._calls.serve, "lines": self._show_lines,
                                         "environment": self._give_environment,
                                         "deploy": self._deploy_for})
        self._watch = Watch([self._root], say=feed.deploy)
        self._program = Reading()
        self._commands: Commands | None = None
        self._deployed: Deployed | None = None
        self._wanted = asyncio.Event()
        self._news = asyncio.Event()
        self._failed = False
        self._ready = False

    async def run(self, host: Host) -> None:
        """Until the host ends, or something of the session itself breaks; nothing of it is left then."""
        self._commands = Commands(host, self.feed.deploy)
        work = [asyncio.create_task(w) for w in (self._begin(), self._deploy_when_wanted(), self._look(),
                                                 self._stay_attached())]
        for task in work:
            task.add_done_callback(lambda task: host.stop() if not task.cancelled() and task.exception() else None)
        try:
            await host.run()
        finally:
            await self._end(work)
        for task in work:
            if not task.cancelled() and (error := task.exception()):
                raise error

    def _have_packages(self) -> Path | None:
        """Looked for until it is there: the embedded cloud may be installed only now."""
        self._packages = self._packages or functions_folder(self._environment)
        return self._packages

    def _offer(self) -> None:
        """The keys of the pane of deploys, as they make sense now."""
        agree = {"y": ("agree", self.agree)} if self.deploys.doomed else {}
        self.feed.deploys.keys = {"d": ("deploy", self.redeploy), **agree}

    def redeploy(self) -> None:
        """Deploy again, though nothing has changed."""
        self._wanted.set()

    def agree(self) -> None:
        """Yes to what the last deploy asked."""
        if self.deploys.agree():
            self._wanted.set()

    def look(self) -> None:
        """Show request and response of the latest invocation, then of the one before."""
        for line in self.view.look():
            self.feed.function(line)

    async def _begin(self) -> None:
        await self.functions.start()
        if not self.deploys.world.project.is_local:
            from .remote import patience

            await self._have_boto3()
            self.deploys.wait = await patience(self.deploys.world)
        await self._door.open()
        await self._take_up()
        self._wanted.set()

    async def _have_boto3(self) -> None:
        """What Lambda's Python has of itself comes with the embedded cloud."""
        try:
            await in_thread(lambda: ensure(self._environment, note=self.feed.deploy))
        except UserError as error:
            self.feed.deploy(f"functions that do not bring boto3 have none: {error.message}")

    async def _take_up(self) -> None:
        """What was deployed before is live at once."""
        world = self.deploys.world
        snapshot = await in_thread(world.stage.load)
        if snapshot.resources:
            await self.functions.use(live_functions(snapshot, self._root))
            await self._attach(snapshot)

    async def _attach(self, snapshot: Snapshot) -> None:
        """Have calls come to us: on stage ``local`` from the cloud of this machine, else over the bridge."""
        world = self.deploys.world
        if not world.project.is_local:
            if self._remote is None:
                from .remote import Remote

                self._remote = Remote(world, self.functions, self.feed.function)
            await self._remote.use(snapshot)
        elif self._calls.lost.is_set() and not await in_thread(lambda: world.cloud.attach(self._door.port,
                                                                                          self._door.token)):
            world.forget_cloud()  # it was stopped, or has died: the next look starts it

    async def _stay_attached(self) -> None:
        """The cloud may be restarted under us."""
        pause = _REATTACH_SECONDS
        while True:
            await asyncio.sleep(pause)
            if self._deployed and not self.deploys.running:
                try:
                    await self._attach(self._deployed.snapshot)
                    pause = _REATTACH_SECONDS
                except SstError as error:  # told less and less often
                    pause = min(2 * pause, 60)
                    self.deploys.tell(error)

    # the loop

    async def _deploy_when_wanted(self) -> None:
        first = True
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            self.feed.deploys.mark = "busy"
            if not first:
                self.feed.deploy("deploying what has changed")
            self._program.forget(_PROGRAM)
            self._note_program()
            began = time.time_ns()
            deployed = await self.deploys.once(first=first)
            first = False
            self._failed = deployed is None or not deployed.good
            self.feed.deploys.mark = "failed" if self._failed else "ok"
            self._offer()
            if deployed:
                try:
                    await self._take_over(deployed)
                except SstError as error:
                    self._failed, self.feed.deploys.mark = True, "failed"
                    self.deploys.tell(error)
            self._note_program(began)
            if self._program.stale(_PROGRAM):  # saved while it was deployed
                self._wanted.set()
            self._news.set()
            self._news = asyncio.Event()

    async def _take_over(self, deployed: Deployed) -> None:
        self._deployed = deployed
        world = self.deploys.world
        skip = {urn for urn, component in deployed.graph.components.items() if getattr(component, "dev", True) is False}
        await self.functions.use(live_functions(deployed.snapshot, self._root, skip=skip))
        await self._attach(deployed.snapshot)
        await self._calls.tell()
        self._watch.look_at(self._roots())
        if self._with_commands and self._commands:
            cloud = await in_thread(lambda: cloud_environment(world))
            await self._commands.use(commands_of(deployed.graph, deployed.snapshot, root=self._root, cloud=cloud))
        if not self._ready and not self._failed:
            self._ready = True
            live = self.functions.titles
            for name in self._debug.unknown(live) if self._debug else ():
                self.feed.deploy(f"there is no function {name} to debug; {did_you_mean(name, live)}")
            self.feed.deploy(f"ready: {len(live)} function{'s' * (len(live) != 1)} run from source; saving a file is "
                             "enough")

    def _roots(self) -> set[Path]:
        """The project, and folders outside of it whose code or program it uses."""
        config = self.deploys.world.project.config
        further = {(self._root / w).resolve() for w in config.watch}
        further |= {folder for folder in self.functions.roots if not folder.is_relative_to(self._root)}
        return {self._root, *(f for f in further if f.is_dir())}

    def _note_program(self, began: int | None = None) -> None:
        """What the program is made from. Of what is new since the deploy ``began`` nobody knows whether it was read
        before it was saved."""
        files = {*self.deploys.watched, *(self._root / name for name in (".env", f".env.{self._stage}")),
                 *self.functions.declared}
        now = {str(f): stamp(f) for f in files}
        self._program.note(_PROGRAM, {f: (0, 0) if began and found[0] >= began else found for f, found in now.items()})

    async def _look(self) -> None:
        async for paths in self._watch:
            if self._is_program(paths):
                self._wanted.set()
            if paths:
                await self.functions.changed(paths)

    def _is_program(self, paths: set[str]) -> bool:
        if self.deploys.running:
            return False  # looked at when it has ended
        if self._failed and any(p.endswith((".py", ".toml", ".lock", ".txt", ".json")) or "/.env" in p for p in paths):
            return True  # whatever was missing may be there now
        watched = [str((self._root / w).resolve()) for w in self.deploys.world.project.config.watch]
        if any(p == w or p.startswith(f"{w}/") for p in paths for w in watched):
            return True
        return bool(self._program.stale(_PROGRAM))

    async def _end(self, work: list[asyncio.Task[None]]) -> None:
        self._watch.stop()
        if self.deploys.running:
            self.deploys.stop()
            self.feed.deploy("finishing what is being deployed")
            while self.deploys.running:
                await asyncio.sleep(0.05)
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        if self._remote:
            await self._remote.close()
        await self._door.close()
        await self.functions.close()
        self.deploys.world.close()
        os.close(self._held)

    # guests

    async def _show_lines(self, hello: Mapping[str, Any], frames: Frames) -> None:
        """For another terminal: all that is said, and was said before."""
        with self.feed.lines() as queue:
            gone = asyncio.ensure_future(frames.read())
            while not gone.done():
                line = asyncio.ensure_future(queue.get())
                await asyncio.wait((line, gone), return_when=asyncio.FIRST_COMPLETED)
                if line.done():
                    title, text = line.result()
                    await frames.send({"title": title, "line": text})
                else:
                    line.cancel()

    async def _deploy_for(self, hello: Mapping[str, Any], frames: Frames) -> None:
        """Somebody else knows that there is something to deploy: a secret was set."""
        self.redeploy()
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
        return await in_thread(lambda: shell_environment(self.deploys.world))
