"""React Router 7 and 8 in framework mode, and Remix 2 on Vite. https://reactrouter.com/start/framework/deploying"""
from __future__ import annotations

from pathlib import Path

from ....errors import UserError
from ..output import SiteOutput, missing, read_json

__all__ = ["react_router"]


def react_router(site: Path, entry: str) -> SiteOutput:
    """``build/client`` and, unless ``ssr: false``, ``build/server/index.js``."""
    missing(site, ["build/client"], "React Router", "the command has to run `react-router build`")
    if not (site / "build/server/index.js").is_file():
        if list((site / "build/server").glob("*/index.js")):
            raise UserError("the build has several servers (serverBundles)",
                            hint="leave serverBundles out of react-router.config.ts")
        return SiteOutput(("build/client",))
    own = read_json(site / "package.json")
    used = {**own.get("devDependencies", {}), **own.get("dependencies", {})}
    package = "@remix-run/server-runtime" if "react-router" not in used or "@remix-run/node" in used else "react-router"
    return SiteOutput(("build/client",), f"""
  const build = await import("./build/server/index.js");
  const {{ createRequestHandler }} = await import("{package}");
  return {{ fetch: createRequestHandler(build, "production") }};""", ("build/server",))
