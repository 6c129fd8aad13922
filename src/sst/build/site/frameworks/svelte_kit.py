"""SvelteKit with adapter-node. https://svelte.dev/docs/kit/adapter-node"""
from __future__ import annotations

from pathlib import Path

from ..output import SiteOutput, missing

__all__ = ["svelte_kit"]


def svelte_kit(site: Path, entry: str) -> SiteOutput:
    """``build`` of the adapter: the client, what was prerendered, and the handler."""
    missing(site, ["build/client", "build/handler.js"], "SvelteKit",
            "use @sveltejs/adapter-node, with its default folder: npm install -D @sveltejs/adapter-node")
    static = tuple(f for f in ("build/client", "build/prerendered") if (site / f).is_dir())
    return SiteOutput(static, """
  const { handler } = await import("./build/handler.js");
  return handler;""", ("build",), ("build/client/**", "build/prerendered/**"))
