"""Deploy in rounds: settle what a crash left, plan, ask, apply; again while ``later`` adds to the program."""
from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from threading import Event
from typing import Any

from ..core.graph import Graph
from ..core.model import Entry, Op
from ..core.output import resolve
from ..core.provider import Providers
from ..errors import InternalError, UserError
from ..events import Finished, Planned, Sink, Unsettled
from .apply import DeployResult, Journal, apply
from .plan import Choice, Plan, plan
from .settle import settle

__all__ = ["Confirm", "deploy", "remove"]

PARALLEL = 48
"""Steps at a time. A third of them waits for the journal at any moment, so that about 32 calls are on their way."""

ROUNDS = 5
"""How often one output may change unexpectedly in a deploy before it counts as one that never settles."""

Confirm = Callable[[Plan], None]
"""Gets the plan before anything is changed; raises ``UserError`` to stop. Called again if a later round would lose more
data."""


def deploy(graph: Graph, journal: Journal, providers: Providers, sink: Sink, *, confirm: Confirm, outputs: Any = None,
           links: Any = None, choice: Choice | None = None, parallel: int = PARALLEL,
           stop: Event | None = None) -> DeployResult:
    """Make the cloud what the sealed ``graph`` declares. ``outputs`` and ``links`` may hold outputs; once everything is
    there they are resolved and kept in the state."""
    start = time.monotonic()
    unsure = settle(journal, providers, parallel=parallel)
    total, allowed, number, surprises = DeployResult(), None, 1, Counter[str]()
    while True:
        todo = plan(graph, journal.snapshot, providers, choice=choice)
        if allowed is None:
            confirm(todo)
            allowed = {s.urn for s in todo.needs_consent}
        else:
            if any(s.urn not in allowed for s in todo.needs_consent):
                confirm(todo)
        sink(Planned(todo.counts, number))
        result = apply(todo, journal, providers, sink, parallel=parallel, stop=stop, unsure=unsure)
        total.add(result)
        graph = todo.graph
        if result.failures or result.interrupted or not (todo.undecided or result.surprises):
            break
        surprises.update(result.surprises)
        if restless := tuple(k for k in result.surprises if surprises[k] == ROUNDS):
            sink(Unsettled(restless, ROUNDS))
            break
        number += 1
    final = {}
    if not total.failures and not total.interrupted:
        final = _record(graph, journal, providers, outputs, links)
    sink(Finished({k: n for k, n in total.done.items() if k is not Op.SAME}, len(total.failures), total.skipped,
                  time.monotonic() - start, final))
    return total


def remove(graph: Graph, journal: Journal, providers: Providers, sink: Sink, *, confirm: Confirm,
           choice: Choice | None = None,
           parallel: int = PARALLEL, stop: Event | None = None) -> DeployResult:
    """Remove everything the state holds: the deploy of an empty graph. Retained things stay, and stay in the state."""
    graph.seal()
    return deploy(graph, journal, providers, sink, confirm=confirm, outputs={}, links={}, choice=choice,
                  parallel=parallel, stop=stop)


def _record(graph: Graph, journal: Journal, providers: Providers, outputs: Any, links: Any) -> dict[str, Any]:
    """Resolve what the program returned and what its components link, and keep it."""
    resources = journal.snapshot.resources

    def look(urn: str, attr: str) -> Any:
        state = resources.get(urn)
        if state is None:
            return None
        return state.base if attr == "base" else providers(state).schema(state.type).values(state).get(attr)

    with graph.active():
        shown, known = resolve(outputs or {}, look), resolve(links or {}, look)
    if shown != journal.snapshot.outputs:
        try:
            journal.write(Entry("outputs", data=shown))
        except InternalError as e:      # only the deploy tells what an .apply makes
            raise UserError(f"what the program returns can't be kept: {e.message}",
                            hint="an output is text, a number, True, False, None, a list or a mapping of these") from e
    if known != journal.snapshot.links:
        journal.write(Entry("links", data=known))
    return dict(shown)
