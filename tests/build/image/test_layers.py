"""Images of projects: what is in them, and that their bytes follow from the files alone."""
from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from sst.build.artefact import build
from sst.build.image.image import Base, Built, compose
from sst.build.image.project import project_layers, settings_of
from sst.build.source import Source
from tests.build.projects import RUNTIME, write
from tests.long import first_of

PROJECT = {"app.py": "import idna\ndef run(): return idna.encode('ü')\n", "data/x.txt": "x" * 5000,
           "requirements.txt": "idna==3.10\n"}
BASE = Base("base", "sha256:0", {"architecture": "amd64", "config": {"Env": ["PATH=/bin", "LANG=C"], "Cmd": ["x"]}},
            [], [])
MAKE = """
import os, sys
os.umask(int(sys.argv[4], 8))
from pathlib import Path
from tests.build.image.test_layers import image
print(image(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]).digest)
"""


def image(root: Path, cache: Path, handler: str = "app.run") -> Built:
    made = build(Source(str(root), handler, RUNTIME, image=True), cache=cache)
    return compose(BASE, project_layers(made.path, {}, cache), settings_of(made.path, language="python", command=()))


@pytest.mark.parametrize("files", first_of([{k: v for k, v in PROJECT.items() if k != "requirements.txt"}, PROJECT],
                                           ["code", "dependencies"]))
def test_two_folders_umasks_and_clocks_give_the_same_bytes(tmp_path: Path, files: dict[str, str]) -> None:
    digests = []
    for place, mask, age in (("a", "022", 0), ("deep/er/b", "077", 86400 * 400)):
        root = write(tmp_path / place, files)
        for file in root.rglob("*"):
            file.chmod(0o700 if file.is_dir() else 0o640 if age else 0o644)
            os.utime(file, (1_600_000_000 + age,) * 2)
        said = subprocess.run([sys.executable, "-c", MAKE, str(root), str(tmp_path / f"cache-{mask}"), "app.run", mask],
                              check=True, capture_output=True, text=True,
                              env={**os.environ, "TZ": "Asia/Tokyo" if age else "UTC", "USER": f"user{mask}"})
        digests.append(said.stdout)
    assert digests[0] == digests[1] and digests[0].startswith("sha256:")


def test_dependencies_are_a_layer_that_a_change_of_the_code_leaves_alone(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "p", PROJECT)
    before = json.loads(image(root, cache).manifest)["layers"]
    (root / "app.py").write_text("def run(): return 2\n")
    built = image(root, cache)
    after = json.loads(built.manifest)["layers"]
    assert len(before) == len(after) == 2 and before[0] == after[0] and before[1] != after[1]
    files = dict[str, tarfile.TarInfo]()
    for blob in built.blobs[:2]:
        assert isinstance(blob.content, Path)
        with tarfile.open(blob.content) as archive:
            files |= {m.name: m for m in archive}
    assert {"app", "app/app.py", "app/idna/core.py", "app/sst/runtime/web.py"} <= files.keys()
    assert {(m.uid, m.gid, m.mtime) for m in files.values()} == {(0, 0, 0)}
    assert files["app/app.py"].mode == 0o644 and files["app"].isdir()


def test_the_config_stands_on_that_of_the_base(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "p", {"src/app.py": "def run(): pass\n"})
    config = json.loads(image(root, cache, "src/app.run").blobs[-1].content or b"")
    assert config["config"]["Env"][:2] == ["PATH=/bin", "LANG=C"]
    assert "PYTHONPATH=/app:/app/src" in config["config"]["Env"]
    assert config["config"]["WorkingDir"] == "/app" and config["config"]["User"] == "10001:10001"
    assert "Cmd" not in config["config"]


@pytest.mark.parametrize("excluded", first_of(["idna/*", ""], ["some", "none"]))
def test_what_is_excluded_is_in_no_layer(tmp_path: Path, cache: Path, excluded: str) -> None:
    root = write(tmp_path / "p", PROJECT)
    made = build(Source(str(root), "app.run", RUNTIME, image=True, python={"exclude": [excluded] if excluded else []}),
                 cache=cache)
    names = set[str]()
    for layer in project_layers(made.path, {}, cache):
        with tarfile.open(layer.path) as archive:
            names |= set(archive.getnames())
    assert ("app/idna/core.py" in names) is not bool(excluded)
