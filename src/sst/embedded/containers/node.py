"""How a Node program of a container is started on this machine."""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from sst.executor.interpreters import SYSTEM_PATH

__all__ = ["line", "variables"]

SHIM = Path(__file__).with_name("shim") / "ports.mjs"


def line(given: Sequence[str], node: str) -> list[str]:
    """The image's command with this machine's Node."""
    return [node if given[0] == "node" else given[0], *given[1:]]


def variables(node: str, ports: Mapping[int, int], own: Mapping[str, str]) -> dict[str, str]:
    """``ports`` of the container are those of 127.0.0.1. ``own`` are the container's variables."""
    return {"PATH": f"{Path(node).parent}:{SYSTEM_PATH}", "NODE_ENV": "production", **own,
            "NODE_OPTIONS": f"--import={SHIM.as_uri()} {own.get('NODE_OPTIONS', '')}".rstrip(),
            "SST_PORTS": ",".join(f"{a}={b}" for a, b in ports.items())}
