"""TanStack Start. https://tanstack.com/start/latest/docs/framework/react/guide/hosting"""
from __future__ import annotations

from pathlib import Path

from ..output import SiteOutput, missing
from .nitro import nitro

__all__ = ["tan_stack_start"]


def tan_stack_start(site: Path, entry: str) -> SiteOutput:
    """``dist/client`` and ``dist/server``, or ``.output`` of a project with Nitro."""
    if (site / ".output").is_dir():
        return nitro(site, entry)
    missing(site, ["dist/client"], "TanStack Start", "the command has to run `vite build`")
    if not (site / "dist/server/server.js").is_file():
        return SiteOutput(("dist/client",))
    return SiteOutput(("dist/client",), """
  return (await import("./dist/server/server.js")).default;""", ("dist/server",))
