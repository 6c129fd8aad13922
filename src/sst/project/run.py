"""The commands that change a stage, from the first file read to the last line saved. The CLI and ``sst dev`` only choose and show.

    open the state → read it → the program → plan → confirm → apply → save → outputs.json
"""
from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

from ..core.graph import Graph
from ..core.link import Link, Linkable
from ..core.model import Entry, Snapshot
from ..core.output import gather
from ..engine import deploy as engine
from ..engine.apply import Result
from ..engine.events import Sink
from ..engine.plan import Choice, Plan, plan
from ..errors import Fenced, UserError
from ..state.session import Session, Stage
from .home import open_stage
from .project import Project
from .providers import Lookup, providers_of

__all__ = ["SECRET", "Done", "Run", "deploy", "diff", "remove"]

SECRET = "(secret)"
"""Stands for a secret value wherever values are shown or written."""


@dataclass
class Run:
    """What a command needs of the world, beside the project. ``note`` tells what is slow; ``warn`` what was mended."""

    sink: Sink
    confirm: Callable[[Plan], None]
    """Gets the plan before anything changes; raises ``UserError`` to stop."""
    note: Callable[[str], None] = lambda text: None
    warn: Callable[[str], None] = lambda text: None
    stop: Event = field(default_factory=Event)
    choice: Choice | None = None
    new_stage: bool = False
    """Allow the first deploy of a protected stage."""
    providers: Lookup | None = None


@dataclass(frozen=True)
class Done:
    """How it ended. Failed steps are in ``result``; ``outputs`` are what the program returned, secret ones masked."""

    result: Result
    outputs: Mapping[str, Any]


def deploy(project: Project, run: Run) -> Done:
    """Make the cloud what the program declares. Failed steps are in the result; everything else raises."""
    stage, providers = _open(project, run)
    graph = prepared_graph(project, stage)
    app = project.declare(graph)
    with stage.locked("deploy") as session:
        snapshot = session.snapshot
        _guard(project, graph, snapshot, run)
        _remember(project, session)
        result = _saved(session, stage, run, lambda: engine.deploy(
            graph, session, providers, run.sink, confirm=run.confirm, outputs=masked(app.outputs), links=links_of(graph),
            choice=run.choice, stop=run.stop))
        outputs = dict(session.snapshot.outputs)
    if not result.failures and not result.interrupted:
        _write_outputs(project, outputs)
    return Done(result, outputs)


def diff(project: Project, *, choice: Choice | None = None, providers: Lookup | None = None) -> tuple[Plan, Snapshot]:
    """What a deploy would do now. Takes no lock and changes nothing."""
    stage = open_stage(project)
    graph = prepared_graph(project, stage)
    project.declare(graph)
    snapshot = stage.load()
    return plan(graph, snapshot, providers or providers_of(project), choice=choice), snapshot


def remove(project: Project, run: Run) -> Done:
    """Remove what the state holds. The program is not run: a broken one can still be removed."""
    if project.config.protect:
        raise UserError(f'stage "{project.stage}" is protected', hint="set protect=False in the config for this stage to remove it")
    stage, providers = _open(project, run)
    with stage.locked("remove") as session:
        snapshot = session.snapshot
        if not (snapshot.resources or snapshot.deposed or snapshot.pending):
            return Done(Result(), {})
        _import_kinds(project, snapshot)
        result = _saved(session, stage, run, lambda: engine.remove(
            project.graph(), session, providers, run.sink, confirm=run.confirm, choice=run.choice, stop=run.stop))
    if not run.choice:
        _write_outputs(project, {})
    return Done(result, {})


def prepared_graph(project: Project, stage: Stage) -> Graph:
    """An empty graph that knows the stage's secrets and settings."""
    graph = project.graph()
    graph.settings = Settings(project, stage)
    return graph


def _open(project: Project, run: Run) -> tuple[Stage, Lookup]:
    from .cloud import ensure

    ensure(project, run.note)
    return open_stage(project), run.providers or providers_of(project)


def _guard(project: Project, graph: Graph, snapshot: Snapshot, run: Run) -> None:
    """Refuse what is almost surely a mistake, before anything changes."""
    if snapshot.resources and not graph.goals and not graph.laters:
        raise UserError(f'the program declares nothing, but stage "{project.stage}" holds {len(snapshot.resources)} resources',
                        where=project.program.file.name, hint="to remove them all, run `sst remove`")
    if project.config.protect and not project.is_local and not snapshot.resources and not run.new_stage:
        raise UserError(f'stage "{project.stage}" is protected and has no state yet', hint="if it is new, pass --new-stage; "
                        "if not, these credentials, this region or this home are not those it was deployed with")


def _remember(project: Project, session: Session) -> None:
    """Keep in the state where it belongs."""
    meta = {**session.snapshot.meta, "app": project.name, "region": project.region, "stage": project.stage}
    if meta != session.snapshot.meta:
        session.write(Entry("meta", data=meta))


def _saved(session: Session, stage: Stage, run: Run, work: Callable[[], Result]) -> Result:
    """Do it, and save whatever came of it; the journal has it even if saving fails."""
    try:
        return work()
    except Fenced:
        raise
    finally:
        for warning in stage.warnings:
            run.warn(warning)
        session.save()


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


def _import_kinds(project: Project, snapshot: Snapshot) -> None:
    """Load the rows of the types in the state, and of those that the program's own modules define."""
    from .cloud import import_rows

    import_rows({s.type for s in (*snapshot.resources.values(), *snapshot.deposed.values(), *snapshot.pending.values())})


def _write_outputs(project: Project, outputs: Mapping[str, Any]) -> None:
    """``.sst/outputs.json``, for scripts; readable by its owner only, replaced in one step."""
    file = project.folder / "outputs.json"
    text = json.dumps(dict(outputs), indent=2) + "\n"
    if file.is_file() and file.read_text(encoding="utf-8") == text:
        return
    part = file.with_name(f".outputs.{os.getpid()}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)
    part.replace(file)


class Settings(dict[str, Any]):
    """What the project hands to components. The keys are read, and made, only if a function needs them."""

    def __init__(self, project: Project, stage: Stage) -> None:
        super().__init__(secrets=_secrets(project, stage), tags=dict(project.config.tags), python=_python(project.root))
        self._stage = stage

    def __missing__(self, key: str) -> Any:
        match key:
            case "stage_key":
                self[key] = self._stage.keys.current()[1]
            case "encrypt":
                self[key] = _seal
            case _:
                raise KeyError(key)
        return self[key]


def _seal(key: bytes, text: bytes) -> bytes:
    """AES-256-GCM with a zero nonce, as the published SDKs read it. Each key seals one text, see ``core.link_env``."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key).encrypt(bytes(12), text, None)


def _secrets(project: Project, stage: Stage) -> Mapping[str, str]:
    return {}


def _python(root: Path) -> str:
    """The project's Python version, from ``.python-version``; empty if it does not say."""
    file = root / ".python-version"
    return file.read_text(encoding="utf-8").strip() if file.is_file() else ""
