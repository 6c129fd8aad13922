"""CPU and memory of Fargate, as users write them."""
from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ...clouds.aws.fargate import MEMORY
from ...core.units import megabytes
from ...errors import UserError

__all__ = ["Cpu", "Size", "size_of"]

Cpu = Literal["0.25 vCPU", "0.5 vCPU", "1 vCPU", "2 vCPU", "4 vCPU", "8 vCPU", "16 vCPU"]
GB = 1024


@dataclass(frozen=True)
class Size:
    """CPU in units of 1/1024 vCPU, memory in MB, storage in GB."""

    cpu: int
    memory: int
    storage: int


def size_of(cpu: str, memory: str, storage: str) -> Size:
    """Raises ``UserError`` for what Fargate does not have."""
    units, megs = cpu_units(cpu), memory_mb(memory)
    fits = MEMORY.get(units)
    if fits is None:
        raise UserError(f"Fargate has no {cpu!r}", hint=f"it has {', '.join(f'{c / 1024:g} vCPU' for c in MEMORY)}")
    if megs not in fits:
        listed = ", ".join(f"{m / GB:g}" for m in fits)
        raise UserError(f"{memory} of memory do not go with {cpu}", hint=f"with it go {listed} GB")
    return Size(units, megs, megabytes(storage, what="storage", low=20 * GB, high=200 * GB) // GB)


def cpu_units(cpu: str) -> int:
    found = re.fullmatch(r"(\d+(?:\.\d+)?) vCPU", cpu) if isinstance(cpu, str) else None
    if found is None:
        raise UserError(f"cpu can't be {cpu!r}", hint='write it like "0.5 vCPU"')
    return int(float(found[1]) * 1024)


def memory_mb(memory: str) -> int:
    found = re.fullmatch(r"(\d+(?:\.\d+)?) GB", memory) if isinstance(memory, str) else None
    if found is None:
        raise UserError(f"memory can't be {memory!r}", hint='write it like "0.5 GB"')
    return int(float(found[1]) * GB)
