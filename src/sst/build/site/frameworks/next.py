"""Next.js, through what OpenNext makes of it. https://opennext.js.org/aws"""
from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from pathlib import Path
from typing import Any

from ....errors import UserError
from ..output import SiteOutput, missing, read_json

__all__ = ["CONFIG", "next_js"]

CONFIG = """\
export default {
  default: { override: { wrapper: "aws-lambda-streaming" } },
  imageOptimization: { install: { packages: ["sharp@0.35.5"], arch: "%s", os: "%s" } },
};
"""
"""Of a project that has no ``open-next.config.ts``."""
_HOME = ".open-next"
_SERVERS = f"{_HOME}/server-functions"
_IMAGES = (".avif", ".gif", ".jpeg", ".jpg", ".png", ".svg", ".webp")
_BESIDE = ("next.mjs", "service.mjs")
_WRAPPERS = ("aws-lambda", "aws-lambda-streaming", "aws-lambda-compressed")
_LOAD = """\
import fs from "node:fs";
import path from "node:path";
import {{ {imports} }} from "./sst-next.mjs";

const load = async (folder) => {{
  process.chdir(path.join(import.meta.dirname, folder));
  return (await import(`./${{folder}}/index.mjs`)).handler;
}};
process.env.NODE_ENV ??= "production";
"""
_MODULE = _LOAD + """\
const home = path.join(import.meta.dirname, "{server}");
const read = (name) => JSON.parse(fs.readFileSync(path.join(import.meta.dirname, name), "utf8"));
const server = {{ load: () => load("{server}"), streams: {streams} }};
let made;
if (process.env.SST_NEXT === "tags") {{
  made = tagWriter(read("{tags}"));
}} else if (process.env.SST_NEXT === "revalidation") {{
  made = revalidator({{ ...server, previewModeId: read("{preview}").preview.previewModeId }});
}} else {{
  made = await serveNext({{ ...server, image: "{base}/_next/image", loadImages: async () => {{
    const found = await load("{images}");
    process.chdir(home);
    return found;
  }} }});
}}
export const handler = made;
"""
_PART = _LOAD + """\
export const handler = await serveNext({{ load: () => load("{server}"), streams: {streams} }});
"""


def next_js(site: Path, entry: str) -> SiteOutput:
    """``.open-next``: the server with the packages that it needs, the image optimizer, assets and prerendered pages; of
    a server that is split, each function."""
    missing(site, [f"{_HOME}/open-next.output.json"], "Next.js", "the command has to run `open-next build`")
    about = read_json(site / _HOME / "open-next.output.json")
    origins = about.get("origins", {})
    if about.get("edgeFunctions"):
        raise UserError("the build has functions for the edge", hint="leave `placement: \"global\"` and external "
                                                                     "middleware out of open-next.config.ts")
    servers = {name: _streams(name, of) for name, of in sorted(origins.items()) if name not in ("imageOptimizer", "s3")}
    base = str(read_json(site / ".next/routes-manifest.json").get("basePath") or "")
    server, images = f"{_SERVERS}/default", f"{_HOME}/image-optimization-function"
    tags = f"{_HOME}/dynamodb-provider/dynamodb-cache.json"
    if not (site / tags).is_file():
        (site / tags).parent.mkdir(parents=True, exist_ok=True)
        (site / tags).write_text("[]")
    preview = f"{_HOME}/revalidation-function/prerender-manifest.json"
    build = (site / ".next/BUILD_ID").read_text().strip()
    module = _MODULE.format(imports="revalidator, serveNext, tagWriter", server=server, images=images, tags=tags,
                            preview=preview, base=base, streams=servers.pop("default"))
    data = {f"_cache/{name}": path for name, path in _files(site / _HOME / "cache")}
    data |= {f"_assets{base}/{name}": path for name, path in _files(site / _HOME / "assets") if path.suffix in _IMAGES}
    return SiteOutput((f"{_HOME}/assets",), server=(server, images, f"{_HOME}/dynamodb-provider",
                                                    f"{_HOME}/revalidation-function"),
                      packages=False, module=module, beside=_BESIDE, base=base,
                      data={**data, f"_tags/{build}.json": site / tags},
                      functions={name: _part(name, streams) for name, streams in servers.items()},
                      routes=_routes(about.get("behaviors", ()), servers) if servers else ())


def _streams(name: str, origin: Mapping[str, Any]) -> str:
    """Whether a function's answers are sent while they are made, as JavaScript; ``UserError`` for one that is none."""
    if origin.get("type") != "function" or origin.get("wrapper") not in _WRAPPERS:
        raise UserError(f"the function {name!r} of the build is for another host than Lambda",
                        hint='open-next.config.ts: override: { wrapper: "aws-lambda-streaming" }')
    return "true" if origin.get("streaming") else "false"


def _part(name: str, streams: str) -> SiteOutput:
    server = f"{_SERVERS}/{name}"
    return SiteOutput((), server=(server,), packages=False, beside=_BESIDE,
                      module=_PART.format(imports="serveNext", server=server, streams=streams))


def _routes(behaviors: Iterable[Mapping[str, str]], servers: Container[str]) -> tuple[tuple[str, str], ...]:
    """OpenNext's patterns are those of CloudFront, and the first that matches decides. Images are made by the default
    function."""
    return tuple((_expression(one["pattern"]), one["origin"] if one["origin"] in servers else "") for one in behaviors
                 if one.get("origin") in servers or one.get("origin") == "imageOptimizer")


def _expression(pattern: str) -> str:
    """
    >>> _expression("docs/api/*.json")
    '^/docs/api/.*[.]json$'
    """
    parts = {"*": ".*", "?": ".", "/": "/", "-": "-", "_": "_"}
    return "^/" + "".join(parts.get(c, c if c.isalnum() else f"[{c}]" if c not in "^]\\" else f"\\{c}")
                          for c in pattern.lstrip("/")) + "$"


def _files(folder: Path) -> list[tuple[str, Path]]:
    return [(p.relative_to(folder).as_posix(), p) for p in sorted(folder.rglob("*")) if p.is_file()]
