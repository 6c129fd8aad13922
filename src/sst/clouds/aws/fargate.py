"""What Fargate takes: which memory goes with which CPU, and what a task definition must say.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size
"""
from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...core.graph import Graph
from ...core.model import Goal
from ...machine.container_engine import LABEL

__all__ = ["LOCAL_IMAGE", "MEMORY", "fits_fargate", "refuses_locally"]

GB = 1024
MEMORY: Mapping[int, Sequence[int]] = {
    256: (512, 1 * GB, 2 * GB),
    512: range(1 * GB, 4 * GB + 1, GB),
    1024: range(2 * GB, 8 * GB + 1, GB),
    2048: range(4 * GB, 16 * GB + 1, GB),
    4096: range(8 * GB, 30 * GB + 1, GB),
    8192: range(16 * GB, 60 * GB + 1, 4 * GB),
    16384: range(32 * GB, 120 * GB + 1, 8 * GB),
}
"""CPU units → MB of memory that go with them."""
LOCAL_IMAGE = "sst.local/"
"""How the image of a container begins that the cloud of this machine runs as a process."""


def fits_fargate(graph: Graph, goal: Goal) -> None:
    """CPU and memory of a task for Fargate go together."""
    cpu, memory = goal.inputs.get("cpu"), goal.inputs.get("memory")
    if "FARGATE" not in (goal.inputs.get("requires_compatibilities") or ()):
        return
    if not (isinstance(cpu, str) and cpu.isdigit() and isinstance(memory, str) and memory.isdigit()):
        return
    fits = MEMORY.get(int(cpu))
    name = f'"{goal.urn.rpartition("::")[2]}"'
    if fits is None:
        graph.problem(f"{name} asks for {int(cpu) / 1024:g} vCPU, which Fargate does not offer", where=goal.where,
                      hint=f"it has {', '.join(f'{c / 1024:g}' for c in MEMORY)} vCPU")
    elif int(memory) not in fits:
        graph.problem(f"{name} asks for {int(memory) / GB:g} GB of memory, which do not go with {int(cpu) / 1024:g} "
                      "vCPU", where=goal.where, hint=f"with it go {', '.join(f'{m / GB:g}' for m in fits)} GB")


def refuses_locally(containers: Any) -> str:
    """Why containers can't run on this machine; empty if they can, or if only a deploy can tell."""
    for one in containers if isinstance(containers, list | tuple) else ():
        if not isinstance(one, Mapping) or LABEL in (one.get("dockerLabels") or ()):
            continue
        image = one.get("image")
        if isinstance(image, str) and not image.startswith(LOCAL_IMAGE):
            return (f'the image {image} needs a container engine: Config(local={{"engine": "podman"}}) names one; or '
                    "name Python code with handler= or command=, beside the image")
    return ""
