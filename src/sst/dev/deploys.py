"""Deploys of a running session: one at a time, in a thread, with the last good state kept whatever goes wrong."""
from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from ..core.graph import Graph
from ..core.target import Lease
from ..engine.plan import Plan
from ..errors import DeployError, UserError
from ..project.backend import Backend
from ..project.project import Project
from ..project.run import Run, deploy
from .events import AnyEvent, DeployBegan, DeployEnded, Notice
from .parts import Deployed

__all__ = ["Deploys", "in_thread"]

T = TypeVar("T")


class Deploys:
    """``reopen`` reads the config again, into ``backend``. ``emit`` gets the events, ``hide`` each secret value."""

    def __init__(self, backend: Backend, *, reopen: Callable[[], Project], emit: Callable[[AnyEvent], None],
                 hide: Callable[[Any], None]) -> None:
        self.backend, self._reopen, self._emit, self._hide = backend, reopen, emit, hide
        self._allowed: set[str] = set()
        self._warned: set[str] = set()
        self.pending_data_loss: tuple[str, ...] = ()
        """What the last deploy would have deleted with its data; it waits to be confirmed."""
        self.lease: Callable[[], Lease | None] = lambda: None
        """On AWS stages: how deployed functions find this session."""
        self.port: Callable[..., int] = lambda name, wanted=0: wanted
        """See `Target.dev_port`."""
        self._stop: threading.Event | None = None
        self.running = False

    async def once(self, *, first: bool = False, declared: Callable[[Graph], None] | None = None) -> Deployed | None:
        """Deploy. None if nothing could be deployed; why was written. ``declared`` gets the program before anything
        changes, in the thread of the deploy."""
        self.running, self.pending_data_loss = True, ()
        try:
            return await in_thread(lambda: self._deploy(first, declared))
        finally:
            self.running = False

    def confirm(self) -> bool:
        """Let the next deploy delete what is in ``pending_data_loss``; False if nothing is."""
        self._allowed |= set(self.pending_data_loss)
        return bool(self.pending_data_loss)

    def stop(self) -> None:
        """Let what runs finish, begin nothing more."""
        if self._stop:
            self._stop.set()

    def _deploy(self, first: bool, declared: Callable[[Graph], None] | None) -> Deployed | None:
        self._stop = threading.Event()
        graphs: list[Graph] = []

        def keep(graph: Graph) -> None:
            graphs.append(graph)
            if declared:
                declared(graph)

        project = self.backend.project
        self._emit(DeployBegan(project.name, project.stage, first))
        try:
            if not first:
                self.backend.project = self._same_place(self._reopen())
            done = deploy(self.backend, Run(self._emit, self._ask, warn=self._warn, hide=self._hide, stop=self._stop,
                                          before=self._before, declared=keep, adopt=_refuse_to_adopt))
        except Exception as error:  # not even a bug of ours ends the session
            self._emit(DeployEnded(project.name, project.stage, error=error, to_confirm=self.pending_data_loss))
            return None
        result = done.result
        failed = DeployError(result.failures, skipped=result.skipped) if result.failures else None
        self._emit(DeployEnded(project.name, project.stage, dict(result.done), result.skipped, dict(done.outputs),
                               failed))
        return Deployed(graphs[0], self.backend.stage.load(), not result.failures and not result.interrupted)

    def _warn(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            self._emit(Notice("deploy", text, "warn"))

    def _before(self, graph: Graph) -> None:
        graph.context.target = replace(graph.target, dev=True, lease=self.lease(), dev_port=self.port)

    def _same_place(self, project: Project) -> Project:
        """What a session can't follow: it would be another stage's."""
        was = self.backend.project
        for what in ("name", "stage", "region"):
            if (now := getattr(project, what)) != (before := getattr(was, what)):
                raise UserError(f"the {what} changed from {before} to {now}", where=project.program.file.name,
                                hint="end this session and start it again")
        if project.config.protect:
            raise UserError(f'stage "{project.stage}" is protected now', where=project.program.file.name,
                            hint="end this session")
        return project

    def _ask(self, plan: Plan) -> None:
        anew = tuple(f"{c.urn.rpartition('::')[2]}/" for c in plan.graph.components.values() if c.made_anew)
        lost = [s for s in plan.needs_consent if s.name.partition("/")[0] not in self._allowed
                and not s.name.startswith(anew)]
        if lost:
            self.pending_data_loss = tuple(sorted({s.name.partition("/")[0] for s in lost}))
            verb = ("delete {} with what is in it" if any(s.loses_data for s in lost)
                    else "put an empty successor in the place of {}")
            raise UserError("this would " + verb.format(", ".join(self.pending_data_loss)),
                            where=lost[0].where,
                            hint="press y to confirm, or run `sst deploy`; or put it back into the program")

    def tell(self, error: Exception) -> None:
        """Report an error that is not of a deploy itself."""
        self._emit(Notice("deploy", str(error), error=error))

    @property
    def watched(self) -> Collection[Path]:
        """The files that decide what is deployed."""
        return self.backend.project.program.files


def _refuse_to_adopt(found: Any) -> None:
    raise UserError("imported resources differ from the program",
                    hint="run `sst deploy`: it shows the differences and asks")


async def in_thread(work: Callable[[], T]) -> T:
    """Run it in a thread that does not keep the process from ending."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def set_unless_done(setter: Callable[[Any], None], value: Any) -> None:
        if not future.done():
            setter(value)

    def run() -> None:
        try:
            made = work()
        except BaseException as error:
            call: tuple[Any, Any] = (future.set_exception, error)
        else:
            call = (future.set_result, made)
        if not loop.is_closed():
            loop.call_soon_threadsafe(set_unless_done, *call)

    threading.Thread(target=run, name="deploy", daemon=True).start()
    return await future
