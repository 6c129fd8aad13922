"""The commands that change a stage, from the first file read to the last line saved. The CLI and ``sst dev`` only
choose and show.

    open the state → read it → the program → plan → confirm → apply → save → outputs.json
"""
from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field, replace
from pathlib import Path
from threading import Event
from typing import Any

from ..core.graph import Graph
from ..core.link import Link, Linkable
from ..core.model import Op, Snapshot
from ..core.output import gather
from ..core.provider import Providers
from ..engine import deploy as engine
from ..engine.adopt import Difference, differences
from ..engine.apply import DeployResult
from ..engine.plan import Choice, Plan, plan
from ..errors import Fenced, SstError, UserError
from ..events import Finished, Sink
from ..machine.files import write_private
from ..records import dataclass
from ..state.redact import Redactor, secrets_of
from ..state.session import Session
from .backend import Backend
from .budget import keep_within
from .deploy_record import Recording
from .project import Project
from .resource_types import keep_types

__all__ = ["FAILED", "SECRET", "Done", "Run", "deploy", "diff", "hide_secrets", "locked", "prepared_graph", "remove",
           "saved", "types_of", "write_outputs"]

FAILED = " (failed)"
"""Follows the command's name in the history where not all of it was done."""
SECRET = "(secret)"
"""Stands for a secret value wherever values are shown or written."""


@dataclass
class Run:
    """Who watches a command, and who may stop it. ``warn`` is told what was mended on the way."""

    sink: Sink
    confirm: Callable[[Plan], None]
    """Gets the plan before anything changes; raises ``UserError`` to stop."""
    warn: Callable[[str], None] = lambda text: None
    hide: Callable[[Any], None] = lambda value: None
    """Told each secret value, which must not be shown from then on."""
    stop: Event = field(default_factory=Event)
    choice: Choice | None = None
    only: Callable[[Plan, Snapshot], None] | None = None
    """Gets each plan and the state before ``confirm`` does; raises ``UserError`` unless the plan is the one that may be
    carried out."""
    adopt: Callable[[Sequence[Difference]], None] = lambda found: None
    """Gets what would be changed of things that are imported; raises ``UserError`` to stop."""
    can_go_back: bool = False
    """A rollback may follow: what a crash left unsaved is saved first, as the version to go back to."""
    new_stage: bool = False
    """Allow the first deploy of a protected stage."""
    before: Callable[[Graph], None] = lambda graph: None
    """Gets the graph before the program is run, with nothing declared in it yet."""
    declared: Callable[[Graph], None] = lambda graph: None
    """Gets the program's graph once it is whole, before anything is changed."""
    providers: Providers | None = None


@dataclass(frozen=True)
class Done:
    """How it ended. Failed steps are in ``result``; ``outputs`` are what the program returned, secret ones masked."""

    result: DeployResult
    outputs: Mapping[str, Any]
    before: int = 0
    """Serial of the state from which it began; 0 is the empty one."""
    serial: int = 0
    """Serial of the state that it saved."""


def deploy(backend: Backend, run: Run) -> Done:
    """Make the cloud what the program declares. Failed steps are in the result; everything else raises."""
    project = backend.project
    backend.ask_account()
    backend.expect_cloud()
    graph = prepared_graph(backend, run.hide)
    run.before(graph)
    app = project.declare(graph)
    run.declared(graph)
    _tell_warnings(graph, run.warn)
    with locked(backend, "deploy", run) as session:
        begun = session.snapshot.serial
        before = session.save() if run.can_go_back else begun
        backend.remember(session, types_of(graph), sure=bool(graph.laters))
        _guard(project, graph, session.snapshot, run)
        providers = run.providers or backend.registry(session.snapshot, session=session, exact=run.only is not None)
        recording = Recording(run.sink)
        result = saved(session, lambda: engine.deploy(
            graph, session, providers, _counted(recording, backend), confirm=_confirm(run, backend, session, providers),
            outputs=masked(app.outputs), links=links_of(graph), choice=run.choice, stop=run.stop))
        after = session.snapshot
        if after.serial != begun:       # there is a new version of the state to tell of
            _record(backend, recording, session, run)
    outputs = dict(after.outputs)
    backend.need_artefacts(after)
    if not result.failures and not result.interrupted:
        write_outputs(project, after)
    told = "" if project.place else keep_types(project.root, project.environ, links(graph), graph.resources)
    if told and any(op is not Op.SAME for op in result.done):
        run.warn(told)
    return Done(result, outputs, before, after.serial)


