"""The picture of a stage: what its state holds, as parts and edges."""
from __future__ import annotations

from ..core.picture import Picture
from ..errors import UserError
from .backend import Backend

__all__ = ["picture"]


def picture(backend: Backend, *, empty: bool = False) -> Picture:
    """Of what is deployed, from the state alone. Raises ``UserError`` for an empty stage unless ``empty``."""
    snapshot = backend.stage.load()
    if not snapshot.resources and not empty:
        raise UserError(f'stage "{backend.project.stage}" is not deployed', hint="`sst deploy` first",
                        code="not-deployed")
    return backend.registry(snapshot).picture(snapshot)
