"""A function's code: which runtime it needs, and the artefact that a deploy builds."""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypedDict

from ...build.hooks import keep_hook
from ...build.source import Source, runtime_for
from ...core.graph import Graph
from ...core.output import Output, combine
from ...errors import UserError
from ...records import dataclass
from ..bundles import declare_build

__all__ = ["RUNTIMES", "Code", "CopyFile", "Hook", "make_code"]

RUNTIMES = ("python3.9", "python3.10", "python3.11", "python3.12", "python3.13", "python3.14", "nodejs18.x",
            "nodejs20.x",
            "nodejs22.x", "nodejs24.x", "provided.al2", "provided.al2023")

_ENDED = {"nodejs18.x": "2025-09-01", "python3.9": "2025-12-15", "nodejs20.x": "2026-04-30"}
"""When AWS's support ended. Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html"""

CopyFile = TypedDict("CopyFile", {"from": str, "to": str}, total=False)
"""A file or folder added to the bundle: ``{"from": "templates", "to": "views"}``; ``to`` defaults to ``from``."""


class Hook(TypedDict, total=False):
    """``postbuild``: gets the folder of the bundle (a ``pathlib.Path``) before it is zipped, and may change what is in
    it."""

    postbuild: Callable[[Path], object]


@dataclass(frozen=True)
class Code:
    runtime: str
    handler: Output[str]
    code: Output[dict[str, Any]]
    source: Output[Mapping[str, Any]]


def make_code(graph: Graph, handler: str, *, runtime: str | None, architecture: str, copy_files: Sequence[CopyFile],
              python: Mapping[str, Any], nodejs: Mapping[str, Any], bundle: str | None = None,
              hook: Hook | None = None, image: bool = False) -> Code:
    """Declare the build of a handler. Whether the handler exists is checked here, before anything is deployed."""
    root = Path(graph.root or ".")
    chosen = runtime or runtime_for(root / (bundle or ""), handler, python=graph.context.python)
    if chosen not in RUNTIMES:
        raise UserError(f"there is no runtime {chosen!r}", hint=f"known: {', '.join(RUNTIMES)}")
    if chosen in _ENDED and not graph.target.is_local:
        told: dict[str, None] = graph.context.once("warnings", dict)
        told[f"AWS's support for {chosen} ended on {_ENDED[chosen]}, and some months later it takes no new function "
             f"and no change of one: {handler} needs a newer runtime"] = None
    source = Source(str(root), handler, chosen, architecture, graph.target.is_local,
                    tuple((c["from"], c.get("to", c["from"])) for c in copy_files),
                    python, nodejs, bundle or "", _kept(hook), image)
    built = declare_build(graph, "Code", source)
    return Code(chosen, built.handler, combine(path=built.path, sha256=built.sha256), built.source)


def _kept(hook: Hook | None) -> str:
    if hook is None:
        return ""
    if odd := hook.keys() - {"postbuild"}:
        raise UserError(f"hook has no {sorted(odd)[0]!r}", hint='hook={"postbuild": function}')
    if not callable(made := hook.get("postbuild")):
        raise UserError("hook needs a postbuild function", hint='hook={"postbuild": lambda folder: ...}')
    return keep_hook(made)
