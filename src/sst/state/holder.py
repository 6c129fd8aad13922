"""Who holds a lock: the person, the machine, the process; and whether that process still lives."""
from __future__ import annotations

import os

from ..machine.process import host, pid_space, start_time
from ..records import dataclass

__all__ = ["Who", "alive", "here"]


@dataclass(frozen=True, slots=True)
class Who:
    """A process that may hold a lock."""

    user: str
    host: str
    pid: int
    ci: str = ""
    """URL of the CI run, if it is one."""
    place: str = ""
    """Names this boot of this machine and its space of process ids: only there does ``pid`` mean anything."""
    start: str = ""
    """When the process started, so that another one with the same pid is not taken for it."""


def here(user: str, *, ci: str = "") -> Who:
    """This process. ``user`` and ``ci`` come from the environment, which the caller reads."""
    pid = os.getpid()
    return Who(user, host(), pid, ci, pid_space(), start_time(pid) or "")


def alive(who: Who) -> bool | None:
    """Whether the process still runs; None if that can't be told from here (another machine, another container)."""
    if not who.place or who.place != pid_space():
        return None
    try:
        os.kill(who.pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OSError):
        pass
    start = start_time(who.pid)
    return None if start == "" else (start or "") == who.start
