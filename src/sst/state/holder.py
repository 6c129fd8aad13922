"""Who holds a lock: the person, the machine, the process; and whether that process still lives."""
from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = ["Who", "alive", "here", "steady"]

_SYSTEM: str = sys.platform


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
    return Who(user, _host(), pid, ci, _place(), _start(pid))


def alive(who: Who) -> bool | None:
    """Whether the process still runs; None if that can't be told from here (another machine, another container)."""
    if not who.place or who.place != _place():
        return None
    try:
        os.kill(who.pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OSError):
        pass
    start = _start(who.pid)
    return None if not start and _SYSTEM == "linux" else start == who.start


def steady() -> float:
    """Seconds on a clock that nobody sets and that goes on while the machine sleeps."""
    if _SYSTEM == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    if _SYSTEM == "darwin":
        return time.clock_gettime(time.CLOCK_MONOTONIC)
    return time.monotonic()


def _host() -> str:
    if hasattr(os, "uname"):
        return os.uname().nodename
    import socket

    return socket.gethostname()


@cache
def _place() -> str:
    if _SYSTEM != "linux":
        import uuid  # slow to import, and not needed on Linux

        return f"{_host()}/{uuid.getnode():x}"
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _start(pid: int) -> str:
    """In the kernel's ticks since boot, on Linux; elsewhere nothing. A zombie has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "ended" if fields[0] in "ZX" else fields[19]
