"""How much memory and CPU a process and what it started use. Linux only; elsewhere no limit is held."""
from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cpu_seconds", "over", "peak_mb", "used_mb"]


def over(pid: int, limit: int) -> bool:
    """Whether a process and all it started use more than ``limit`` MB. Pages that forks share count once where that
    matters."""
    pids = _family(pid)
    if sum(_mb(p, "status", b"VmRSS:") for p in pids) <= limit:
        return False
    return len(pids) == 1 or sum(_mb(p, "smaps_rollup", b"Pss:") for p in pids) > limit


def used_mb(pid: int) -> int:
    """What a process and all it started use now. 0 if it is not known."""
    return sum(_mb(p, "status", b"VmRSS:") for p in _family(pid))


def cpu_seconds(pid: int) -> float:
    """What a process and all it started that still runs have used so far. 0 if it is not known."""
    ticks = 0
    for member in _family(pid):
        try:
            fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(int(field) for field in fields[11:15])     # of its own, and of its children that have ended
    return ticks / os.sysconf("SC_CLK_TCK")


def peak_mb(pid: int) -> int:
    """The peak memory of the process itself. 0 if it is not known."""
    return _mb(pid, "status", b"VmHWM:")


def _mb(pid: int, file: str, word: bytes) -> int:
    try:
        opened = os.open(f"/proc/{pid}/{file}", os.O_RDONLY)  # asked for at each call of a function
    except OSError:
        return 0
    try:
        text = os.read(opened, 1 << 12)
    except OSError:
        return 0
    finally:
        os.close(opened)
    at = text.find(word)
    return int(text[at + len(word):].split(None, 1)[0]) // 1024 if at >= 0 else 0


def _family(pid: int) -> list[int]:
    found = [pid]
    for member in found:
        try:
            for task in os.listdir(f"/proc/{member}/task"):  # noqa: PTH208  # asked for at each look at what runs
                with open(f"/proc/{member}/task/{task}/children", "rb", 0) as children:  # noqa: PTH123
                    found += map(int, children.read().split())
        except OSError:
            continue
    return found
