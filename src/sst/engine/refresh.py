"""Drift: what was changed or deleted in the cloud behind the state's back. Found by reading; recorded only where accepted."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

from ..core.model import URN, Entry, Op, Snapshot, State
from ..core.provider import Made
from ..errors import ProviderError
from .choice import Choice, name_of
from .events import Sink, StepDone, StepStarted
from .plan import Providers
from .record import Journal
from .walk import walk

__all__ = ["Drift", "accepted", "drifts", "refresh"]


@dataclass(frozen=True, slots=True)
class Drift:
    """One property that the cloud has otherwise than the state, or a thing that is gone (``property`` is empty then)."""

    urn: URN
    name: str
    type: str
    property: str = ""
    state_value: Any = None
    cloud_value: Any = None
    gone: bool = False
    secret: bool = False
    """The values are not to be shown."""


def drifts(snapshot: Snapshot, providers: Providers, sink: Sink, *, choice: Choice | None = None, parallel: int = 32,
           stop: Event | None = None) -> list[Drift]:
    """Read everything the state holds and compare. Records nothing.

    Only properties are compared that both the state holds and the read tells. Raises ``ProviderError`` where a read fails:
    a thing that can't be read is not gone.
    """
    chosen = {u: s for u, s in snapshot.resources.items() if not choice or choice.takes(u, s.stack)}
    found: dict[URN, list[Drift]] = {}

    def visit(urn: URN) -> None:
        state = chosen[urn]
        sink(StepStarted(urn, urn, Op.SAME, name_of(urn), state.type, state.parent, state.where))
        found[urn] = _compare(state, providers(state.type).read(state), providers)
        sink(StepDone(urn, Op.SAME, 0.0, state.id))

    outcome = walk(dict.fromkeys(chosen, ()), visit, parallel=parallel, stop=stop)
    for urn, error in outcome.failed.items():
        if isinstance(error, ProviderError):
            raise ProviderError(f'{chosen[urn].type} "{name_of(urn)}" could not be read: {error.message}', code=error.code, hint=error.hint,
                                operation=error.operation, request_id=error.request_id, status=error.status) from error
        raise error
    return [d for u in chosen for d in found.get(u, ())]


def accepted(snapshot: Snapshot, found: Sequence[Drift]) -> list[Entry]:
    """What to record so that the state says what the cloud has. The next deploy then brings the program's values back."""
    by_urn: dict[URN, list[Drift]] = {}
    for d in found:
        by_urn.setdefault(d.urn, []).append(d)
    gone: list[Entry] = []
    made: list[Entry] = []
    for urn, some in by_urn.items():
        state = snapshot.resources[urn]
        if any(d.gone for d in some):
            gone.append(Entry("gone", urn, state))
        else:
            seen: Mapping[str, Any] = {d.property: d.cloud_value for d in some}
            inputs = {k: v for k, v in {**state.inputs, **seen}.items() if v is not None}
            made.append(Entry("made", urn, replace(state, inputs=inputs)))
    return [*made, *gone]  # what is gone last: then nothing depends on it any more


def refresh(journal: Journal, providers: Providers, sink: Sink, *, accept: Callable[[Drift], bool] = lambda drift: True,
            choice: Choice | None = None, parallel: int = 32, stop: Event | None = None) -> list[Drift]:
    """Find all drift and record what ``accept`` says yes to. A clean stage gives an empty list and records nothing."""
    found = drifts(journal.snapshot, providers, sink, choice=choice, parallel=parallel, stop=stop)
    if entries := accepted(journal.snapshot, [d for d in found if accept(d)]):
        journal.write(*entries)
    return found


def _compare(state: State, made: Made | None, providers: Providers) -> list[Drift]:
    name = name_of(state.urn)
    if made is None:
        return [Drift(state.urn, name, state.type, gone=True)]
    seen = {k: v for k, v in (made.inputs or {}).items() if k in state.inputs}
    changed = providers(state.type).diff(state.type, state.inputs, {**state.inputs, **seen}).changed & seen.keys()
    return [Drift(state.urn, name, state.type, k, state.inputs[k], seen[k], secret=k in state.secret) for k in sorted(changed)]
