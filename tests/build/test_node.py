"""Node functions: real esbuild from npm, real node."""
from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from sst.build.artefact import build, fingerprint, runtime_for
from sst.build.esbuild import esbuild
from sst.build.source import Source
from sst.errors import UserError

from .projects import names, unpack, write

pytestmark = pytest.mark.skipif(not shutil.which("npm"), reason="needs npm")
NODE = "nodejs22.x"
HANDLER = "export const handler = async () => 1\n"


def answer(folder: Path, handler: str) -> Any:
    """Import the bundle with node, far from any node_modules, and call it."""
    stem, _, name = handler.rpartition(".")
    file = next(p for p in folder.iterdir() if p.stem == stem and p.suffix in (".mjs", ".cjs"))
    code = (f"import({json.dumps(file.as_uri())})"
            f".then(async m => console.log(JSON.stringify(await m.{name}({{}}, {{}}))))")
    done = subprocess.run(["node", "--enable-source-maps", "-e", code], capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def run(tmp_path: Path, cache: Path, files: dict[str, str], handler: str, **options: Any) -> Any:
    made = build(Source(str(write(tmp_path / "p", files)), handler, "nodejs22.x", nodejs=options), cache=cache)
    return answer(unpack(made, tmp_path / "unpacked"), made.handler)


@pytest.mark.parametrize("suffix", [".ts", ".mts", ".js", ".mjs"])
def test_each_kind_of_file(tmp_path: Path, cache: Path, suffix: str) -> None:
    files = {f"src/index{suffix}": "import { x } from './lib/data.js'\nexport const handler = async () => x\n",
             "src/lib/data.js": "export const x = 'ok'\n"}
    assert run(tmp_path, cache, files, "src/index.handler") == "ok"


def test_commonjs_and_tsx(tmp_path: Path, cache: Path) -> None:
    assert run(tmp_path / "1", cache, {"a.cjs": "exports.handler = async () => require('os').EOL\n"}, "a.handler",
               format="cjs") == "\n"
    page = {"a.tsx": "const h = (t: string) => t\nexport const handler = async () => <b/>\n"}
    assert run(tmp_path / "2", cache, page, "a.handler", esbuild={"jsxFactory": "h"}) == "b"


@pytest.mark.parametrize(("file", "code"), [
    ("a.cjs", "exports.handler = async () => 'ok'\n"),
    ("a.js", "module.exports = { handler: async () => 'ok' }\n"),
    ("a.ts", "const handler = async () => 'ok'\nexport default { handler }\n"),
    ("a.cjs", "module.exports.handler = async () => (await import('./b.mjs')).default\n")], ids=str)
@pytest.mark.parametrize("options", [{}, {"minify": False, "sourcemap": True}, {"splitting": True}], ids=str)
def test_a_handler_is_exported_by_its_name(file: str, code: str, options: dict[str, Any], tmp_path: Path,
                                           cache: Path) -> None:
    """Lambda does not look under ``default``, where esbuild puts all of a CommonJS file."""
    assert run(tmp_path, cache, {file: code, "b.mjs": "export default 'ok'\n"}, "a.handler", **options) == "ok"


def test_esm_has_require_dirname_and_filename(tmp_path: Path, cache: Path) -> None:
    code = ("export const handler = async () => "
            "[typeof require('fs').readFileSync, __filename.endsWith('bundle.mjs'), typeof __dirname]\n")
    assert run(tmp_path, cache, {"a.js": code}, "a.handler") == ["function", True, "string"]


def test_packages_of_node_modules_are_bundled(tmp_path: Path, cache: Path) -> None:
    files = {"package.json": '{"dependencies": {"left": "1"}}',
             "node_modules/left/package.json": '{"name": "left", "main": "i.js"}',
             "node_modules/left/i.js": "module.exports = { v: 'from cjs', up: require('path').sep }\n",
             "a.ts": "import left from 'left'\nexport const handler = async () => left.v\n"}
    assert run(tmp_path, cache, files, "a.handler") == "from cjs"


def test_options_change_the_bundle(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "p", {"a.ts": "export const handler = async (longName: number) => longName + 1\n"})

    def made(host: bool = False, **options: Any) -> tuple[int, list[str]]:
        artefact = build(Source(str(root), "a.handler", NODE, host=host, nodejs=options), cache=cache)
        return artefact.unzipped, names(artefact)

    assert made()[0] < made(minify=False)[0]
    assert made(sourcemap=True)[1] == ["bundle.mjs", "bundle.mjs.map"] == made(host=True)[1]
    assert made(splitting=True)[1] == ["bundle.mjs"] and made(format="cjs")[1] == ["bundle.cjs"]
    with pytest.raises(UserError, match='Unknown nodejs option "minifi"'):
        made(minifi=True)


def test_the_same_source_in_two_places_gives_the_same_bytes(tmp_path: Path) -> None:
    shas, prints = set[str](), set[str]()
    for place in ("a", "deep/b"):
        root = write(tmp_path / place, {"src/a.ts": "import x from './b'\nexport const handler = async () => x\n",
                                        "src/b.ts": "export default 1\n"})
        source = Source(str(root), "src/a.handler", NODE, nodejs={"sourcemap": True, "minify": False})
        shas.add(build(source, cache=tmp_path / f"cache-{len(shas)}").sha256)
        prints.add(fingerprint(source, cache=tmp_path / f"cache-{len(prints)}"))
    assert len(shas) == len(prints) == 1


def test_a_second_bundle_needs_no_network(tmp_path: Path, cache: Path) -> None:
    program = esbuild(lambda text: None)
    start = time.perf_counter()
    assert run(tmp_path, cache, {"a.js": HANDLER}, "a.handler") == 1
    assert time.perf_counter() - start < 10
    assert os.access(program, os.X_OK)


@pytest.mark.slow
@pytest.mark.long
def test_the_npm_package_sst_is_bundled(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "p", {"package.json": '{"dependencies": {"sst": "^4"}}',
                                  "a.ts": "import { Resource } from 'sst'\nexport const handler = async () => typeof "
                                          "Resource\n"})
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=root, check=True,
                   capture_output=True)
    made = build(Source(str(root), "a.handler", NODE), cache=cache)
    assert names(made) == ["bundle.mjs"]
    assert answer(unpack(made, tmp_path / "u"), made.handler) == "object"


