"""The app itself, deployed to stage ``local`` and called as in the cloud."""
from __future__ import annotations

import json
import os
import re
import secrets as random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.model import State
from ..core.names import did_you_mean
from ..embedded import cloud
from ..engine.plan import Plan, name_of
from ..errors import DeployError, SstError, UserError
from ..project.invoke import Answer, invoke, invoke_function, logs
from ..project.project import Project, open_project
from ..project.run import Run, deploy, remove
from ..project.shell import shell_environment
from ..project.stage import LOCAL
from ..project.world import World
from .contained import Switch, contained
from .turns import Turns

if TYPE_CHECKING:
    from typing import Literal

__all__ = ["App", "Invocation", "Raised", "deployed"]

_FRAME = re.compile(r"(START|END|REPORT|INIT_START) ")


@dataclass(frozen=True)
class Raised:
    """The error that a function raised: ``type`` is ``"ValueError"``, ``trace`` its lines."""

    type: str
    message: str
    trace: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join((f"{self.type}: {self.message}", *(line.rstrip("\n") for line in self.trace)))


@dataclass(frozen=True)
class Invocation:
    """One call of a function and what came of it."""

    function: str
    payload: Any
    """What came back: the result, or the error document."""
    error: Raised | None
    logs: tuple[str, ...]
    """What the function printed and logged, the last 4 KB of it."""

    @property
    def result(self) -> Any:
        """What the function returned. Raises ``AssertionError`` with its error, trace and logs if it raised instead."""
        if self.error:
            told = "".join(f"\n  | {line}" for line in self.logs)
            raise AssertionError(f"{self.function} raised {self.error}" + (f"\nits log ends with:{told}" if told else ""))
        return self.payload


class App:
    """The deployed app. While a test that uses it runs, ``Resource`` has its links and AWS clients find its cloud."""

    def __init__(self, world: World, outputs: Mapping[str, Any], environment: Mapping[str, str]) -> None:
        self._world = world
        self.name, self.stage, self.root = world.project.name, world.project.stage, world.project.root
        self.outputs = dict(outputs)
        """What the program returned: ``sst_app.outputs["api"]``. Secret ones are masked."""
        self.environment = dict(environment)
        """The variables that ``sst shell`` sets, for a process that a test starts."""
        self.switch = Switch(environment)

    def invoke(self, name: str, event: object = None) -> Invocation:
        """Call the function of a component, ``Api``, or ``Tidy/Handler`` where it is inside of one, and wait for its answer.

        ``event`` is anything that JSON holds, ``{}`` by default. Raises ``UserError`` for a function that is not there.
        """
        return _invocation(name, invoke(self._world, name, _json({} if event is None else event)))

    def fire(self, cron: str, *, at: datetime | None = None) -> Invocation:
        """Run what a ``Cron`` runs, now, with its event; ``at`` is the time that it is told, the present one by default.

        Raises ``UserError`` if there is no cron of that name. A disabled one fires too.
        """
        schedule = self._schedule(cron)
        target = schedule.values["target"]
        text = _scheduled(str(target.get("Input") or "{}"), schedule, at or datetime.now(UTC))
        return _invocation(cron, invoke_function(self._world, target["Arn"], text.encode()))

    def logs(self, name: str, *, seconds: float = 3600) -> list[str]:
        """The lines that a function logged in the last ``seconds``, oldest first, also in calls that nobody here made."""
        found = logs(self._world, name, since=time.time() - seconds)
        return [line.text for line in found if not _FRAME.match(line.text)]

    def _schedule(self, cron: str) -> State:
        found = {name_of(s.urn).removesuffix("/Schedule"): s for s in self._world.stage.load().resources.values()
                 if s.type == "aws.scheduler.Schedule"}
        if cron not in found:
            raise UserError(f'no cron named "{cron}" is deployed', hint=did_you_mean(cron, sorted(found)) if found else "the app has none")
        return found[cron]


@contextmanager
def deployed(file: Path, *, secrets: Mapping[str, str], place: Path | None, after: Literal["stop", "keep", "remove"]) -> Iterator[App]:
    """The app of a config file, deployed to stage ``local``: in the user's own, or in one of its own below ``place``, which is
    thrown away with everything in it. The user's own is treated as ``after`` says by the last of several processes.
    """
    with contained(file.parent):
        project = replace(open_project(file, stage=LOCAL, environ=dict(os.environ)), place=place)
    world = World(project, lambda: cloud.start(project.folder.parent, region=project.region, environment=project.environ))
    turns = Turns(project.folder)
    try:
        with turns.one_at_a_time():
            turns.enter(running=cloud.status(project.folder.parent) is not None)
            if place:
                world.secrets.load({**_own_secrets(project), **secrets})
            app = _deploy(world)
        yield app
    finally:
        with turns.one_at_a_time():
            last, began = turns.leave()
            try:
                if last and after == "remove" and not place:
                    _remove(world)
            finally:
                world.close()
            if place:
                cloud.reset(place)
            elif last and after != "keep" and began:
                cloud.stop(project.root)


def _deploy(world: World) -> App:
    with contained(world.project.root):
        done = deploy(world, Run(lambda event: None, _keep_data))
        if done.result.failures:
            raise SstError(_told(DeployError(done.result.failures, skipped=done.result.skipped)))
        return App(world, done.outputs, shell_environment(world))


def _remove(world: World) -> None:
    with contained(world.project.root):
        remove(world, Run(lambda event: None, lambda plan: None)).result.check()


def _keep_data(plan: Plan) -> None:
    if lost := [s.name for s in plan.data_loss]:
        raise UserError(f"this deploy would delete data on your stage local: {', '.join(lost)}",
                        hint="run `sst deploy --stage local` yourself, or let tests have a stage of their own: pytest --sst-isolated")


def _own_secrets(project: Project) -> dict[str, str]:
    """What the user's own stage local has, without making one."""
    own = replace(project, place=None)
    if not (project.root / ".sst/local/state.db").is_file():
        return {}
    world = World(own, lambda: cloud.start(own.root, region=own.region, environment=own.environ))
    try:
        return world.secrets.get_all()
    finally:
        world.close()


def _told(error: DeployError) -> str:
    return "\n".join((error.message, *(f"  {f.op} {f.name} ({f.where}): {f.error}" for f in error.failures)))


def _json(event: object) -> bytes:
    try:
        return json.dumps(event).encode()
    except (TypeError, ValueError) as e:
        raise UserError(f"the event is not JSON: {e}", hint="text, numbers, True, False, None, lists and mappings of these") from None


def _invocation(name: str, answer: Answer) -> Invocation:
    lines = tuple(line for line in answer.tail.splitlines() if not _FRAME.match(line))
    return Invocation(name, answer.payload, _raised(answer) if answer.error else None, lines)


def _raised(answer: Answer) -> Raised:
    told = answer.payload if isinstance(answer.payload, Mapping) else {}
    trace = told.get("stackTrace") or told.get("trace") or ()
    return Raised(str(told.get("errorType") or answer.error), str(told.get("errorMessage") or ""), tuple(map(str, trace)))


def _scheduled(text: str, schedule: State, at: datetime) -> str:
    """The event with the words that EventBridge Scheduler replaces.

    Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
    """
    told: dict[str, Callable[[], str]] = {
        "<aws.scheduler.schedule-arn>": lambda: str(schedule.values.get("arn", schedule.id)),
        "<aws.scheduler.scheduled-time>": lambda: at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "<aws.scheduler.execution-id>": lambda: random.token_hex(8),
        "<aws.scheduler.attempt-number>": lambda: "1",
    }
    for word, value in told.items():
        text = text.replace(word, value())
    return text
