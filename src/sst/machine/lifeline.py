"""Ends a sandbox when the process that started it is gone, also after a kill -9 of it.

A sandbox holds the reading end of a pipe whose writing end only the executor has. On Linux the kernel itself kills the
sandbox's process group when that end closes: no thread, no code of ours in the sandbox, and it works on a stopped
process. Elsewhere the clients read the pipe.
"""
from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import sys

__all__ = ["KERNEL", "Lifeline"]

KERNEL = sys.platform == "linux"


class Lifeline:
    """``give`` is inherited by the sandbox (with ``environment``), ``hold`` is called once it runs, ``cut`` when it has
    ended."""

    def __init__(self) -> None:
        self.give, self._held = os.pipe()
        self.environment = {} if KERNEL else {"SST_PARENT_FD": str(self.give)}

    def hold(self, group: int) -> None:
        if KERNEL and sys.platform == "linux":
            with contextlib.suppress(ProcessLookupError):  # it has ended already
                fcntl.fcntl(self.give, fcntl.F_SETOWN, -group)
                fcntl.fcntl(self.give, fcntl.F_SETSIG, signal.SIGKILL)
                fcntl.fcntl(self.give, fcntl.F_SETFL, fcntl.fcntl(self.give, fcntl.F_GETFL) | os.O_ASYNC)
        self.given()

    def given(self) -> None:
        """Close our copy of what was given."""
        if self.give >= 0:
            os.close(self.give)
            self.give = -1

    def cut(self) -> None:
        """End what is left of the sandbox."""
        self.given()
        if self._held >= 0:
            os.close(self._held)
            self._held = -1
