"""The documentation as a site: every page is in a menu, every link leads somewhere, our own StaticSite serves it."""
from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from tools.site.__main__ import build
from tools.site.pages import Odd, pages_of, prepare

import sst
from tests.e2e.project import call, project

ROOT = Path(__file__).parents[2]
CONFIG = """
import sst
from sst import aws


def config(input: sst.AppInput) -> sst.Config:
    return sst.Config(name="manual")


def run() -> dict[str, object]:
    return {"url": aws.StaticSite("Docs", path="site", error_page="404.html").url}
"""


def test_every_page_is_in_a_menu(tmp_path: Path) -> None:
    menu = prepare(ROOT, tmp_path / "docs")
    named = [name for pages in menu.values() for name in pages]
    assert sorted(named) == pages_of(tmp_path / "docs") and len(set(named)) == len(named)
    assert {"index.md", "contributing.md", "cli/deploy.md", "components/bucket.md"} <= set(named)
    assert "no-run" not in (tmp_path / "docs/components/redis.md").read_text()
    assert "](tour.md)" in (tmp_path / "docs/index.md").read_text()


def test_a_menu_that_names_nothing_is_odd(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for name in ("README.md", "CONTRIBUTING.md"):
        (tmp_path / name).write_text("# Title\n")
    with pytest.raises(Odd, match=r"names tour\.md"):
        prepare(tmp_path, tmp_path / "to")


@pytest.mark.long
@pytest.mark.emulator
def test_our_own_site_serves_it(tmp_path: Path) -> None:
    version = build(tmp_path / "site", sst.__version__)
    assert json.loads((tmp_path / "site/versions.json").read_text())[0]["version"] == sst.__version__
    assert (version / "search.json").is_file() or list(version.rglob("search*"))
    with project(tmp_path, {"sst_config.py": CONFIG}) as made:
        made.sst("deploy")
        url = made.outputs()["url"].rstrip("/")
        seen, todo = set[str](), [f"{url}/{sst.__version__}/"]
        while todo:
            page = todo.pop()
            if page in seen:
                continue
            seen.add(page)
            answer = call(page)
            assert answer.status == 200, page
            if "text/html" not in dict(answer.headers).get("Content-Type", "text/html"):
                continue
            for target in re.findall(r'<a[^>]* href="?([^"#> ]+)', answer.body):
                at = urljoin(page, target)
                if urlsplit(at).netloc == urlsplit(url).netloc:
                    todo.append(at)
        pages = list(version.rglob("index.html"))
        assert len(seen) >= len(pages) > 60
        assert call(f"{url}/nowhere").status == 404
