"""Node projects in images: their own files as they are, and their packages in a layer of the lock file."""
from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from sst.build.artefact import build, fingerprint
from sst.build.image.project import project_layers
from sst.build.source import Source
from sst.errors import UserError
from tests.build.projects import write

FILES = {"package.json": '{"name": "p", "type": "module", "scripts": {"build": "x"}}',
         "lib/x.js": "export default 1\n", "dist/server.js": "import x from '../lib/x.js'\nconsole.log(x)\n",
         ".gitignore": "dist/\n", ".env": "TOKEN=1\n"}


def source(root: Path) -> Source:
    return Source(str(root), "dist/server.*", "nodejs24.x", image=True)


def names(root: Path, cache: Path) -> list[set[str]]:
    made = build(source(root), cache=cache)
    found = []
    for layer in project_layers(made.path, {}, cache):
        with tarfile.open(layer.path) as archive:
            found.append(set(archive.getnames()))
    return found


def test_a_project_goes_into_its_image_as_it_is(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "p", FILES)
    (root / "node_modules/left/index.js").parent.mkdir(parents=True)
    (root / "node_modules/left/index.js").write_text("from this machine")
    (code,) = names(root, cache)
    assert {"app/dist/server.js", "app/lib/x.js", "app/package.json"} <= code
    assert not {n for n in code if "node_modules" in n or ".env" in n}
    before = fingerprint(source(root), cache=cache)
    (root / "dist/server.js").write_text("console.log(2)\n")
    assert fingerprint(source(root), cache=cache) != before, "what git ignores counts, where it is what is started"


def test_packages_without_a_lock_of_npm_are_refused(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "p", {**FILES, "package.json": '{"dependencies": {"is-number": "7.0.0"}}', "yarn.lock": ""})
    with pytest.raises(UserError, match=r"has yarn\.lock; images are installed by npm"):
        build(source(root), cache=cache)


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("npm"), reason="needs npm")
def test_packages_are_a_layer_of_the_lock_file(tmp_path: Path, cache: Path) -> None:
    package = json.dumps({"type": "module", "dependencies": {"is-number": "7.0.0"},
                          "devDependencies": {"is-odd": "3.0.1"}})
    root = write(tmp_path / "p", {**FILES, "package.json": package})
    subprocess.run(["npm", "install", "--package-lock-only", "--no-audit", "--no-fund"], cwd=root, check=True,
                   capture_output=True)
    packages, code = names(root, cache)
    assert "app/node_modules/is-number/index.js" in packages and "app/dist/server.js" in code
    assert not [n for n in packages if "is-odd" in n]
    (root / "lib/x.js").write_text("export default 2\n")
    assert names(root, cache)[0] == packages
