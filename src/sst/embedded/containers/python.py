"""How a Python program of a container is started on this machine, from a bundle or from its source."""
from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from sst.executor.interpreters import SYSTEM_PATH

__all__ = ["line", "variables"]

SHIM = Path(__file__).with_name("shim")


def line(given: Sequence[str], python: str) -> list[str]:
    """The image's command with this machine's interpreter. What is no path is looked for among Python's modules, as the
    scripts of packages are."""
    if not given:
        raise RuntimeError("the container has no command")
    first = Path(given[0]).name
    run = [python, "-s", "-S", "-u", str(SHIM / "run.py")]
    if first in ("python", "python3"):
        return [*run, *given[1:]]
    if first in ("sh", "bash", "env") or "/" in given[0]:
        return list(given)
    return [*run, "-m", *given]


def variables(python: str, folders: Sequence[Path], ports: Mapping[int, int], own: Mapping[str, str]) -> dict[str, str]:
    """``folders`` have the code and what it imports; ``ports`` of the container are those of 127.0.0.1. ``own`` are the
    container's, which win but for what makes it run here."""
    paths = [SHIM, *(p for folder in folders for p in (folder, folder / "src") if p == folder or p.is_dir())]
    return {"PATH": f"{Path(python).parent}:{SYSTEM_PATH}", "PYTHONUNBUFFERED": "1", **own,
            "PYTHONPATH": os.pathsep.join([*map(str, paths), *filter(None, [own.get("PYTHONPATH", "")])]),
            "UVICORN_LOOP": "asyncio", "SST_PORTS": ",".join(f"{a}={b}" for a, b in ports.items())}
