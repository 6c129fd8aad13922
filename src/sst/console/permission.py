"""What the page may change: all of stage ``local``, a stage in AWS once it is unlocked, nothing of a protected one."""
from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from ..project.project import Project
from .server import Forbidden

__all__ = ["UNLOCKED_SECONDS", "Permission"]

UNLOCKED_SECONDS = 600


class Permission:
    """``clock`` is in seconds."""

    def __init__(self, project: Project, *, read_only: bool = False,
                 clock: Callable[[], float] = time.monotonic) -> None:
        self._project, self._clock, self._until = project, clock, 0.0
        self._never = "the console was started with --read-only" if read_only else \
            f'stage "{project.stage}" is protected' if project.config.protect else ""

    @property
    def writes(self) -> bool:
        return not self._never and (self._project.is_local or self.seconds_left > 0)

    @property
    def can_unlock(self) -> bool:
        return not self._never and not self._project.is_local

    @property
    def seconds_left(self) -> float:
        """Until a stage in AWS is read-only again."""
        return max(0.0, self._until - self._clock())

    def check(self) -> None:
        """Raises ``Forbidden`` unless changes are allowed now."""
        if self._never:
            raise Forbidden(f"nothing can be changed from here: {self._never}")
        if not self.writes:
            raise Forbidden("nothing can be changed from here: this stage is read-only until you unlock it",
                            hint="unlock it in the page, for 10 minutes")

    def unlock(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """For 10 minutes, with the name of the stage as ``confirm``; "" locks it again."""
        if self._never:
            self.check()
        if body.get("confirm") == "":
            self._until = 0.0
        elif body.get("confirm") != self._project.stage:
            raise Forbidden("the name of the stage was not typed", hint=f"type {self._project.stage}")
        else:
            self._until = self._clock() + UNLOCKED_SECONDS
        return {"writes": self.writes, "seconds": round(self.seconds_left)}
