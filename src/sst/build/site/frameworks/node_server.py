"""Any server of Node: Express, Fastify, Hono, NestJS."""
from __future__ import annotations

from pathlib import Path

from ....errors import UserError
from ..output import SiteOutput, missing, read_json

__all__ = ["node_server"]


def node_server(site: Path, entry: str) -> SiteOutput:
    """The module ``entry``, with all files of its folder. It listens by itself, or its default export is a listener or
    has ``fetch``."""
    entry = entry or str(read_json(site / "package.json").get("main", ""))
    if not entry:
        raise UserError("nothing says which file starts the server", hint='entry="dist/main.js", or `main` in '
                                                                        "package.json")
    missing(site, [entry], "the server", "entry= is relative to path=; the build has to make it")
    name = Path(entry).as_posix()
    return SiteOutput((), f"""
  const app = await import("./{name}");
  const given = app.default?.default ?? app.default;
  return typeof given === "function" || typeof given?.fetch === "function" ? given : undefined;""",
                      (Path(name).parent.as_posix(),))
