"""Rollback: the state of an earlier time as a program, so that a deploy like any other brings it back, crash-safe as
any other.

    deploy(goals_of(before, journal.snapshot, providers, app="app", stage="prod"), journal, providers, sink,
    confirm=..., outputs=before.outputs)
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.graph import Graph
from ..core.model import URN, Goal, Snapshot, State, name_of
from ..core.output import Output
from ..core.provider import Providers
from .choice import held

__all__ = ["goals_of", "lasting"]

_PART = 8
"""A value at least so long is also recognised inside of a longer text."""


def goals_of(before: Snapshot, now: Snapshot, providers: Providers, *, app: str, stage: str,
             all_of_it: bool = False) -> Graph:
    """A sealed graph that asks for what ``before`` held.

    Things that hold data, or are protected, stay as they are ``now``, with what they use: going back would lose what
    was written since. So do actions: none is repeated. A data resource that is no longer there is made anew, empty.
    Names that were minted may be minted anew. With ``all_of_it`` nothing is exempt: for what is no more than a change
    by hand.
    """
    graph = Graph(app, stage)
    wanted = {u: s for u, s in before.resources.items() if not s.retained}
    homes = {s.identity: u for u, s in now.resources.items()}
    former = {s.identity: u for u, s in before.resources.items()}

    def stays(state: State) -> bool:
        was = before.resources.get(former.get(state.identity, ""))
        exempt = state.protect or providers(state).schema(state.type).holds_data
        return not all_of_it and not state.retained and (exempt or bool(was and was.retained))

    exempt = [s for s in now.resources.values() if stays(s)]
    keep = {*(s.urn for s in exempt), *held(now, exempt)}  # and what they use, as it is
    for urn in sorted(keep):
        wanted.pop(former.get(now.resources[urn].identity, urn), None)
        wanted[urn] = now.resources[urn]
    done = {u for u, s in wanted.items() if u not in keep and providers(s).schema(s.type).runs_once}
    for urn in done:    # an action that was done stays done, and one that is gone is not done again
        if urn in now.resources:
            wanted[urn] = now.resources[urn]
        else:
            del wanted[urn]
    renamed = {u: homes[s.identity] for u, s in before.resources.items() if u not in wanted and s.identity in homes}
    with graph.active():
        for urn, state in wanted.items():
            deps = frozenset(d for d in (renamed.get(d, d) for d in state.deps) if d in wanted)
            inputs = dict(state.inputs) if urn in keep or urn in done else _inputs(
                state, before, now, renamed, providers(state).schema(state.type).name_argument)
            old = homes.get(state.identity, urn)
            graph.goals[urn] = Goal(urn, state.type, inputs, deps, state.parent, state.stack, state.where,
                                    state.protect, state.retain,
                                    aliases=(old,) if old != urn else (),
                                    secret=frozenset(state.secret) & inputs.keys(), provider=state.provider,
                                    read=state.read)
        graph.seal()
    return graph


def lasting(before: Snapshot, now: Snapshot, providers: Providers) -> dict[str, tuple[str, ...]]:
    """What was done after ``before`` and can't be undone: names of runs, each with its files that are new or other
    ones."""
    found: dict[str, tuple[str, ...]] = {}
    for urn, state in now.resources.items():
        schema, former = providers(state).schema(state.type), before.resources.get(urn)
        if schema.lasts and (former is None or former.id != state.id):
            was = (former.inputs.get(schema.lasts) if former else None) or {}
            files = state.inputs.get(schema.lasts) or {}
            found[name_of(urn).partition("/")[0]] = tuple(f for f in sorted(files) if was.get(f) != files[f])
    return found


def _inputs(state: State, before: Snapshot, now: Snapshot, renamed: Mapping[URN, URN], name: str) -> dict[str, Any]:
    """The inputs, with what came from things that are not the same any more taken from their successors."""
    links: dict[str, Output[Any]] = {}
    for dep in state.deps:
        was, live = before.resources[dep], now.resources.get(dep)
        if dep in renamed:      # it stays, under its present name
            continue
        if (live is None or live.id != was.id) and not was.retained:
            values: Mapping[str, Any] = {**was.inputs, **was.outputs}
            links |= {v: Output.of(dep, k) for k, v in values.items()
                      if isinstance(v, str) and v and (k in was.outputs or v in (was.id, was.base))}
    if state.base:
        links[state.base] = Output.of(state.urn, "base")
    inputs = {k: _linked(v, links) for k, v in state.inputs.items()}
    if isinstance(own := inputs.get(name), Output) and own.key == (state.urn, "base"):
        del inputs[name]
    return inputs


def _linked(value: Any, links: Mapping[str, Output[Any]]) -> Any:
    if isinstance(value, str):
        if value in links:
            return links[value]
        for text, output in links.items():
            if len(text) >= _PART and text in value:
                value = value.replace(text, f"{output}")
        return value
    if isinstance(value, Mapping):
        return {_linked(k, links) if isinstance(k, str) else k: _linked(v, links) for k, v in value.items()}
    return [_linked(v, links) for v in value] if isinstance(value, list | tuple) else value
