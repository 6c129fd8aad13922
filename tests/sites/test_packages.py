"""Packages of a server that lie in a store behind links, or in the same repository."""
from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from sst.build.site.assemble import assemble
from sst.build.site.flat import unlinked
from sst.build.site.frameworks import READERS
from sst.build.zip import extract
from sst.clouds.local.site import site_fingerprint
from sst.errors import UserError

NODE = shutil.which("node")
DEEP = """
import { tiny } from "tiny";
import { back } from "back";
import { ghost } from "ghost";
export function deep() { return [tiny, back(), ghost]; }
"""
BACK = 'import { deep } from "deep"; export const back = () => deep.name;'
MAIN = '''
import { tiny } from "tiny";
import { deep } from "deep";
import { greeting } from "@acme/greeting";
console.log(JSON.stringify([tiny, deep(), greeting]));
'''


def package(folder: Path, name: str, source: str, *needs: str) -> Path:
    folder.mkdir(parents=True)
    (folder / "index.js").write_text(source)
    own = {"name": name, "type": "module", "main": "index.js", "dependencies": dict.fromkeys(needs, "*")}
    (folder / "package.json").write_text(json.dumps(own))
    return folder


def link(folder: Path, name: str, to: Path) -> None:
    (place := folder / "node_modules" / name).parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(to)


@pytest.fixture
def web(tmp_path: Path) -> Path:
    """A member of a workspace as pnpm installs it: two versions of a package, a cycle, and one that nobody declares."""
    repo = (tmp_path / "repo").resolve()
    store = repo / "node_modules/.pnpm"
    old = package(store / "tiny@1/node_modules/tiny", "tiny", "export const tiny = 1;")
    new = package(store / "tiny@2/node_modules/tiny", "tiny", "export const tiny = 2;")
    back = package(store / "back@1/node_modules/back", "back", BACK, "deep")
    deep = package(store / "deep@1/node_modules/deep", "deep", DEEP, "tiny", "back")
    package(store / "ghost@1/node_modules/ghost", "ghost", 'export const ghost = "ghost";')
    link(store / "deep@1", "tiny", old)
    link(store / "deep@1", "back", back)
    link(store / "back@1", "deep", deep)
    link(store, "ghost", store / "ghost@1/node_modules/ghost")
    greeting = package(repo / "packages/greeting", "@acme/greeting",
                       'import { tiny } from "tiny"; export const greeting = `hello ${tiny}`;', "tiny")
    (greeting / ".env").write_text("TOKEN=tok-7f3e9a51")
    link(greeting, "tiny", old)
    web = package(repo / "apps/web", "web", "", "tiny", "deep", "@acme/greeting")
    (web / "main.mjs").write_text(MAIN)
    for name, to in (("tiny", new), ("deep", deep), ("@acme/greeting", greeting)):
        link(web, name, to)
    return web


@pytest.mark.skipif(not NODE, reason="Node is not there")
def test_each_package_finds_the_version_that_it_wants(web: Path, tmp_path: Path) -> None:
    made = assemble(web, READERS["node_server"](web, "main.mjs"), tmp_path / "cache", install=(), note=print)
    assert made.code
    extract(made.code, out := tmp_path / "out")
    assert not [p for p in out.rglob("*") if p.is_symlink() or p.name == ".env"]
    done = subprocess.run([str(NODE), "main.mjs"], cwd=out, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [2, [1, "deep", "ghost"], "hello 1"]


@pytest.mark.skipif(not NODE, reason="Node is not there")
def test_a_folder_that_a_build_has_copied_with_its_store(web: Path, tmp_path: Path) -> None:
    repo, out = web.parents[1], tmp_path / "out"
    laid = unlinked(repo)
    assert laid and not any(".pnpm" in name for name in laid)
    for name, file in laid.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, out / name)
    done = subprocess.run([str(NODE), "main.mjs"], cwd=out / "apps/web", capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [2, [1, "deep", "ghost"], "hello 1"]
    assert unlinked(web.parents[1] / "packages") is None


def test_a_change_in_a_package_of_the_same_repository_is_a_change_of_the_site(web: Path) -> None:
    before = site_fingerprint(web)
    assert site_fingerprint(web) == before
    (web.parents[1] / "packages/greeting/index.js").write_text('export const greeting = "good bye";')
    assert site_fingerprint(web) != before


def test_archives_of_yarn_are_refused(web: Path, tmp_path: Path) -> None:
    (web / "node_modules/tiny").unlink()
    package(web.parents[1] / ".yarn/unplugged/tiny/node_modules/tiny", "tiny", "export const tiny = 3;")
    link(web, "tiny", web.parents[1] / ".yarn/unplugged/tiny/node_modules/tiny")
    with pytest.raises(UserError, match="archives of Yarn") as told:
        assemble(web, READERS["node_server"](web, "main.mjs"), tmp_path / "cache", install=(), note=lambda text: None)
    assert told.value.hint and "nodeLinker: node-modules" in told.value.hint
