"""Deploys, rollbacks and drift from the page: a plan is shown, and exactly that one is carried out, as a job."""
from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event as Flag
from threading import Lock, Thread
from typing import Any

from ..core.model import Op, Snapshot
from ..engine.plan import Plan
from ..engine.three_way import Row
from ..errors import SstError, UserError
from ..events import Event, error_to_json, to_json
from ..project.backend import Backend
from ..project.refresh import Decision, diff_refreshed, refresh
from ..project.rollback import preview, rollback
from ..project.run import Done, Run, deploy, diff
from ..project.saved_plan import bound, plan_document
from .permission import Permission
from .source import Source

__all__ = ["Changes"]

Body = Mapping[str, Any]
_SHOWN = 8
"""Plans that are kept to be carried out."""
_SHOWN_SECONDS = 600
_EVENTS = 5_000


@dataclass(frozen=True)
class _Shown:
    """A plan as it was shown. ``run`` carries it out."""

    command: str
    at: float
    run: Callable[[Backend, Run], Done]
    loses: Sequence[str]


@dataclass
class _Job:
    """What is being done, or was done last."""

    command: str
    began: float
    stop: Flag = field(default_factory=Flag)
    events: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    seconds: float | None = None
    error: dict[str, Any] | None = None


class Changes:
    """One job at a time. Each is what a command does, under the same lock, and is shown with that command."""

    def __init__(self, source: Source, permission: Permission, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._source, self._permission, self._clock = source, permission, clock
        self._plans: OrderedDict[str, _Shown] = OrderedDict()
        self._job: _Job | None = None
        self._lock = Lock()

    @property
    def stamp(self) -> tuple[int, bool]:
        """Changes with each event of the job."""
        job = self._job
        return (len(job.events), job.seconds is not None) if job else (0, True)

    # what would be done

    def plan_deploy(self, body: Body) -> dict[str, Any]:
        self._permission.check()
        with self._source.program() as backend:
            plan, snapshot = diff(backend, hide=self._source.redactor.add, keep=True)
            if plan.undecided:
                raise UserError("the program decides more during the deploy (sst.later): it can't be shown before",
                                hint=f"`{self._command('deploy')}`")
            saved = plan_document(backend, plan, snapshot)

        def run(backend: Backend, run: Run) -> Done:
            same = bound(backend, saved)

            def only(plan: Plan, snapshot: Snapshot) -> None:
                try:
                    same(plan, snapshot)
                except UserError as error:
                    raise UserError("nothing was changed: the plan is another than the one that was shown\n"
                                    + error.message.partition("\n")[2], hint="look at the plan again",
                                    code="plan-stale") from error

            run.only = only
            return deploy(backend, run)

        return self._show(self._command("deploy"), plan, run) | {"serial": snapshot.serial}

    def plan_rollback(self, body: Body) -> dict[str, Any]:
        self._permission.check()
        to = body.get("to")
        if to is not None and not isinstance(to, int):
            raise UserError("the version is a number")
        with self._source.program() as backend:
            plan, snapshot, version = preview(backend, to=to, hide=self._source.redactor.add)
        expect = snapshot.serial
        return self._show(self._command(f"rollback {version}"), plan,
                          lambda backend, run: rollback(backend, run, to=version, expect=expect)) | {"to": version}

    def drift(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Reads all that the state holds from the cloud."""
        with self._source.program() as backend:
            seen = diff_refreshed(backend, hide=self._source.redactor.add)
        shown: dict[str, Any] = self._source.hidden({
            "rows": [r.data | {"label": r.label} for r in seen.rows], "read": len(seen.snapshot.resources)})
        return shown

    # doing it

    def run(self, body: Body) -> dict[str, Any]:
        """Carry out the plan with this ``id``. ``agreed`` names what may be lost: all of it must be in there."""
        self._permission.check()
        shown = self._plans.get(str(body.get("id", "")))
        if shown is None or self._clock() - shown.at > _SHOWN_SECONDS:
            raise UserError("this plan is too old, or was carried out already", hint="look at the plan again",
                            code="plan-stale")
        agreed = body.get("agreed") or []
        if missing := [name for name in shown.loses if name not in agreed]:
            raise UserError(f"not confirmed: the data of {', '.join(missing)}", code="data-loss")
        self._start(shown.command, lambda backend, run: shown.run(backend, run).result.check(), list(agreed))
        self._plans.pop(str(body["id"]), None)
        return self.job({})

    def refresh(self, body: Body) -> dict[str, Any]:
        """Accept or revert drift, by labels; refused if the cloud has other values by now than in ``shown``."""
        self._permission.check()
        accept, revert, shown = (list(body.get(k) or ()) for k in ("accept", "revert", "shown"))
        words = [f"--accept {n}" for n in accept] + [f"--revert {n}" for n in revert]

        def decide(rows: Sequence[Row]) -> Decision:
            now = self._source.hidden([r.data | {"label": r.label} for r in rows])
            if now != shown:
                raise UserError("nothing was changed: the drift is another by now", hint="look at it again",
                                code="plan-stale")
            return Decision([r for r in rows if r.label in accept], [r for r in rows if r.label in revert])

        self._start(self._command(" ".join(["refresh", *words])),
                    lambda backend, run: refresh(backend, run, decide).result.check(), [])
        return self.job({})

    def stop(self, body: Body) -> dict[str, Any]:
        """What runs ends, nothing more starts."""
        self._permission.check()
        if self._job:
            self._job.stop.set()
        return self.job({})

    def job(self, query: Mapping[str, str]) -> dict[str, Any]:
        """What is done now, or was done last."""
        job = self._job
        if job is None:
            return {"command": "", "began": 0, "events": [], "seconds": None, "warnings": [], "running": False}
        return {"command": job.command, "began": job.began, "events": list(job.events), "seconds": job.seconds,
                "error": job.error, "warnings": list(job.warnings), "running": job.seconds is None,
                "stopping": job.stop.is_set()}

    def _start(self, command: str, work: Callable[[Backend, Run], object], agreed: Sequence[str]) -> None:
        with self._lock:
            if self._job and self._job.seconds is None:
                raise UserError(f"{self._job.command} runs already, from this console", hint="wait until it has ended",
                                code="already-running")
            self._job = job = _Job(command, time.time())
        Thread(target=self._work, args=(job, work, agreed), name="console-job", daemon=True).start()

    def _work(self, job: _Job, work: Callable[[Backend, Run], object], agreed: Sequence[str]) -> None:
        hide = self._source.redactor

        def sink(event: Event) -> None:
            if len(job.events) < _EVENTS:
                job.events.append(self._source.hidden(to_json(event)) | {"at": round(time.time() - job.began, 3)})

        def confirm(plan: Plan) -> None:
            if lost := [s.name for s in plan.needs_consent if s.name not in agreed]:
                raise UserError(f"nothing was changed: this would lose the data of {', '.join(lost)}",
                                hint="look at the plan again", code="data-loss")

        run = Run(sink, confirm, hide=hide.add, stop=job.stop,
                  warn=lambda text: job.warnings.append(hide.redact(text)))
        try:
            with self._source.program() as backend:
                work(backend, run)
        except SstError as error:
            job.error = self._source.hidden(error_to_json(error))
        except Exception as error:  # a thread's end must be told on the page
            job.error = {"kind": type(error).__name__, "message": hide.redact(str(error)),
                         "hint": "this is a bug in sst"}
        finally:
            job.seconds = round(time.time() - job.began, 1)

    def _show(self, command: str, plan: Plan, run: Callable[[Backend, Run], Done]) -> dict[str, Any]:
        loses = [s.name for s in plan.needs_consent]
        id = secrets.token_urlsafe(8)
        with self._lock:
            self._plans[id] = _Shown(command, self._clock(), run, loses)
            while len(self._plans) > _SHOWN:
                self._plans.popitem(last=False)
        steps = [{"op": str(s.op), "name": s.name, "type": s.type, "where": s.where, "changed": sorted(s.changed),
                  "loses": s.name in loses} for s in plan.steps if s.op not in (Op.SAME, Op.READ)]
        shown: dict[str, Any] = self._source.hidden({"command": command, "steps": steps, "loses": loses})
        return shown | {"id": id, "unchanged": sum(s.op is Op.SAME for s in plan.steps)}

    def _command(self, words: str) -> str:
        return f"sst {words} --stage {self._source.project.stage}"
