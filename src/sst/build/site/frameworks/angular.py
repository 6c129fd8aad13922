"""Angular with its own builder. https://angular.dev/guide/ssr"""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ....errors import UserError
from ..output import SiteOutput, missing, read_json

__all__ = ["angular"]


def angular(site: Path, entry: str) -> SiteOutput:
    """``browser`` below the output path and, unless every page is a file, ``server/server.mjs``.

    Angular renders for hosts that it knows alone. Those of a site are the CDN's, whose key the server wants to see.
    """
    places = {name: place for name, place in _places(site) if (site / place[0]).is_dir()}
    if len(places) > 1:
        raise UserError(f"there are builds of several applications: {', '.join(sorted(places))}",
                        hint="remove the folder dist, and build one: build_command=\"npx ng build NAME\"")
    if not places:
        missing(site, ["dist/*/browser"], "Angular",
                "the command has to run `ng build`, with the builder @angular/build:application")
    browser, server = next(iter(places.values()))
    if not (site / server / "server.mjs").is_file():
        return SiteOutput((browser,))
    return SiteOutput((browser,), f"""
  if (process.env.SST_ORIGIN_KEY) process.env.NG_ALLOWED_HOSTS ??= "*";
  const {{ reqHandler }} = await import("./{server}/server.mjs");
  return reqHandler;""", (server,))


def _places(site: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    """The folders for the browser and for the server of each application of ``angular.json``."""
    for name, project in read_json(site / "angular.json").get("projects", {}).items():
        options: Mapping[str, Any] = project.get("architect", project.get("targets", {})).get("build", {}).get(
            "options", {})
        given = options.get("outputPath", f"dist/{name}")
        path = {"base": given} if isinstance(given, str) else given
        browser, server = (f"{path.get('base', '')}/{path.get(k, k)}".strip("/") for k in ("browser", "server"))
        yield name, (browser, server)
