"""Next.js, through what OpenNext makes of it. https://opennext.js.org/aws"""
from __future__ import annotations

from pathlib import Path

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
_IMAGES = (".avif", ".gif", ".jpeg", ".jpg", ".png", ".svg", ".webp")
_MODULE = """\
import fs from "node:fs";
import path from "node:path";
import {{ revalidator, serveNext, tagWriter }} from "./sst-next.mjs";

const home = path.join(import.meta.dirname, "{server}");
const read = (name) => JSON.parse(fs.readFileSync(path.join(import.meta.dirname, name), "utf8"));
const load = async (folder) => {{
  process.chdir(path.join(import.meta.dirname, folder));
  return (await import(`./${{folder}}/index.mjs`)).handler;
}};
process.env.NODE_ENV ??= "production";
let made;
if (process.env.SST_NEXT === "tags") {{
  made = tagWriter(read("{tags}"));
}} else if (process.env.SST_NEXT === "revalidation") {{
  made = await revalidator(() => load("{server}"), read("{preview}").preview.previewModeId);
}} else {{
  made = await serveNext({{ image: "{base}/_next/image", load: () => load("{server}"), loadImages: async () => {{
    const found = await load("{images}");
    process.chdir(home);
    return found;
  }} }});
}}
export const handler = made;
"""


def next_js(site: Path, entry: str) -> SiteOutput:
    """``.open-next``: the server with the packages that it needs, the image optimizer, assets and prerendered pages."""
    missing(site, [f"{_HOME}/open-next.output.json"], "Next.js", "the command has to run `open-next build`")
    about = read_json(site / _HOME / "open-next.output.json")
    origins = about.get("origins", {})
    if about.get("edgeFunctions"):
        raise UserError("the build has functions for the edge", hint="leave `placement: \"global\"` and external "
                                                                     "middleware out of open-next.config.ts")
    if split := sorted(origins.keys() - {"default", "imageOptimizer", "s3"}):
        raise UserError(f"the build splits the server: {', '.join(split)}",
                        hint="leave `functions` out of open-next.config.ts")
    if not origins["default"].get("streaming"):
        raise UserError("the server does not stream", hint='open-next.config.ts: default: { override: { wrapper: '
                                                           '"aws-lambda-streaming" } }')
    base = str(read_json(site / ".next/routes-manifest.json").get("basePath") or "")
    server, images = f"{_HOME}/server-functions/default", f"{_HOME}/image-optimization-function"
    tags = f"{_HOME}/dynamodb-provider/dynamodb-cache.json"
    if not (site / tags).is_file():
        (site / tags).parent.mkdir(parents=True, exist_ok=True)
        (site / tags).write_text("[]")
    preview = f"{_HOME}/revalidation-function/prerender-manifest.json"
    build = (site / ".next/BUILD_ID").read_text().strip()
    module = _MODULE.format(server=server, images=images, tags=tags, preview=preview, base=base)
    data = {f"_cache/{name}": path for name, path in _files(site / _HOME / "cache")}
    data |= {f"_assets{base}/{name}": path for name, path in _files(site / _HOME / "assets") if path.suffix in _IMAGES}
    return SiteOutput((f"{_HOME}/assets",), server=(server, images, f"{_HOME}/dynamodb-provider",
                                                    f"{_HOME}/revalidation-function"),
                      packages=False, module=module, beside=("next.mjs",), base=base,
                      data={**data, f"_tags/{build}.json": site / tags})


def _files(folder: Path) -> list[tuple[str, Path]]:
    return [(p.relative_to(folder).as_posix(), p) for p in sorted(folder.rglob("*")) if p.is_file()]
