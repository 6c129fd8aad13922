"""Drift of a stage: find it beside what the program asks for, accept it into the state, or revert it in the cloud.

    lock → settle → read everything → rows → the user decides → record what was accepted → deploy what is reverted
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ..core.model import Snapshot, fold
from ..core.provider import Providers
from ..engine import deploy as engine
from ..engine.adopt import Difference, differences
from ..engine.apply import DeployResult
from ..engine.choice import Choice, check_known
from ..engine.plan import Plan, plan
from ..engine.refresh import accepted, drifts
from ..engine.rollback import goals_of
from ..engine.settle import settle
from ..engine.three_way import Row, check_names, three_way
from ..events import Event
from ..state.session import Session
from .backend import Backend
from .run import Run, hide_secrets, locked, prepared_graph, saved, types_of

__all__ = ["Decide", "Decision", "Refreshed", "Seen", "diff_refreshed", "refresh"]


@dataclass(frozen=True)
class Decision:
    """What becomes of each row; those in neither list stay as they are."""

    accept: Sequence[Row] = ()
    """The state is made to say what the cloud has."""
    revert: Sequence[Row] = ()
    """The cloud is made to have what the state says."""


Decide: TypeAlias = Callable[[Sequence[Row]], Decision]


@dataclass(frozen=True)
class Refreshed:
    """What was found, what was decided, and how the reverting ended."""

    rows: Sequence[Row]
    decision: Decision
    result: DeployResult


@dataclass(frozen=True)
class Seen:
    """What a look at the cloud shows: ``rows`` of drift, what things that are to be imported have otherwise, and the
    plan over all that."""

    rows: Sequence[Row]
    imported: Sequence[Difference]
    plan: Plan
    snapshot: Snapshot


def _quiet(event: Event) -> None:
    pass


def refresh(backend: Backend, run: Run, decide: Decide, *, names: Sequence[str] = ()) -> Refreshed:
    """Read all that the state holds (what ``run.choice`` takes), and do what ``decide`` says with what differs.

    ``decide`` is called only if something differs; ``names`` are those that it will look for. A clean stage records
    nothing. Raises ``ProviderError`` where a thing can't be read, and ``UserError`` for a name that the state does not
    have.
    """
    backend.ask_account()
    graph = prepared_graph(backend, run.hide)
    backend.project.declare(graph)
    with locked(backend, "refresh", run) as session:
        backend.remember(session, types_of(graph), sure=bool(graph.laters))
        providers = run.providers or backend.registry(session.snapshot, session=session, exact=True)
        settle(session, providers)
        before = session.snapshot
        check_names(before, names)
        if run.choice:
            check_known(graph, before, run.choice)
        found = drifts(before, providers, _quiet, choice=run.choice, stop=run.stop)
        rows = three_way(found, plan(graph, before, providers))
        for row in rows:
            if row.drift.secret:
                run.hide({"cloud": row.drift.cloud_value})
        decision = decide(rows) if rows else Decision()
        result = saved(session, lambda: _carry_out(backend, session, before, decision, run, providers))
    return Refreshed(rows, decision, result)


def _carry_out(backend: Backend, session: Session, before: Snapshot, decision: Decision, run: Run,
               providers: Providers) -> DeployResult:
    """Record what the cloud has, then deploy what the state said of what is to be reverted: as safe as any other
    deploy."""
    kept = [r.drift for r in decision.accept]
    if entries := accepted(before, [*kept, *(r.drift for r in decision.revert)]):
        session.write(*entries)
    if not decision.revert:
        return DeployResult()
    wanted = fold(before, accepted(before, kept))
    graph = goals_of(wanted, session.snapshot, providers, app=backend.project.name, stage=backend.project.stage,
                     all_of_it=True)
    return engine.deploy(graph, session, providers, run.sink, confirm=run.confirm, outputs=dict(before.outputs),
                         links=dict(before.links), stop=run.stop)


def diff_refreshed(backend: Backend, *, choice: Choice | None = None, providers: Providers | None = None,
                   hide: Callable[[object], None] = lambda value: None) -> Seen:
    """The drift, and what a deploy would do after it was accepted. Takes no lock, writes nothing; it does read the
    cloud."""
    backend.ask_account()
    graph = prepared_graph(backend, hide, only_plan=True)
    backend.project.declare(graph)
    snapshot = backend.stage.load()
    hide_secrets(snapshot, hide)
    lookup = providers or backend.registry(snapshot)
    backend.identify(snapshot)
    found = drifts(snapshot, lookup, _quiet, choice=choice)
    rows = three_way(found, plan(graph, snapshot, lookup))
    for row in rows:
        if row.drift.secret:
            hide({"cloud": row.drift.cloud_value})
    then = plan(graph, fold(snapshot, accepted(snapshot, found)), lookup, choice=choice)
    return Seen(rows, differences(then, lookup), then, snapshot)
