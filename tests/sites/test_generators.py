"""What generators of static sites really make, served on stage ``local`` and walked through link by link. A folder as
Hugo writes it is in ``make test``; MkDocs, Sphinx, Vite and Astro are by ``make sites``."""
from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from playwright.sync_api import sync_playwright

from sst.build.site.nodejs import node_for
from tests.browser import CHROMIUM, launch
from tests.e2e.project import project
from tests.embedded.test_front_door import fetch
from tests.sites import apps

pytestmark = [pytest.mark.emulator, pytest.mark.slow]
CONFIG = '''
import sst
from sst import aws


def config(input: sst.AppInput) -> sst.Config:
    return sst.Config(name="pages")


def run() -> dict[str, object]:
    web = aws.Router("Web")
    site = aws.StaticSite("Docs", path="web", ARGUMENTS)
    return {"url": site.url}
'''
LINK = re.compile(r"""(?:href|src)=["']?([^"'\s>]+)""")


@dataclass(frozen=True)
class Generator:
    """``files`` are those of its project; ``pages`` paths that a visitor comes by, and what each says."""

    arguments: str
    files: Mapping[str, str]
    pages: Mapping[str, str]
    missing: str = ""
    """What the page for an unknown path says; without it, the site is an app of one page."""
    install: Callable[[Path], object] = field(default=lambda folder: None)


def vite(folder: Path) -> None:
    apps.app("vite", folder)


def astro(folder: Path) -> None:
    apps.app("astro", folder)
    shutil.rmtree(folder / "src")


def sphinx(builder: str, pages: Mapping[str, str]) -> Generator:
    return Generator(
        f'build={{"command": "uvx --from sphinx==8.2.3 sphinx-build -b {builder} . out", "output": "out"}}, '
        'error_page="404.html"', {
            "conf.py": 'project = "Manual"\nhtml_extra_path = ["404.html"]\nhtml_copy_source = False\n',
            "404.html": "<h1>Not in the manual</h1>",
            "usage/first.rst": "First\n=====\n\n:doc:`../index`\n",
            "index.rst": "Manual\n======\n\n.. toctree::\n\n   usage/first\n"}, pages, "Not in the manual")


HUGO = Generator('error_page="404.html"', {
    "index.html": '<link rel="stylesheet" href="/css/main.min.8f3e1c0a.css"><a href=/posts/first-post/>first</a>'
                  '<a href="/tags/caf%C3%A9/">café</a><a href="/index.xml">feed</a><img src="/img/a%20b.svg">',
    "css/main.min.8f3e1c0a.css": "h1{color:red}", "img/a b.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
    "posts/first-post/index.html": "<h1>First</h1><a href='../second-post/'>next</a><a href=../../>home</a>",
    "posts/second-post/index.html": "<h1>Second</h1>", "tags/café/index.html": "<h1>Tag café</h1>",
    "index.xml": "<rss/>", "sitemap.xml": "<urlset/>", "robots.txt": "User-agent: *", "404.html": "<h1>Not here</h1>",
    "posts/page/1/index.html": "<meta http-equiv=refresh content='0; url=/posts/'>",
}, {"/posts/second-post/": "Second", "/tags/caf%C3%A9/": "Tag café", "/index.xml": "<rss/>"}, "Not here")
GENERATORS = {
    "hugo": HUGO,
    "mkdocs": Generator(
        'build={"command": "uvx --from mkdocs==1.6.1 mkdocs build", "output": "site"}, error_page="404.html"', {
            "mkdocs.yml": "site_name: Handbook\ntheme: {name: mkdocs, highlightjs: false}\n",
            "docs/guide/install.md": "# Install\n\n[Back](../index.md#first)\n",
            "docs/index.md": "# Welcome\n\n## First\n\n[Install](guide/install.md)\n"},
        {"/guide/install/": "Install", "/search/search_index.json": '"docs"', "/sitemap.xml": "urlset"}, "404"),
    "sphinx": sphinx("html", {"/usage/first": "First", "/genindex.html": "Index", "/objects.inv": "Sphinx inventory"}),
    "sphinx as folders": sphinx("dirhtml", {"/usage/first/": "First", "/search/": "Search"}),
    "vite": Generator('build={"command": "npm run build", "output": "dist"}', {}, {"/some/where": 'id="app"',
                      "/logo.svg": "<svg"}, install=vite),
    "astro": Generator('build={"command": "npm run build", "output": "dist"}, error_page="404.html"', {
        ".gitignore": ".astro/\ndist/\nnode_modules/\n",
        "astro.config.mjs": 'import { defineConfig } from "astro/config";\nexport default defineConfig({});\n',
        "src/pages/index.astro": '<html><head></head><body><h1>Home</h1><a href="/blog/one">one</a></body></html>\n'
                                 "<style>h1 { color: red; }</style>\n",
        "src/pages/blog/[slug].astro": '---\nexport const getStaticPaths = () => [{ params: { slug: "one" } }, '
                                       '{ params: { slug: "two" } }];\n---\n<h1>Post {Astro.params.slug}</h1>'
                                       '<a href="/blog/two">two</a>\n',
        "src/pages/404.astro": "<h1>Nothing there</h1>\n"},
        {"/blog/two/": "Post two", "/blog/one/": "Post one"}, "Nothing there", install=astro),
}


