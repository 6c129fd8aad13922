"""Drift: what was changed or deleted in the cloud behind the state's back. Found by reading; recorded only where
accepted."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Event, Lock
from typing import Any, Protocol, cast, runtime_checkable

from ..core.model import URN, Entry, Op, Snapshot, State, name_of
from ..core.provider import Providers, Result
from ..errors import ProviderError
from ..events import Sink, StepDone, StepStarted
from .choice import Choice
from .look import look

__all__ = ["Drift", "ReadsMany", "accepted", "drifts"]


@dataclass(frozen=True, slots=True)
class Drift:
    """One property that differs in the cloud, or a resource that is gone (``property`` is empty then)."""

    urn: URN
    name: str
    type: str
    property: str = ""
    state_value: Any = None
    cloud_value: Any = None
    gone: bool = False
    secret: bool = False
    """The values are not to be shown."""


@runtime_checkable
class ReadsMany(Protocol):
    """A provider that can read many things with fewer calls than one by one."""

    watched: frozenset[str]
    """Properties that are compared even if the program sets none."""

    def reader(self, states: Sequence[State]) -> Callable[[State], Result | None]:
        """``read`` for these; may begin with a call for all of them."""


def drifts(snapshot: Snapshot, providers: Providers, sink: Sink, *, choice: Choice | None = None, parallel: int = 32,
           stop: Event | None = None) -> list[Drift]:
    """Read everything the state holds, ``parallel`` things at a time, and compare. Records nothing.

    Properties are compared that the state holds (or the provider watches) and the read shows. Raises ``ProviderError``
    where a read fails: what can't be read is not gone. Once ``stop`` is set, or on Ctrl-C, it raises
    ``KeyboardInterrupt`` at once and waits for no answer.
    """
    chosen = {u: s for u, s in snapshot.resources.items() if not s.read and (not choice or choice.takes(u, s.stack))}
    readers: dict[str, Callable[[State], Result | None]] = {}
    lock = Lock()

    def reader(state: State) -> Callable[[State], Result | None]:
        provider = providers(state)
        if not isinstance(provider, ReadsMany):
            return provider.read
        with lock:
            if state.provider not in readers:
                readers[state.provider] = provider.reader([s for s in chosen.values() if s.provider == state.provider])
            return readers[state.provider]

    def visit(urn: URN) -> list[Drift]:
        state = chosen[urn]
        sink(StepStarted(urn, urn, Op.SAME, name_of(urn), state.type, state.parent, state.where))
        found = _compare(state, reader(state)(state), providers)
        sink(StepDone(urn, Op.SAME, 0.0, state.id))
        return found

    found = look(chosen, visit, parallel=parallel, stop=stop)
    for urn, error in found.items():
        if isinstance(error, ProviderError):
            what = f'{chosen[urn].type} "{name_of(urn)}"'
            raise ProviderError(f"{what} could not be read: {error.message}", code=error.code, hint=error.hint,
                                operation=error.operation, request_id=error.request_id,
                                status=error.status) from error
        if isinstance(error, Exception):
            raise error
    return [d for u in chosen for d in cast(list[Drift], found[u])]


def accepted(snapshot: Snapshot, found: Sequence[Drift]) -> list[Entry]:
    """What to record so that the state says what the cloud has. The next deploy brings the program's values back."""
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
            made.append(Entry("made", urn, replace(state, inputs=inputs, fingerprint="")))
    return [*made, *gone]  # what is gone last: then nothing depends on it any more


def _compare(state: State, made: Result | None, providers: Providers) -> list[Drift]:
    name = name_of(state.urn)
    if made is None:
        return [Drift(state.urn, name, state.type, gone=True)]
    provider = providers(state)
    watched = provider.watched if isinstance(provider, ReadsMany) else frozenset()
    seen = {k: v for k, v in (made.inputs or {}).items() if k in state.inputs or k in watched}
    return [Drift(state.urn, name, state.type, k, state.inputs.get(k), seen[k], secret=k in state.secret)
            for k in sorted(seen) if state.inputs.get(k) != seen[k]]
