"""Two sites in a workspace that pnpm has installed, as ``sst init`` found them; by ``make sites``."""
from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sst.build.cache import keep, machine_cache
from tests.e2e.project import Project, call, project
from tests.sites import apps
from tests.sites.visitor import BROWSER, go_through

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.skipif(
    not os.environ.get("SST_SITES") or not BROWSER, reason="make sites installs packages with pnpm")]
PNPM = "10.34.9"


def pnpm() -> Path:
    """The folder of the program."""
    def make(part: Path) -> None:
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", str(part),
                        f"pnpm@{PNPM}"], check=True)

    return keep(machine_cache() / "tests", "pnpm", PNPM, make) / "node_modules/.bin"


@pytest.fixture
def path() -> str:
    return f"{pnpm()}:{os.environ['PATH']}"


@pytest.fixture
def workspace(tmp_path: Path, path: str) -> Iterator[Project]:
    """React Router in ``apps/web``; in ``apps/api`` Hono, with a package of the workspace."""
    for folder, to in (("workspace", ""), ("react_router", "apps/web"), ("react_router_8", "apps/web")):
        shutil.copytree(apps.HERE / folder, tmp_path / to, dirs_exist_ok=True)
    (tmp_path / "apps/web/package-lock.json").unlink()
    subprocess.run(["pnpm", "install", "--frozen-lockfile", "--silent"], cwd=tmp_path, check=True,
                   env={**os.environ, "PATH": path})
    with project(tmp_path, {}) as made:
        yield made


def test_both_are_deployed_and_follow_their_packages(workspace: Project, path: str) -> None:
    workspace.sst("init", "--yes")
    config = workspace.root / "sst_config.py"
    written = config.read_text()
    assert 'api = aws.NodeServer("Api", path="apps/api", entry="dist/main.js")' in written
    assert 'web = aws.React("Web", path="apps/web")' in written
    config.write_text(written.replace('path="apps/web"', 'path="apps/web", link=[aws.Bucket("Uploads")]'))
    workspace.sst("deploy", PATH=path)
    urls = workspace.outputs()
    assert call(f"{urls['api']}/greeting").body == "Hello from the workspace"
    go_through(urls["web"], form="page")
    assert "no changes" in workspace.sst("deploy", PATH=path)
    workspace.write({"packages/greeting/index.js": 'export const greeting = "Changed in the workspace";'})
    said = workspace.sst("deploy", PATH=path)
    assert "Api/Build" in said and "Web/Build" not in said
    assert call(f"{urls['api']}/greeting").body == "Changed in the workspace"
    page = workspace.root / "apps/web/app/routes/home.tsx"
    page.write_text(page.read_text() + "\n// a comment is not in what the build makes\n")
    said = workspace.sst("deploy", PATH=path)
    assert "Web/Build" in said and "Web/Server/Function" not in said
    assert "Web/Site  aws.cloudfront.Site  2 of 2 files" in said, "the prerendered page alone, which has the time in it"
