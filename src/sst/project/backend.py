"""What a stage stands on: the clouds it speaks to, the home of its state, and the cloud on this machine."""
from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import field
from threading import RLock, Thread
from typing import TYPE_CHECKING, Any

from ..clouds.context import LocalCloud, StageContext
from ..core.model import Entry, Snapshot
from ..errors import StateError
from ..records import dataclass
from ..state.home import StateHome
from ..state.secrets import Secrets
from ..state.session import Session, Stage
from .home import state_folder, who
from .last_config import keep_config
from .project import Project

if TYPE_CHECKING:
    from ..clouds.registry import Clouds, Registry

__all__ = ["Backend"]


class _Coming(Thread):
    """A cloud that is started beside other work. A daemon: a program that can't be used ends the command, without
    waiting for the cloud."""

    def __init__(self, start: Callable[[], LocalCloud]) -> None:
        super().__init__(name="sst-cloud", daemon=True)
        self._begin, self._made, self._error = start, list[LocalCloud](), list[BaseException]()

    def run(self) -> None:
        try:
            self._made.append(self._begin())
        except BaseException as e:
            self._error.append(e)

    def result(self) -> LocalCloud:
        """Wait for it; raises what went wrong."""
        self.join()
        for error in self._error:
            raise error
        return self._made[0]


@dataclass(eq=False)
class Backend:
    """Everything is made on first use: a command that needs no cloud starts none.

        backend = Backend(project, start=lambda: start(project.root, environment=project.environ))
        backend.stage.load().resources
    """

    project: Project
    start: Callable[[], LocalCloud]
    """Starts the cloud of stage ``local``, or finds the one that runs."""
    account: str = ""
    """Of the cloud of stage ``local``, if it is known before that runs."""
    _coming: _Coming | None = field(default=None, repr=False)
    _made: dict[str, Any] = field(default_factory=dict, repr=False)
    _lock: RLock = field(default_factory=RLock, repr=False)

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        with self._lock:
            if name not in self._made:
                self._made[name] = make()
            return self._made[name]

    @property
    def cloud(self) -> LocalCloud:
        """The cloud of stage ``local``; started if it does not run."""
        found: LocalCloud = self._once("cloud", self._arrived)
        return found

    def _arrived(self) -> LocalCloud:
        coming, self._coming = self._coming, None
        return coming.result() if coming else self.start()

    def expect_cloud(self) -> None:
        """On stage ``local``: begin to start the cloud of a program that names AWS, while the program runs and is
        planned. `cloud` waits for it, and raises what went wrong."""
        if self.project.is_local and self.account and "cloud" not in self._made and self.project.program.names("aws"):
            self._coming = _Coming(self.start)
            self._coming.start()

    def await_cloud(self) -> None:
        """Until the cloud that is expected runs."""
        if self._coming:
            assert self.cloud

    def _account(self) -> str:
        return self.account if self._coming else ""

    def forget_cloud(self) -> None:
        """It may be gone: look for it again, or start it, when it is needed next."""
        with self._lock:
            self._made.pop("cloud", None)
            self.clouds.forget()

    @property
    def clouds(self) -> Clouds:
        found: Clouds = self._once("clouds", self._open_clouds)
        return found

    def _open_clouds(self) -> Clouds:
        from ..clouds.registry import Clouds

        p = self.project
        return Clouds(StageContext(p.name, p.stage, p.root, p.region, p.config.profile, p.config.account,
                                   p.environ, p.config.tags, p.config.providers,
                                   (lambda: self.cloud) if p.is_local else None, self._account),
                      p.root / ".sst/cache")

    @property
    def home(self) -> StateHome:
        """Stage ``local``: ``.sst/local/`` of the project. ``home="local"``: a folder of the user. ``home="aws"``: the
        account's bucket."""
        found: StateHome = self._once("home", self._open_home)
        return found

    def _open_home(self) -> StateHome:
        p = self.project
        if p.is_local:
            return StateHome.local(p.folder / "local", p.name)
        if p.config.home == "local":
            return StateHome.local(state_folder(p.environ), p.name)
        return StateHome.aws(self.clouds.state_calls, p.region, p.name)

    @property
    def stage(self) -> Stage:
        found: Stage = self._once("stage", lambda: self.home.stage(self.project.stage, who(self.project.environ)))
        return found

    @property
    def secrets(self) -> Secrets:
        return self.home.secrets(self.project.stage)

    def close(self) -> None:
        for name in ("home", "clouds"):
            if made := self._made.pop(name, None):
                made.close()

    def ask_account(self) -> None:
        """Begin to ask which account this is, while other things are read."""
        if not self.project.is_local and self.project.config.home == "aws":
            self.clouds.ask()

    def identify(self, snapshot: Snapshot, types: Iterable[str] = (), *,
                 sure: bool = False) -> dict[str, dict[str, str]]:
        """The account and region of each default provider instance that the state or a resource of these types needs,
        by reference; with ``sure`` of all. Refuses another than the config allows, or than the state was made in."""
        states = [*snapshot.resources.values(), *snapshot.deposed.values()]
        held = {*(s.type for s in states), *(p.type for p in snapshot.pending.values())}
        found = self.clouds.identify({*types, *held}, sure=sure)
        stage = self.project.stage
        for reference, now in found.items() if not self.project.is_local else ():
            was = snapshot.meta.get("providers", {}).get(reference, {})
            for what in ("account", "region"):
                if was.get(what, now[what]) != now[what]:
                    raise StateError(
                        f'stage "{stage}" was deployed to {what} {was[what]}, not to {now[what]}',
                        hint=f"use credentials of {what} {was[what]}, or another stage" if what == "account" else
                        f'set region="{was[what]}" in the config; to move, remove the stage there first',
                        code="wrong-account")
        return found

    def remember(self, session: Session, types: Iterable[str] = (), *, sure: bool = False) -> None:
        """Keep in the state where it belongs; other credentials are refused before anything is done."""
        keep_config(self.project.folder, self.project.stage, self.project.config)
        snapshot = session.snapshot
        if found := self.identify(snapshot, types, sure=sure):
            meta = {**snapshot.meta, "providers": {**snapshot.meta.get("providers", {}), **found}}
            if meta != snapshot.meta:
                session.write(Entry("meta", data=meta))

    def registry(self, snapshot: Snapshot, *, session: Session | None = None, exact: bool = False) -> Registry:
        """The providers of what the state holds and a program declares. Under a lock, ``session`` is asked before each
        call whether we still hold it. With ``exact`` only the artefacts that were planned will do."""
        lineage = session.lineage if session else str(snapshot.meta.get("lineage", ""))
        made = self.clouds.registry(lineage, guard=session.check if session else None, exact=exact)
        made.load(snapshot)
        return made

    def need_artefacts(self, snapshot: Snapshot) -> None:
        """Keep in the cache what this version of the state was deployed with, for a later rollback."""
        if made := [s.id for s in snapshot.resources.values() if s.type == "local.Build"]:
            from ..build.needed import remember

            remember(self.project.folder / "cache", self.project.stage, snapshot.serial, made)
