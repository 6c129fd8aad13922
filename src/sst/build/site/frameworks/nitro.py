"""What is built on Nitro, with its preset ``node-server``: Nuxt, SolidStart, TanStack Start, Analog.
https://nitro.build/deploy/runtimes/node"""
from __future__ import annotations

from pathlib import Path

from ....errors import UserError
from ..output import SiteOutput, missing, read_json

__all__ = ["nitro"]


def nitro(site: Path, entry: str) -> SiteOutput:
    """``.output``: Nitro puts the packages that its server needs beside it."""
    folder = next((f for f in (".output", "dist/analog") if (site / f).is_dir()), ".output")
    missing(site, [f"{folder}/public"], "Nitro", "the command has to make the folder .output")
    preset = read_json(site / folder / "nitro.json").get("preset", "")
    if not (site / folder / "server/index.mjs").is_file():
        return SiteOutput((f"{folder}/public",))
    if preset not in ("", "node-server", "node"):
        raise UserError(f"the site was built with Nitro's preset {preset!r}",
                        hint='remove `preset` from its config, or set it to "node-server"')
    return SiteOutput((f"{folder}/public",), f"""
  await import("./{folder}/server/index.mjs");""", (f"{folder}/server",), packages=False)
