"""The app itself, deployed to a stage ``local`` of the tests' own and called as in the cloud."""
from __future__ import annotations

import json
import os
import re
import secrets as random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import wraps
from itertools import islice, takewhile
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from ..clouds.invocation import Answer
from ..clouds.schedule import Schedule
from ..core.model import State
from ..core.units import seconds
from ..embedded import cloud
from ..embedded.settings import ACCOUNT
from ..errors import DeployError, SstError, UserError
from ..machine.lock import FileLock
from ..project.backend import Backend
from ..project.invoke import invoke, logs
from ..project.project import open_project
from ..project.run import Run, deploy
from ..project.shell import shell_environment
from ..project.stage import LOCAL
from .contained import Switch, contained
from .crons import Still, find_cron, times
from .place import own_place

__all__ = ["App", "Invocation", "Raised", "deployed"]

_FRAME = re.compile(r"(START|END|REPORT|INIT_START) ")
_ERROR = re.compile(r"^\[ERROR\] [^\n]*\nTraceback \(most recent call last\)[^\n]*\n(?:  [^\n]*\n?)*"
                    r"|^\S+\t\S+\tERROR\tInvoke Error [^\n]*\n?", re.MULTILINE)
"""What the runtime writes of an error, which is shown anyway."""
_CODE = re.compile(r"(file://)?/[^\s\"']*/\.sst/local/code/[0-9a-f]+/")
"""Where a bundle lies: paths in a trace are shown from the project's folder."""
_MOST = 1_000
P = ParamSpec("P")
R = TypeVar("R")


def _without_frames(method: Callable[P, R]) -> Callable[P, R]:
    """A test that fails in it shows the test's own line, not what happens below."""
    @wraps(method)
    def call(*args: P.args, **named: P.kwargs) -> R:
        __tracebackhide__ = True
        try:
            return method(*args, **named)
        except SstError as e:
            raise e.with_traceback(None) from None
    return call


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
    """What the function printed and logged, the last 4 KB of it, without what the runtime writes of ``error``."""
    at: datetime | None = None
    """The scheduled time of a cron, in UTC."""

    @property
    def result(self) -> Any:
        """What the function returned. Raises ``AssertionError`` with its error, trace and logs if it raised instead."""
        __tracebackhide__ = True
        if self.error:
            told = "".join(f"\n  | {line}" for line in self.logs)
            raise AssertionError(f"{self.function} raised {self.error}"
                                 + (f"\nits log ends with:{told}" if told else ""))
        return self.payload


class App:
    """The deployed app. While a test that uses it runs, ``Resource`` has its links and AWS clients find its cloud.

        def test_the_nightly_job(sst_app: App) -> None:
            assert sst_app.fire("Nightly").result == {"deleted": 0}
            assert [run.at.hour for run in sst_app.advance("1 day") if run.function == "Nightly"] == [3]
    """

    def __init__(self, backend: Backend, outputs: Mapping[str, Any], environment: Mapping[str, str],
                 crons: Mapping[str, Schedule]) -> None:
        self._backend, self._crons, self._since = backend, crons, datetime.now(UTC)
        self.name, self.stage, self.root = backend.project.name, backend.project.stage, backend.project.root
        self.outputs = dict(outputs)
        """What the program returned: ``sst_app.outputs["api"]``. Secret ones are masked."""
        self.environment = dict(environment)
        """The variables that ``sst shell`` sets, for a process that a test starts."""
        self.switch = Switch(environment)
        self._time = self._since

    @_without_frames
    def invoke(self, name: str, event: object = None) -> Invocation:
        """Call the function of a component, ``Api``, or ``Tidy/Handler`` where it is inside of one, and wait for its
        answer.

        ``event`` is anything that JSON holds, ``{}`` by default. Raises ``UserError`` for a function that is not there.
        """
        return _invocation(name, invoke(self._backend, name, _json({} if event is None else event)))

    @property
    def time(self) -> datetime:
        """Where the time of crons stands, in UTC: at the deploy, until a test moves it. Set it to jump without running
        any."""
        return self._time

    @time.setter
    def time(self, to: datetime) -> None:
        self._time = _aware(to)

    @_without_frames
    def fire(self, cron: str, *, at: datetime | None = None) -> Invocation:
        """Run what a ``Cron`` runs, now, with its event; ``at`` is the time that it is told, ``time`` by default.

        Raises ``UserError`` if there is no cron of that name. A disabled one fires too.
        """
        found = find_cron(self._crons, cron)
        told = self.time if at is None else _aware(at)
        schedule = self._backend.stage.load().resources[found.urn]
        target = schedule.values["target"]
        text = _scheduled(str(target.get("Input") or "{}"), schedule, told)
        functions = self._backend.registry(self._backend.stage.load()).functions
        return replace(_invocation(cron, functions.invoke(target["Arn"], text.encode())), at=told)

    @_without_frames
    def advance(self, by: str | timedelta) -> list[Invocation]:
        """Let time pass for crons, ``"1 day"`` or ``timedelta(hours=3)``: all that are due on the way run, one after
        the other.

        Only tests move this time; crons never run by themselves in between. Rates count from the deploy. Raises
        ``UserError`` for more than 1,000 runs, before the first.
        """
        end = self.time + (by if isinstance(by, timedelta) else timedelta(seconds=seconds(by)))
        due = sorted(((at, name) for name, cron in self._crons.items() if cron.enabled for at in self._due(cron, end)))
        made = []
        for at, name in due:
            self.time = at
            made.append(self.fire(name, at=at))
        self.time = end
        return made

    def _due(self, cron: Schedule, end: datetime) -> list[datetime]:
        due = times(cron, after=self.time, since=self._since)
        found = list(islice(takewhile(lambda at: at <= end, due), _MOST + 1))
        if len(found) > _MOST:
            raise UserError(f"{cron.name} would run more than {_MOST:,} times",
                            hint="advance less, or set sst_app.time and fire it")
        return found

    @_without_frames
    def logs(self, name: str, *, seconds: float = 3600) -> list[str]:
        """The lines that a function logged in the last ``seconds``, oldest first, also in calls that nobody here
        made."""
        found = logs(self._backend, name, since=time.time() - seconds)
        return [line.text for line in found if not _FRAME.match(line.text)]


