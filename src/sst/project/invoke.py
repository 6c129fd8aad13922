"""Calls a deployed function, and reads what it logged."""
from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from ..clouds.invocation import Answer, Line
from ..core.model import Snapshot
from ..errors import UserError
from .backend import Backend

__all__ = ["invoke", "logs"]


def invoke(backend: Backend, name: str, event: bytes) -> Answer:
    """Call the function of a component (``Api``, or ``Api/Handler`` where it has several) and wait for its answer."""
    snapshot = _deployed(backend)
    registry = backend.registry(snapshot)
    return registry.functions.invoke(registry.function_named(snapshot, name), event)


def logs(backend: Backend, name: str, *, since: float, follow: bool = False,
         sleep: Callable[[float], None] = time.sleep) -> Iterator[Line]:
    """The lines a function logged since then (seconds since 1970), oldest first; ``follow`` goes on until
    interrupted."""
    snapshot = _deployed(backend)
    registry = backend.registry(snapshot)
    return registry.functions.logs(registry.function_named(snapshot, name), since=since, follow=follow, sleep=sleep)


def _deployed(backend: Backend) -> Snapshot:
    snapshot = backend.stage.load()
    if not snapshot.resources:
        raise UserError(f'stage "{backend.project.stage}" is not deployed', hint="`sst deploy` first",
                        code="not-deployed")
    return snapshot
