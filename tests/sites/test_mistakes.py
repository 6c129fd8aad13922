"""What goes wrong with a site at its build and at its start: words, line, and nothing half deployed."""
from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import pytest

from sst.build.limit import IMAGE_LIMIT, LIMIT, within
from sst.build.site.assemble import assemble
from sst.build.site.frameworks import READERS
from sst.clouds.aws.ecr_image import IN_A_CLUSTER
from sst.errors import UserError
from tests.e2e.project import call, eventually, project

CONFIG = '''
import sst
from sst import aws


def config(input: sst.AppInput) -> sst.Config:
    return sst.Config(name="site")


def run() -> dict[str, object]:
    return {"url": %s.url}
'''
FILES = "mkdir -p build/client && echo hello > build/client/index.html"
SERVER = f"{FILES} && mkdir -p build/server && echo 'export const x = 1' > build/server/index.js"


def site(script: str, component: str = 'aws.React("Web", path="web")', **more: str) -> dict[str, str]:
    """A project whose site is built by a line of the shell."""
    package = {"scripts": {"build": script}, "devDependencies": {"@react-router/dev": "8"}}
    return {"sst_config.py": CONFIG % component, "web/package.json": json.dumps(package),
            "web/package-lock.json": "{}", "web/node_modules/.package-lock.json": "{}", **more}


@pytest.mark.emulator
@pytest.mark.slow
@pytest.mark.long
def test_a_build_that_is_not_what_was_declared_deploys_no_site(tmp_path: Path) -> None:
    cases = [(site("echo no such page >&2; exit 3"), ("failed with exit code 3", "no such page")),
             (site(FILES), ("made no server: every page is a file", "write ssr=False")),
             (site(SERVER, 'aws.React("Web", path="web", ssr=False)'), ("made a server, and ssr=False",
                                                                        "leave out ssr=False"))]
    with project(tmp_path, {}) as made:
        for files, words in cases:
            made.write(files)
            failed = made.run("deploy")
            said = failed.stdout + failed.stderr
            assert failed.returncode == 2 and "Traceback" not in said
            for word in (*words, 'Site "Web/Build" (sst_config.py:11)'):
                assert word in said, said
        there = made.leftovers()
        assert "functions" not in there
        assert not made.client("s3").list_objects_v2(Bucket=there["buckets"][0])["KeyCount"]


@pytest.mark.emulator
@pytest.mark.slow
@pytest.mark.long
def test_a_server_that_does_not_start_says_why_in_its_log(tmp_path: Path) -> None:
    cases = [("console.log('reading settings'); console.error('no DATABASE_URL is set'); process.exit(3);",
              ("reading settings", "no DATABASE_URL is set", "the app ended with exit status 3 before it listened")),
             ("console.log('no port'); setInterval(() => {}, 1000);",
              ("no port", "the app started no server, and exports no listener within 1 seconds"))]
    component = 'aws.NodeServer("Web", path="web", entry="main.mjs", environment={"SST_LISTEN_TIMEOUT": "1000"})'
    with project(tmp_path, {}) as made:
        for n, (source, words) in enumerate(cases):
            made.write(site("true", component, **{"web/main.mjs": source}))
            made.sst("deploy")
            assert call(f"{made.outputs()['url']}/{n}").status == 502
            eventually(lambda words=words: all(word in made.sst("logs", "Web/Server") for word in words), seconds=20)


@pytest.mark.parametrize(("framework", "entry", "words"), [
    ("react_router", "", "the build of React Router made no build/client"),
    ("node_server", "dist/main.js", "the build of the server made no dist/main.js"),
    ("node_server", "", "nothing says which file starts the server"),
    ("svelte_kit", "", "the build of SvelteKit made no .svelte-kit/output/server/index.js"),
    ("angular", "", "the build of Angular made no dist/*/browser"), ("astro", "", "the build of Astro made no dist"),
    ("nitro", "", "the build of Nitro made no .output/public"),
])
def test_a_build_that_made_nothing(tmp_path: Path, framework: str, entry: str, words: str) -> None:
    with pytest.raises(UserError, match=re.escape(words)) as told:
        READERS[framework](tmp_path, entry)
    assert told.value.hint


def test_a_server_at_the_top_of_its_folder_has_the_files_beside_it(tmp_path: Path) -> None:
    files = {"main.mjs": "import './lib/app.mjs';", "lib/app.mjs": "", "views/home.html": "<h1>", ".env": "KEY=x",
             "node_modules/unused/index.js": "", "package.json": '{"main": "main.mjs"}'}
    for name, text in files.items():
        (tmp_path / "web" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "web" / name).write_text(text)
    made = assemble(tmp_path / "web", READERS["node_server"](tmp_path / "web", ""), tmp_path / "cache", install=(),
                    note=lambda text: None)
    assert made.code
    with zipfile.ZipFile(made.code) as archive:
        assert {*archive.namelist()} == {"main.mjs", "lib/app.mjs", "views/home.html", "package.json",
                                         "sst-entry.mjs", "sst-server.mjs"}
        assert json.loads(made.code.with_name("own.json").read_text()) == archive.namelist()    # none is of a package


def test_an_image_that_is_too_large_for_a_function_says_what_is_not() -> None:
    with pytest.raises(UserError) as told:
        within("the function", [("model.bin", IMAGE_LIMIT), ("dist/main.js", 2048)], IN_A_CLUSTER, limit=IMAGE_LIMIT)
    assert "the function is 10240.0 MB unzipped; Lambda takes 10 GB as an image" in str(told.value)
    assert "10240.0 MB  model.bin" in str(told.value) and told.value.hint and "cluster=cluster" in told.value.hint


@pytest.mark.long
def test_a_server_that_is_too_large_says_what_fills_it(tmp_path: Path) -> None:
    (tmp_path / "web/dist").mkdir(parents=True)
    (tmp_path / "web/dist/main.js").write_text("export default () => {};")
    with (tmp_path / "web/dist/model.bin").open("wb") as file:
        file.truncate(LIMIT)
    with pytest.raises(UserError) as told:
        assemble(tmp_path / "web", READERS["node_server"](tmp_path / "web", "dist/main.js"), tmp_path / "cache",
                 install=(), note=lambda text: None)
    assert "the server is 250.0 MB unzipped; Lambda takes 250 MB" in str(told.value)
    assert "250.0 MB  dist" in str(told.value) and told.value.hint and "container=True" in told.value.hint
    assert assemble(tmp_path / "web", READERS["node_server"](tmp_path / "web", "dist/main.js"), tmp_path / "cache",
                    install=(), note=lambda text: None, image=True).code
