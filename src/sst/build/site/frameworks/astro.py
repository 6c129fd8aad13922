"""Astro with @astrojs/node. https://docs.astro.build/en/guides/integrations-guide/node/"""
from __future__ import annotations

from pathlib import Path

from ..output import SiteOutput, missing

__all__ = ["astro"]


def astro(site: Path, entry: str) -> SiteOutput:
    """``dist/client`` and ``dist/server``, or ``dist`` alone if every page is static."""
    missing(site, ["dist"], "Astro", "the command has to run `astro build`")
    if not (site / "dist/client").is_dir():
        return SiteOutput(("dist",))
    missing(site, ["dist/server/entry.mjs"], "Astro", "use @astrojs/node: npx astro add node")
    return SiteOutput(("dist/client",), """
  process.env.ASTRO_NODE_AUTOSTART = "disabled";
  const { handler } = await import("./dist/server/entry.mjs");
  return handler;""", ("dist/server",))
