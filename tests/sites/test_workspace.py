"""Two sites in a workspace that pnpm, npm or Yarn has installed, as ``sst init`` found them; by ``make sites``."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sst.build.cache import keep, machine_cache
from tests.browser import needs_browser
from tests.e2e.project import Project, call, project
from tests.sites import apps
from tests.sites.visitor import go_through

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.skipif(
    not os.environ.get("SST_SITES"), reason="make sites installs packages with pnpm"), needs_browser]
VERSIONS = {"pnpm": "10.34.9", "yarn": "1.22.22"}


def manager(name: str) -> Path:
    """The folder of the program."""
    def make(part: Path) -> None:
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", str(part),
                        f"{name}@{VERSIONS[name]}"], check=True)

    return keep(machine_cache() / "tests", name, VERSIONS[name], make) / "node_modules/.bin"


@pytest.fixture
def path() -> str:
    return f"{manager('pnpm')}:{os.environ['PATH']}"


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


@pytest.mark.parametrize("name", ["npm", "yarn"])
def test_one_at_the_top_and_one_in_a_folder_with_hoisted_packages(tmp_path: Path, name: str) -> None:
    path = os.environ["PATH"] if name == "npm" else f"{manager(name)}:{os.environ['PATH']}"
    for part in ("apps", "packages"):
        shutil.copytree(apps.HERE / "workspace" / part, tmp_path / part)
    package, source = tmp_path / "apps/api/package.json", tmp_path / "apps/api/src/main.js"
    inner = {**json.loads(package.read_text()), "version": "1.0.0"}
    inner["dependencies"]["@mono/greeting"] = "1.0.0"
    top = {"name": "mono", "version": "1.0.0", "private": True, "type": "module", "main": "main.mjs",
           "workspaces": ["apps/*", "packages/*"], "dependencies": inner["dependencies"]}
    with project(tmp_path, {"package.json": json.dumps(top), "main.mjs": source.read_text(),
                            "apps/api/package.json": json.dumps(inner)}) as made:
        subprocess.run([name, "install", "--silent"], cwd=tmp_path, check=True, env={**os.environ, "PATH": path})
        assert not (tmp_path / "apps/api/node_modules").exists()
        made.sst("init", "--yes")
        written = (tmp_path / "sst_config.py").read_text()
        assert 'api = aws.NodeServer("Api", entry="main.mjs", build_command="true")' in written
        assert 'api2 = aws.NodeServer("Api2", path="apps/api", entry="dist/main.js")' in written
        made.sst("deploy", PATH=path)
        for url in made.outputs().values():
            assert call(f"{url}/greeting").body == "Hello from the workspace" and "Home" in call(url).body
        assert "no changes" in made.sst("deploy", PATH=path)
        source.write_text(source.read_text().replace("Home", "Changed"))
        said = made.sst("deploy", PATH=path)
        assert "Api2/Server/Function" in said and "Api/Build" not in said, said
        assert "Changed" in call(made.outputs()["api2"]).body
