"""Back to an earlier deploy: its state is deployed like a program, so a crash in the middle costs nothing."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..clouds.local.password import Password
from ..core.model import Snapshot, name_of
from ..engine import deploy as engine
from ..engine.plan import Plan, plan
from ..engine.rollback import goals_of, lasting
from ..engine.settle import settle
from ..errors import StateError, UserError
from ..state.session import Version
from .backend import Backend
from .run import FAILED, Done, Run, hide_secrets, locked, saved, write_outputs

__all__ = ["former", "preview", "rollback"]

_DEPLOYS = ("deploy", "remove")


def rollback(backend: Backend, run: Run, *, to: int | None = None, expect: int | None = None) -> Done:
    """Deploy version ``to`` of the state; by default the one before the last deploy. 0 is the empty state.

    Things that hold data, or are protected, stay as they are. Functions get the artefacts they had, from this machine's
    cache; if one is gone, its function's step fails and says so. ``expect`` is the serial that the state must have now:
    then nobody deployed in between. The program is not run. Raises ``UserError`` or ``StateError`` if there is no such
    version.
    """
    project = backend.project
    backend.ask_account()
    with locked(backend, "rollback", run) as session:
        if expect is not None and session.snapshot.serial != expect:
            raise UserError("nothing was rolled back: another command changed the stage in the meantime",
                            hint="look at `sst state history`; then choose a version: `sst rollback N`",
                            code="stage-changed")
        serial = former(backend.stage.history(), project.stage) if to is None else to
        before = backend.stage.version(serial) if serial else Snapshot()
        _check(before, session.lineage, serial)
        hide_secrets(before, run.hide)
        backend.remember(session)
        registry = backend.registry(session.snapshot, session=session, exact=True)
        registry.load(before)
        providers = run.providers or registry
        settle(session, providers)
        graph = goals_of(before, session.snapshot, providers, app=project.name, stage=project.stage)
        for name, files in lasting(before, session.snapshot, providers).items():
            run.warn(f"{name} stays done, and a rollback does not undo it: {', '.join(files) or 'it ran again'}")
        for name in _rotated(before, session.snapshot):
            run.warn(f"{name} keeps its present password, and what comes back may have a former one: "
                     "`sst deploy` hands it over")
        start = session.snapshot.serial
        result = saved(session, lambda: engine.deploy(
            graph, session, providers, run.sink, confirm=run.confirm, outputs=dict(before.outputs),
            links=dict(before.links),
            stop=run.stop))
        after = session.snapshot
    backend.need_artefacts(after)
    if not result.failures and not result.interrupted:
        write_outputs(project, after)
    return Done(result, dict(after.outputs), start, after.serial)


def _rotated(before: Snapshot, now: Snapshot) -> list[str]:
    """Components whose passwords were generated anew since."""
    return sorted(name_of(urn).partition("/")[0] for urn, state in now.resources.items() if state.type == Password.type
                  and urn in before.resources and before.resources[urn].id != state.id)


def preview(backend: Backend, *, to: int | None = None, hide: Callable[[Any], None] = lambda value: None
            ) -> tuple[Plan, Snapshot, int]:
    """What a rollback would do, the state it would begin from, and the version it goes to. Takes no lock and changes
    nothing. Raises as `rollback` does."""
    project, snapshot = backend.project, backend.stage.load()
    serial = former(backend.stage.history(), project.stage) if to is None else to
    before = backend.stage.version(serial) if serial else Snapshot()
    _check(before, str(snapshot.meta.get("lineage", "")), serial)
    for each in (snapshot, before):
        hide_secrets(each, hide)
    providers = backend.registry(snapshot, exact=True)
    providers.load(before)
    graph = goals_of(before, snapshot, providers, app=project.name, stage=project.stage)
    return plan(graph, snapshot, providers), snapshot, serial


def former(history: Sequence[Version], stage: str) -> int:
    """The version before the last deploy (or remove), newest first; versions that failed deploys left are passed over.

    0 if the last deploy was the first. Raises ``UserError`` if nothing was deployed yet, ``StateError`` if that version
    is damaged.
    """
    deploys = [i for i, v in enumerate(history) if v.command.removesuffix(FAILED) in _DEPLOYS]
    if not deploys:
        raise UserError(f'stage "{stage}" has not been deployed yet', code="not-deployed")
    first = deploys[0]
    older = [v for v in history[first + 1:] if not v.command.endswith(FAILED)]
    if not older and history[-1].serial > 1:
        raise UserError("the version before the last deploy is no longer kept",
                        hint="`sst state history` lists the versions that are kept")
    if older and older[0].damage:
        raise StateError(f"version {older[0].serial}, the one before the last deploy, is damaged: {older[0].damage}",
                         hint="choose another version: `sst rollback N`")
    return older[0].serial if older else 0


def _check(before: Snapshot, lineage: str, serial: int) -> None:
    if serial and before.meta.get("lineage") not in (None, lineage):
        raise StateError(f"version {serial} belongs to another state")
