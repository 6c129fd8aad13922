"""How a function is packed: as a zip, or as an image."""
from __future__ import annotations

from typing import Any, TypedDict

from ...core.graph import Graph
from ...errors import UserError
from .code import Code
from .live import Overlaid

__all__ = ["FunctionContainer", "packaged"]

CLIENT = ("python3", "/var/task/sst/runtime/client.py")
"""Sends responses in parts, which Lambda's own Python runtime can't."""


class FunctionContainer(TypedDict, total=False):
    """``base``: an image with a runtime of Lambda, or a folder in the OCI layout; by default AWS's own,
    ``public.ecr.aws/lambda/python:3.12``."""

    base: str


def packaged(graph: Graph, code: Code, made: Overlaid, container: bool | FunctionContainer, architecture: str, *,
             streaming: bool, layers: bool) -> dict[str, Any]:
    """What a function runs, as its resource takes it. On stage ``local`` an image would be no different."""
    if container and layers:
        raise UserError("layers are not for a function in a container",
                        hint="add what is in them to the project, or to the image of container={\"base\": ...}")
    if container and code.runtime.startswith("provided"):
        raise UserError(f"container is for Python and Node functions, not for {code.runtime}")
    if not container or graph.target.is_local:
        return {"handler": made.handler, "runtime": code.runtime, "code": code.code, "files": made.files}
    base = container.get("base", "") if isinstance(container, dict) else ""
    from ..images import declare_function_image

    image = declare_function_image(graph, code.code, runtime=code.runtime, architecture=architecture, base=base,
                                   files=made.files)
    start: dict[str, Any] = {"Command": [made.handler]}
    if streaming and code.runtime.startswith("python"):
        start["EntryPoint"] = list(CLIENT)
    return {"package_type": "Image", "image_config": start, "code": {"image": image.image}}
