"""What ``later`` adds to a program once its value is known."""
from __future__ import annotations

import json

from ..core.graph import Graph
from ..core.output import Resolve, plain, resolve

__all__ = ["grown"]


def grown(graph: Graph, look: Resolve) -> Graph:
    """The graph with what each ``later`` declares whose value is known; the graph itself where there is none.

    The given graph stays as it is. The user's function is called once for each value.
    """
    ready = [(later, known) for later in graph.laters if plain(known := resolve(later[0], look, unknown=True))]
    if not ready:
        return graph
    key = tuple((id(later), json.dumps(known, sort_keys=True, default=repr)) for later, known in ready)
    if key not in graph.grown:
        more = graph.copy()
        more.laters = [later for later in graph.laters if all(later is not one for one, _ in ready)]
        for (_, declare, scope, stack), known in ready:
            more.reopen(lambda: declare(known), scope, stack)  # noqa: B023  # called at once
        with more.active():
            more.seal()
        graph.grown[key] = more
    return graph.grown[key]
