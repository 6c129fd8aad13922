"""SvelteKit, with adapter-node or without an adapter. https://svelte.dev/docs/kit/adapter-node"""
from __future__ import annotations

import re
from pathlib import Path

from ..output import SiteOutput, missing

__all__ = ["svelte_kit"]

_KIT = ".svelte-kit/output"
_LOAD = f"""
  const fs = await import("node:fs");
  const {{ Readable }} = await import("node:stream");
  const {{ fetchListener }} = await import("./sst-server.mjs");
  const {{ Server, create_server: create }} = await import("./{_KIT}/server/index.js");
  const {{ manifest }} = await import("./{_KIT}/server/manifest.js");
  const server = create ? create(manifest) : new Server(manifest);
  const read = (file) => Readable.toWeb(fs.createReadStream(`./{_KIT}/server/${{file}}`));
  await server.init({{ env: process.env, read }});
  return (incoming, outgoing) => {{
    const getClientAddress = () => incoming.socket.remoteAddress;
    return fetchListener((request) => server.respond(request, {{ getClientAddress }}))(incoming, outgoing);
  }};"""


def svelte_kit(site: Path, entry: str) -> SiteOutput:
    """``build`` of adapter-node or adapter-static. Other adapters, and adapter-auto, leave what Kit itself made: the
    server that `vite preview` runs."""
    kit = site / _KIT / "server/index.js"
    if _is_new(site / "build/handler.js", kit):
        static = tuple(f for f in ("build/client", "build/prerendered") if (site / f).is_dir())
        return SiteOutput(static, """
  const { handler } = await import("./build/handler.js");
  return handler;""", ("build",), ("build/client/**", "build/prerendered/**"))
    if _is_static(site):
        missing(site, ["build"], "SvelteKit", "use @sveltejs/adapter-static with its default folder")
        return SiteOutput(("build",))
    missing(site, [f"{_KIT}/server/index.js", f"{_KIT}/server/manifest.js"], "SvelteKit",
            "the command has to run `vite build`; leave outDir out of the configuration")
    made = (f"{_KIT}/client", *(f"{_KIT}/prerendered/{f}" for f in ("pages", "dependencies", "data")))
    return SiteOutput(tuple(f for f in made if (site / f).is_dir()), _LOAD, (f"{_KIT}/server",))


def _is_new(file: Path, kit: Path) -> bool:
    """Whether an adapter wrote a file after Kit's own build, and not an earlier one."""
    return file.is_file() and (not kit.is_file() or file.stat().st_mtime >= kit.stat().st_mtime)


def _is_static(site: Path) -> bool:
    """Whether the configuration names adapter-static."""
    return any(re.search("adapter-static", p.read_text("utf-8", "replace"))
               for pattern in ("svelte.config.*", "vite.config.*") for p in site.glob(pattern))