@pytest.mark.parametrize("name", ["hugo", *(
    pytest.param(n, marks=pytest.mark.skipif(not os.environ.get("SST_SITES"), reason="make sites runs generators"))
    for n in GENERATORS if n != "hugo")])
def test_what_a_generator_makes_is_served(tmp_path: Path, name: str) -> None:
    generator = GENERATORS[name]
    with project(tmp_path, {"sst_config.py": CONFIG.replace("ARGUMENTS", generator.arguments)}) as made:
        (tmp_path / "web").mkdir()
        generator.install(tmp_path / "web")
        made.write({f"web/{file}": text for file, text in generator.files.items()})
        made.sst("deploy", PATH=path_of(tmp_path / "web"))
        url = made.outputs()["url"]
        seen = walked(url)
        assert {path: status for path, (status, _) in seen.items() if status not in (200, 308)} == {}
        for path, words in generator.pages.items():
            status, body = seen.get(path) or got(url, path)
            assert status == 200 and words in body, (path, status, body[:300])
        status, body = got(url, "/no/such-page")
        assert status == (404 if generator.missing else 200) and generator.missing in body
        assert "no changes" in made.sst("deploy")
        if CHROMIUM and name != "hugo":
            opened(url, *generator.pages)


def path_of(folder: Path) -> str:
    """With uv's commands, and the Node that the packages want."""
    found = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return f"{node_for(folder, found, lambda text: None)}:{found}" if (folder / "package.json").exists() else found


def walked(url: str) -> dict[str, tuple[int, str]]:
    """Status and text of all that links lead to, from the first page on. Each link leads to something."""
    found: dict[str, tuple[int, str]] = {}
    ahead = ["/"]
    while ahead:
        if (path := ahead.pop()) in found:
            continue
        status, headers, body = fetch(f"{url}{path}")
        about = dict(headers)
        found[path] = status, (text := body.decode(errors="replace"))
        links = LINK.findall(text) if about.get("content-type", "").startswith("text/html") else ()
        for link in (*links, *([about["location"]] if "location" in about else ())):
            to = urlsplit(urljoin(f"{url}{path}", unescape(link)))
            if f"{to.scheme}://{to.netloc}" == url:
                ahead.append(to.path)
    return found


def got(url: str, path: str) -> tuple[int, str]:
    status, _, body = fetch(f"{url}{path}")
    return status, body.decode(errors="replace")


def opened(url: str, *paths: str) -> None:
    """A browser opens the pages, and nothing of the site is missing or fails."""
    wrong: list[str] = []
    with sync_playwright() as play:
        browser = launch(play)
        page = browser.new_page()
        page.on("pageerror", lambda e: wrong.append(str(e)))
        page.on("response", lambda r: wrong.append(r.url) if r.url.startswith(url) and r.status >= 400 else None)
        for path in ("/", *(p for p in paths if "." not in p.rpartition("/")[2])):
            page.goto(f"{url}{path}", wait_until="domcontentloaded")
            page.wait_for_selector("h1")
        browser.close()
    assert wrong == []