@contextmanager
def deployed(file: Path, *, secrets: Mapping[str, str], run: str = "") -> Iterator[App]:
    """The app of a config file, deployed to a stage ``local`` of its own, which is thrown away with everything in it.
    Processes that name the same ``run`` share it: the first one deploys.

    The user's own stage, and a cloud that runs for it, are not touched; only the cache of builds is shared.
    """
    with contained(file.parent):
        opened = open_project(file, stage=LOCAL, environ=dict(os.environ))
    with own_place(opened.folder, run) as place:
        project = Still(**vars(replace(opened, place=place)))
        backend = Backend(project, lambda: cloud.start(place, region=project.region, environment=project.environ),
                          ACCOUNT)
        try:
            done = place / "deployed"
            with FileLock(place / "deploy"):
                if not done.exists():
                    backend.secrets.load(secrets)
                    _deploy(backend)
                    done.touch()
            with contained(project.root):
                app = App(backend, backend.stage.load().outputs, shell_environment(backend), project.crons)
            yield app
        finally:
            backend.close()


def _deploy(backend: Backend) -> None:
    with contained(backend.project.root):
        done = deploy(backend, Run(lambda event: None, lambda plan: None))
        if done.result.failures:
            raise SstError(_told(DeployError(done.result.failures, skipped=done.result.skipped)))


def _told(error: DeployError) -> str:
    return "\n".join((error.message, *(f"  {f.op} {f.name} ({f.where}): {f.error}" for f in error.failures)))


def _aware(time: datetime) -> datetime:
    if time.tzinfo is None:
        raise UserError(f"{time} has no time zone", hint="datetime(2030, 1, 2, tzinfo=UTC)")
    return time.astimezone(UTC)


def _json(event: object) -> bytes:
    try:
        return json.dumps(event).encode()
    except (TypeError, ValueError) as e:
        raise UserError(f"the event is not JSON: {e}",
                        hint="text, numbers, True, False, None, lists and mappings of these") from None


def _invocation(name: str, answer: Answer) -> Invocation:
    tail = answer.tail.replace("\r", "\n")
    tail = _ERROR.sub("", tail) if answer.error else tail
    lines = tuple(line for line in tail.splitlines() if not _FRAME.match(line))
    return Invocation(name, answer.payload, _raised(answer) if answer.error else None, lines)


def _raised(answer: Answer) -> Raised:
    told = answer.payload if isinstance(answer.payload, Mapping) else {}
    trace = told.get("stackTrace") or told.get("trace") or ()
    kind, message = str(told.get("errorType") or answer.error), str(told.get("errorMessage") or "")
    lines = (_CODE.sub("", str(line)) for line in trace)
    return Raised(kind, message, tuple(line for line in lines if line.rstrip() != f"{kind}: {message}"))


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