def diff(backend: Backend, *, choice: Choice | None = None, providers: Providers | None = None,
         hide: Callable[[Any], None] = lambda value: None, keep: bool = False,
         warn: Callable[[str], None] = lambda text: None) -> tuple[Plan, Snapshot]:
    """What a deploy would do now. Takes no lock and changes nothing; only if the plan is to be kept, a stage without a
    key gets one."""
    graph = prepared_graph(backend, hide, only_plan=not keep)
    backend.project.declare(graph)
    _tell_warnings(graph, warn)
    snapshot = backend.stage.load()
    hide_secrets(snapshot, hide)
    return plan(graph, snapshot, providers or backend.registry(snapshot), choice=choice), snapshot


def _tell_warnings(graph: Graph, warn: Callable[[str], None]) -> None:
    """What was noticed while the program was declared."""
    noticed: dict[str, None] = graph.context.once("warnings", dict)
    for line in noticed:
        warn(line)


def remove(backend: Backend, run: Run) -> Done:
    """Remove what the state holds. The program is not run: a broken one can still be removed."""
    project = backend.project
    if project.config.protect:
        raise UserError(f'stage "{project.stage}" is protected',
                        hint="set protect=False in the config for this stage to remove it", code="protected")
    backend.ask_account()
    snapshot = backend.stage.load()
    if not (snapshot.resources or snapshot.deposed or snapshot.pending):
        return Done(DeployResult(), {})
    with locked(backend, "remove", run) as session:
        backend.remember(session)
        providers = run.providers or backend.registry(session.snapshot, session=session)
        recording = Recording(run.sink)
        result = saved(session, lambda: engine.remove(
            project.graph(), session, providers, _counted(recording, backend), confirm=run.confirm, choice=run.choice,
            stop=run.stop))
        _record(backend, recording, session, run)
    if not run.choice:
        write_outputs(project, Snapshot())
    return Done(result, {})


def _confirm(run: Run, backend: Backend, session: Session, providers: Providers) -> Callable[[Plan], None]:
    """A saved plan is compared first, and the budget; then what importing would change, and what would be lost, is
    agreed to."""
    def confirm(plan: Plan) -> None:
        backend.await_cloud()
        if run.only:
            run.only(plan, session.snapshot)
        keep_within(backend.project, plan, run.warn)
        if found := differences(plan, providers):
            run.adopt(found)
        run.confirm(plan)
    return confirm


def prepared_graph(backend: Backend, hide: Callable[[Any], None] = lambda value: None, *,
                   only_plan: bool = False) -> Graph:
    """An empty graph that knows the stage's secrets and settings. With ``only_plan`` a stage without a key gets
    none."""
    def key() -> bytes:
        keys = backend.stage.keys
        return keys.provisional() if only_plan else keys.current()[1]

    graph = backend.project.graph()
    graph.context = replace(graph.context, secrets=backend.secrets.get_all(), python=_python(backend.project.root),
                            read_stage_key=key, encrypt=_seal,
                            open_lookups=backend.clouds.lookups)
    hide(graph.context.secrets)
    return graph


@contextmanager
def locked(backend: Backend, command: str, run: Run) -> Iterator[Session]:
    """The state under its lock, with the cloud at hand and its account checked. What was mended is told at the end."""
    stage = backend.stage
    try:
        with stage.locked(command) as session:
            hide_secrets(session.snapshot, run.hide)
            yield session
    finally:
        for warning in stage.warnings:
            run.warn(warning)


