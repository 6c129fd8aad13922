"""What was recorded of a project's calls, for commands."""
from __future__ import annotations

from collections.abc import Callable

from ..errors import UserError
from ..project.backend import Backend
from ..project.project import Project
from .pages import Pages
from .source import Source

__all__ = ["recorded"]


def recorded(project: Project, backend: Callable[[Project], Backend]) -> Pages:
    """Raises ``UserError`` for a stage whose calls are not recorded."""
    if not project.is_local:
        raise UserError(f'calls of stage "{project.stage}" are not recorded',
                        hint="they are on stage `local`; `sst logs NAME` shows what a function printed")
    return Pages(Source(project, backend, lambda: project))
