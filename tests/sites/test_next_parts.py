"""A Next.js site below a base path, whose server is split into functions, on stage ``local``."""
from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import sync_playwright

from tests.browser import launch
from tests.e2e.project import Project, call, eventually, project
from tests.sites import apps
from tests.sites.test_next import image_at, made_at, pytestmark
from tests.sites.visitor import AGENT, first_part_comes_first

__all__ = ["pytestmark"]

CONFIG = '''
import sst
from sst import aws


def config(input: sst.AppInput) -> sst.Config:
    return sst.Config(name="site")


def run() -> dict[str, object]:
    site = aws.Nextjs("Web", path="web", link=[aws.Bucket("Uploads")],
                      router={"instance": aws.Router("Main"), "path": "/docs"})
    return {"url": site.url, "behind": site.functions["api"].url}
'''
FILES = {
    "web/next.config.mjs": '''
export default {
  basePath: "/docs",
  images: { localPatterns: [{ pathname: "/**" }] },
  redirects: async () => [{ source: "/gone", destination: "/legacy", permanent: false }],
};
''',
    "web/open-next.config.ts": '''
import type { OpenNextConfig } from "@opennextjs/aws/types/open-next.js";

export default {
  default: { override: { wrapper: "aws-lambda-streaming" } },
  functions: { api: { routes: ["app/api/told/route", "app/blog/[slug]/page", "app/blog/isr/page"],
                      patterns: ["api/*", "blog/*"] } },
  imageOptimization: { install: { packages: ["sharp@0.35.5"] } },
} satisfies OpenNextConfig;
''',
    "web/app/api/told/route.js": '''
import { cookies } from "next/headers";

export async function GET() {
  (await cookies()).set("told", "1");
  (await cookies()).set("again", "2");
  const { AWS_LAMBDA_FUNCTION_NAME: name, SST_RESOURCE_Uploads: link } = process.env;
  return Response.json({ name, bucket: JSON.parse(link).name });
}
''',
    "web/app/blog/isr/page.jsx": '''
export const revalidate = 2;

export default function Isr() {
  return <p id="made">{new Date().toISOString()}</p>;
}
''',
    "web/app/where/route.js": '''
export function GET() {
  return Response.json({ name: process.env.AWS_LAMBDA_FUNCTION_NAME });
}
''',
    "web/proxy.js": '''
import { NextResponse } from "next/server";

export function proxy(request) {
  const to = request.nextUrl.clone();
  to.pathname = "/legacy";
  return NextResponse.rewrite(to);
}

export const config = { matcher: "/rewrite-me" };
'''}


@pytest.fixture(scope="module", params=[*filter(apps.chosen, ["next", "next_15"])])
def docs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    root = tmp_path_factory.mktemp("docs") / "site"
    apps.app(request.param, root / "web")
    for name in ("isr", "tag", "revalidate", "drafted", "draft", "form", "upload", "old", "seen", "blog/static"):
        shutil.rmtree(root / "web/app" / name)
    files = dict(FILES)
    if request.param == "next_15":      # which knows it by its former name
        files["web/middleware.js"] = files.pop("web/proxy.js").replace("function proxy", "function middleware")
        (root / "web/proxy.js").unlink()
    with project(root, {"sst_config.py": CONFIG, **files}) as made:
        made.sst("deploy")
        yield made


def test_a_browser_finds_everything_below_the_base_path(docs: Project) -> None:
    url = docs.outputs()["url"]
    assert url.endswith("/docs")
    with sync_playwright() as play:
        browser = launch(play)
        page = browser.new_page()
        found: Counter[int] = Counter()
        page.on("response", lambda r: found.update([r.status]) if "favicon" not in r.url else None)
        page.goto(url)
        assert page.inner_text("h1") == "Home" and "-local-uploads" in page.inner_text("#link")
        page.wait_for_load_state("networkidle")
        page.evaluate("window.same = 1")
        page.click("text=dynamic")
        page.wait_for_selector("text=Post dynamic")
        assert page.evaluate("window.same") == 1 and page.url == f"{url}/blog/dynamic"
        browser.close()
    assert {*found} == {200} and found[200] > 5


def redirected(url: str, path: str) -> str:
    """Where a path leads, without going there."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
    connection.request("GET", path)
    answer = connection.getresponse()
    connection.close()
    assert answer.status == 307
    return answer.headers["location"]


def test_files_images_data_redirects_and_middleware_below_the_base_path(docs: Project) -> None:
    url = docs.outputs()["url"]
    assert call(f"{url}/robots.txt").body.startswith("User-agent")
    assert call(f"{url.removesuffix('/docs')}/robots.txt").status == 404
    page = call(url, headers=AGENT).body
    script = page.partition('src="/docs/_next/static/')[2].partition('"')[0]
    assert "immutable" in dict(call(f"{url}/_next/static/{script}").headers)["cache-control"]
    assert image_at(url, "/docs/picture.png", "image/webp") == ("image/webp", b"RIFF")
    build = (docs.root / "web/.next/BUILD_ID").read_text().strip()
    assert call(f"{url}/_next/data/{build}/legacy.json?q=7").json["pageProps"] == {"q": "7"}
    assert "Legacy <!-- -->8" in call(f"{url}/rewrite-me?q=8").body
    assert redirected(url, "/docs/gone").endswith("/docs/legacy")
    assert call(f"{url}/nowhere").status == 404
    first_part_comes_first(url)


def test_paths_of_a_function_lead_there(docs: Project) -> None:
    outputs = docs.outputs()
    url = outputs["url"]
    told = call(f"{url}/api/told")
    assert "ServerApi" in told.json["name"] and "-local-uploads" in told.json["bucket"]
    assert [v.partition(";")[0] for k, v in told.headers if k == "set-cookie"] == ["told=1", "again=2"]
    assert "ServerFunction" in call(f"{url}/where").json["name"]
    assert "Post <!-- -->x" in call(f"{url}/blog/x").body
    assert call(f"{outputs['behind']}/docs/api/told").status == 403
    first = made_at(f"{url}/blog/isr")
    eventually(lambda: made_at(f"{url}/blog/isr?{time.monotonic()}") != first)


def test_nothing_changed_nothing_done_of_functions(docs: Project) -> None:
    assert "no changes" in docs.sst("deploy")
