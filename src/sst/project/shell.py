"""The environment of a command that works with the deployed app: links for ``Resource``, and the way to its cloud."""
from __future__ import annotations

from contextlib import suppress
from typing import Any

from ..core.graph import Graph
from ..core.link_env import environment
from ..core.model import Snapshot
from ..core.output import Resolve
from .backend import Backend
from .run import links, prepared_graph

__all__ = ["NotThere", "cloud_environment", "look_in", "shell_environment"]


def shell_environment(backend: Backend, target: str | None = None) -> dict[str, str]:
    """Variables to add to the environment: ``SST_RESOURCE_*`` of all that the program links, ``SST_STAGE``,
    ``AWS_REGION``, and on stage ``local`` the endpoint and keys of the cloud on this machine. ``target``: a function
    whose own variables come too.

    The program is run and its values are taken from the state, so secrets need not be kept in plain text anywhere. What
    is not deployed yet is left out.
    """
    project = backend.project
    graph = prepared_graph(backend)
    project.declare(graph)
    snapshot = backend.stage.load()
    made = {**_linked(graph, look_in(snapshot)), **cloud_environment(backend)}
    if target:
        values = backend.registry(snapshot).function_named(snapshot, target).values
        made |= {k: v for part in ("environment", "secret_environment") for k, v in (values.get(part) or {}).items()
                 if not k.startswith("SST_KEY")}
    return made


def cloud_environment(backend: Backend) -> dict[str, str]:
    """Stage and region, and on stage ``local`` the endpoint and keys of the cloud on this machine."""
    project = backend.project
    return {"SST_STAGE": project.stage, **backend.clouds.environment()}


def _linked(graph: Graph, look: Resolve) -> dict[str, str]:
    made = environment(graph, []).resolved(look)
    with graph.active():
        for link in links(graph):
            with suppress(NotThere):
                made |= environment(graph, [link]).resolved(look)
    return made


class NotThere(Exception):
    """An output of something that is not deployed."""


def look_in(snapshot: Snapshot) -> Resolve:
    """Look-ups in the state; they raise `NotThere` for an output of something that is not deployed."""
    def look(urn: str, attr: str) -> Any:
        state = snapshot.resources.get(urn)
        if state is None:
            raise NotThere
        return state.base if attr == "base" else state.values.get(attr)
    return look
