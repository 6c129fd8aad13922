"""New passwords in the place of generated ones: a deploy in which they are made anew, with all that uses them.

    the program → new passwords → deploy: servers first, then their users → former passwords are retired
"""
from __future__ import annotations

import uuid
from collections.abc import Callable, Collection
from dataclasses import replace

from ..clouds.local.password import Password
from ..core.graph import Graph
from ..core.model import URN, Snapshot, name_of
from ..core.names import did_you_mean
from ..errors import UserError
from .backend import Backend
from .run import Done, Run, deploy, locked

__all__ = ["rotate"]


def rotate(backend: Backend, run: Run, name: str, *, keep_former: bool = False,
           note: Callable[[str], None] = lambda text: None) -> Done:
    """Deploy the program with a new password in the place of the one that was generated for the component ``name``, or
    for all that is in it. A server takes the new one before its users get it; where it goes on taking the former one
    (`Provider.retire`), that ends once they all have the new one, unless ``keep_former``.

    Nothing is lost by a crash: what was made is in the state, and the next deploy goes on. Raises ``UserError`` where
    no password was generated.
    """
    chosen: list[URN] = []
    before, after = run.declared, backend.stage.load()

    def declared(graph: Graph) -> None:
        before(graph)
        chosen.extend(_passwords(graph, after, name))
        for urn in chosen:
            goal = graph.goals[urn]
            graph.goals[urn] = replace(goal, inputs={**goal.inputs, "rotation": uuid.uuid4().hex})

    done = deploy(backend, replace(run, declared=declared))
    if not (keep_former or done.result.failures or done.result.interrupted):
        _retire(backend, run, chosen, note)
    return done


def _passwords(graph: Graph, snapshot: Snapshot, name: str) -> list[URN]:
    """The generated passwords of a component, or of this name."""
    made = {urn for urn, goal in graph.goals.items() if goal.type == Password.type}
    found = sorted(urn for urn in made if name_of(urn) == name or name_of(urn).startswith(f"{name}/"))
    if not found and any(name_of(urn).partition("/")[0] == name for urn in (*graph.goals, *graph.components)):
        raise UserError(f'no password was generated for "{name}"',
                        hint="change the value that the program gives: sst secret set NAME, then sst deploy")
    if not found:
        raise UserError(f'nothing here is named "{name}"',
                        hint=did_you_mean(name, sorted({name_of(urn).partition("/")[0] for urn in made})),
                        code="unknown-name")
    if missing := [urn for urn in found if urn not in snapshot.resources]:
        raise UserError(f'"{name_of(missing[0])}" has not been deployed yet', where=graph.goals[missing[0]].where,
                        hint="sst deploy makes its first password", code="not-deployed")
    return found


def _retire(backend: Backend, run: Run, passwords: Collection[URN], note: Callable[[str], None]) -> None:
    with locked(backend, "rotate", run) as session:
        providers = run.providers or backend.registry(session.snapshot, session=session)
        for state in session.snapshot.resources.values():
            if not state.read and {*passwords} & {*state.deps} and providers(state).retire(state, note):
                note(f"{name_of(state.urn)} no longer takes its former password")
