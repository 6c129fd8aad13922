"""Processes of this machine: which boot and which space of process ids a pid belongs to, when a process started."""
from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path

__all__ = ["ended_descriptor", "host", "is_own_peer", "obey_modes", "pid_space", "start_time"]

_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE = 24, 1
"""prctl(2), capabilities(7)."""
_LINUX: bool = sys.platform == "linux"


def host() -> str:
    """The machine's name."""
    return os.uname().nodename


@cache
def pid_space() -> str:
    """Names this boot of this machine and its space of process ids: only there does a pid mean anything.

    On macOS it names the machine alone, by its network hardware. Empty if the system does not say.
    """
    if not _LINUX:
        import uuid  # slow to import, and not needed on Linux

        return f"{host()}/{uuid.getnode():x}"
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def start_time(pid: int) -> str | None:
    """When the process started, in the kernel's ticks since boot; "ended" for a zombie, empty if there is no such
    process. None on macOS, which has no file that says so."""
    if not _LINUX:
        return None
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "ended" if fields[0] in "ZX" else fields[19]


def ended_descriptor(pid: int) -> int | None:
    """A descriptor that is readable once the process, which need not be a child, has ended. None if it has ended, and
    on macOS."""
    if sys.platform != "linux":
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def is_own_peer(address: str, port: int) -> bool:
    """Whether the other end of an IPv4 connection is a process of this user. Always True on macOS."""
    if not _LINUX:
        return True
    local = f"{bytes(map(int, address.split('.')))[::-1].hex().upper()}:{port:04X}"
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1] == local:
            return int(fields[7]) == os.getuid()
    return False


def obey_modes(folder: Path) -> None:
    """What this thread starts from now on obeys the modes of files also as root: read-only is read-only.

    Nothing to do for other users, on macOS, and where ``folder`` can be reached only by disregarding modes."""
    if sys.platform != "linux" or os.getuid() or any(
            s.st_uid and not s.st_mode & 0o001 for s in (place.stat() for place in (folder, *folder.parents))):
        return
    import ctypes

    ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE, 0, 0, 0)