def hide_secrets(snapshot: Snapshot, hide: Callable[[Any], None]) -> None:
    for value in secrets_of(snapshot):
        hide(value)


def _guard(project: Project, graph: Graph, snapshot: Snapshot, run: Run) -> None:
    """Refuse what is almost surely a mistake, before anything changes."""
    if snapshot.resources and not graph.goals and not graph.laters:
        raise UserError(f'the program declares nothing, but stage "{project.stage}" holds {len(snapshot.resources)} '
                        'resources',
                        where=project.program.file.name, hint="to remove them all, run `sst remove`",
                        code="empty-program")
    if project.config.protect and not project.is_local and not snapshot.resources and not run.new_stage:
        raise UserError(f'stage "{project.stage}" is protected and has no state yet',
                        hint="if it is new, pass --new-stage; "
                        "otherwise the credentials, region or home differ from those of its deploys", code="new-stage")


def _counted(sink: Sink, backend: Backend) -> Sink:
    """The sink, with the calls that were made told at the end."""
    return lambda event: sink(replace(event, calls=backend.clouds.counts) if isinstance(event, Finished) else event)


def _record(backend: Backend, recording: Recording, session: Session, run: Run) -> None:
    """Keep what was done, for `sst state history` and the console. The deploy has worked without it."""
    project, stage = backend.project, backend.stage
    redactor = Redactor([*backend.secrets.get_all().values(), *secrets_of(session.snapshot)])
    try:
        recording.save(stage.store, stage.prefix, session.snapshot.serial, command=session.command, who=stage.who,
                       after=session.snapshot, root=project.root, environ=project.environ, redact=redactor.redact)
    except SstError as error:
        run.warn(f"this deploy is not in the history: {error.message}")


def types_of(graph: Graph) -> set[str]:
    """The types that a program declares."""
    return {g.type for g in graph.goals.values()}


def saved(session: Session, work: Callable[[], DeployResult]) -> DeployResult:
    """Do it, and save whatever came of it. After a take-over nothing may be saved, and where the user did not agree
    nothing needs to be: the journal has what was done."""
    try:
        result = work()
    except (Fenced, UserError):
        raise
    except BaseException:
        session.command += FAILED
        session.save()
        raise
    if result.failures or result.interrupted:
        session.command += FAILED
    session.save()
    return result


def masked(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs without secret values: they are shown and kept in plain text."""
    return {k: SECRET if gather([v])[1] else v for k, v in outputs.items()}


def links_of(graph: Graph) -> dict[str, Any]:
    """What each linkable component of the program gives, by name; secret properties masked."""
    return {link.name: {**masked(link.properties), "type": link.type} for link in links(graph)}


def links(graph: Graph) -> list[Link]:
    """The links of the program's own components, not of those inside of components."""
    with graph.active():
        things: list[object] = [c for c in graph.components.values() if c.parent is None]
        return [thing.link() for thing in things if isinstance(thing, Linkable)]


def write_outputs(project: Project, after: Snapshot) -> None:
    """``.sst/outputs.json``, for scripts; readable by its owner only, replaced in one step. A secret value inside of an
    output, as in an address that is made of one, is masked."""
    file = project.folder / "outputs.json"
    text = Redactor(secrets_of(after)).redact(json.dumps(dict(after.outputs), indent=2)) + "\n"
    if file.is_file() and file.read_bytes() == text.encode():
        return
    write_private(file, text)


def _seal(key: bytes, text: bytes) -> bytes:
    """AES-256-GCM with a zero nonce, as the published SDKs read it. Each key seals one text, see ``core.link_env``."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key).encrypt(bytes(12), text, None)


def _python(root: Path) -> str:
    """The project's Python version, from ``.python-version``; empty if it does not say."""
    file = root / ".python-version"
    return file.read_text(encoding="utf-8").strip() if file.is_file() else ""