@pytest.mark.slow
def test_install_brings_packages_for_the_functions_platform(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "p", {"package.json": '{"dependencies": {"is-number": "7.0.0"}}',
                                  "a.js": "import isNumber from 'is-number'\nexport const handler = async () => "
                                          "isNumber('5')\n"})
    made = build(Source(str(root), "a.handler", NODE, nodejs={"install": ["is-number"]}), cache=cache)
    assert "node_modules/is-number/index.js" in names(made)
    assert answer(unpack(made, tmp_path / "u"), made.handler) is True
    assert dict(made.largest).keys() >= {"bundle.mjs", "node_modules/is-number"}


ERRORS: list[tuple[dict[str, str], str, str]] = [
    ({"a.ts": HANDLER}, "b.handler", 'Handler not found: "b.handler"'),
    ({"a.ts": HANDLER}, "a.main", r'There is no export "main" in a.ts \(a.ts:1\)'),
    ({"a.ts": "import x from 'nowhere-pkg'\nconsole.log(x)\n" + HANDLER}, "a.handler",
     r'Could not bundle a.handler\n(?s:.*)a.ts:1:14(?s:.*)hint: install'),
    ({"a.ts": "export const handler = async ( => 1\n"}, "a.handler", r"Could not bundle a.handler\n(?s:.*)a.ts:1"),
]


@pytest.mark.parametrize(("files", "handler", "message"), ERRORS, ids=[e[2][:30] for e in ERRORS])
def test_mistakes_are_named(tmp_path: Path, cache: Path, files: dict[str, str], handler: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        run(tmp_path, cache, files, handler)
    print(caught.value)


def test_the_runtime_follows_the_file_and_the_project(tmp_path: Path) -> None:
    root = write(tmp_path, {"a.ts": "", "b.mjs": "", "c.py": "", "old/d.py": "", "old/.python-version": "3.8.1\n",
                            "new/e.py": "",
                            "new/pyproject.toml": '[project]\nrequires-python = ">=3.13,<4"\n', "tight/f.py": "",
                            "tight/pyproject.toml": '[project]\nrequires-python = "~=3.9.0"\n', "bad/g.py": "",
                            "bad/pyproject.toml": '[project]\nrequires-python = ">=4"\n'})
    assert runtime_for(root, "a.handler") == runtime_for(root, "b.handler") == "nodejs24.x"
    assert runtime_for(root, "old/d.handler") == "python3.9"
    assert runtime_for(root, "new/e.handler") == runtime_for(root, "new.e:app") == "python3.13"
    assert runtime_for(root, "tight/f.handler") == "python3.9"
    assert runtime_for(root, "c.handler", python="3.12") == "python3.12"
    assert runtime_for(root, "c.handler").startswith("python3.")
    with pytest.raises(UserError, match="no Python that fits"):
        runtime_for(root, "bad/g.handler")


def test_an_import_through_a_link_brings_no_credentials(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path, {"api.mjs": 'import text from "./data.txt"; export const handler = async () => text;\n',
                            "package.json": "{}", ".env": "TOKEN=1", "ca.pem": "public",
                            "tls.mjs": 'import text from "./ca.pem"; export const handler = async () => text;\n'})
    (root / "data.txt").symlink_to(".env")
    options = {"loader": {".txt": "text", ".env": "text", ".pem": "text"}}
    with pytest.raises(UserError, match=r"imports \./data\.txt, which is a link to credentials: \.env"):
        fingerprint(Source(str(root), "api.handler", "nodejs22.x", nodejs=options), cache=cache)
    fingerprint(Source(str(root), "tls.handler", "nodejs22.x", nodejs=options), cache=cache)
