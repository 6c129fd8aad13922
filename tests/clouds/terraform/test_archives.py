"""`archive` without a plugin."""
from __future__ import annotations

import base64
import hashlib
import io
import os
import re
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sst.clouds.terraform.catalogue import Catalogue
from sst.core.model import Op
from sst.errors import UserError

from .test_programs import Stage, local, stage

__all__ = ["local", "stage"]


def packed(**given: Any) -> Callable[[], None]:
    """A program with an archive of src, and a value that follows its sum."""
    def declare() -> None:
        from sst.providers import archive, random

        code = archive.File("Code", **{"type": "zip", "source_dir": "src", "output_path": "out/code.zip", **given})
        random.Pet("Follows", keepers={"sum": code.output_base64sha256})

    return declare


@pytest.fixture
def src(project: Catalogue) -> Path:
    folder = project.root / "src"
    (folder / "lib").mkdir(parents=True)
    (folder / "a.py").write_text("a = 1\n")
    (folder / "run").write_text("#!/bin/sh\n")
    (folder / "run").chmod(0o750)
    (folder / "lib/b.txt").write_text("b")
    (folder / "lib/b.log").write_text("log")
    return folder


@pytest.mark.parametrize("where", ["stage", "local"])
def test_it_follows_what_the_folder_holds(where: str, request: pytest.FixtureRequest, project: Catalogue,
                                          src: Path) -> None:
    at: Stage = request.getfixturevalue(where)
    program = packed(excludes=["**/*.log"])
    at.deploy(program).check()
    file, one = project.root / "out/code.zip", at.state("Code").outputs
    content = file.read_bytes()
    assert one["output_sha256"] == hashlib.sha256(content).hexdigest() and one["output_size"] == len(content)
    assert one["output_md5"] == hashlib.md5(content).hexdigest()
    assert one["id"] == one["output_sha"] == hashlib.sha1(content).hexdigest()
    assert one["output_base64sha512"] == base64.b64encode(hashlib.sha512(content).digest()).decode()
    with zipfile.ZipFile(file) as opened:
        assert {i.filename: i.external_attr >> 16 & 0o777 for i in opened.infolist()} == {
            "a.py": 0o644, "lib/b.txt": 0o644, "run": 0o755}
    assert not at.plan(program).changes

    os.utime(src / "a.py", (1, 1))
    (src / "lib/b.log").write_text("another log")
    assert not at.plan(program).changes, "neither dates nor what is left out count"
    (src / "a.py").write_text("a = 2\n")
    steps = {s.urn.rpartition("::")[2]: s for s in at.plan(program).changes}
    assert (steps["Code"].op, steps["Code"].changed, steps["Follows"].op) == (Op.UPDATE, {"source_dir"}, Op.REPLACE)
    planned = steps["Follows"].inputs["keepers"]["sum"]
    at.deploy(program).check()
    assert at.state("Follows").inputs["keepers"]["sum"] == planned == at.state("Code").outputs["output_base64sha256"]
    file.unlink()
    assert [s.changed for s in at.plan(program).changes] == [{"output_path"}], "as on another machine"
    at.deploy(program).check()
    assert hashlib.sha256(file.read_bytes()).hexdigest() == at.state("Code").outputs["output_sha256"]
    at.remove().check()


def test_the_same_contents_give_the_same_bytes(stage: Stage, project: Catalogue, src: Path) -> None:
    def program() -> None:
        from sst.providers import archive

        archive.File("Zip", type="zip", output_path="1.zip", source=[
            {"filename": "z", "content": "1"}, {"filename": "a/b", "content": "2"}])
        archive.File("Again", type="zip", output_path="2.zip", source=[
            {"filename": "a/b", "content": "2"}, {"filename": "z", "content": "1"}])
        archive.File("Tar", type="tar.gz", output_path="3.tar.gz", source_file="src/run", output_file_mode="0600")
        archive.File("One", type="zip", output_path="4.zip", source_content="x", source_content_filename="x.txt")

    stage.deploy(program).check()
    assert (project.root / "1.zip").read_bytes() == (project.root / "2.zip").read_bytes()
    with tarfile.open(fileobj=io.BytesIO((project.root / "3.tar.gz").read_bytes())) as opened:
        assert [(m.name, m.mode, m.mtime) for m in opened.getmembers()] == [("run", 0o600, 0)]
    assert zipfile.ZipFile(project.root / "4.zip").read("x.txt") == b"x"


def test_links_to_folders_end_and_can_be_left_out(stage: Stage, project: Catalogue, src: Path) -> None:
    (src / "loop").symlink_to(src)
    (src / "more").symlink_to(src / "lib")
    stage.deploy(packed(output_path="src/code.zip")).check()
    names = zipfile.ZipFile(src / "code.zip").namelist()
    assert "more/b.txt" in names and not any(n.startswith("loop") for n in names) and "code.zip" not in names
    assert not stage.plan(packed(output_path="src/code.zip")).changes
    stage.deploy(packed(exclude_symlink_directories=True)).check()
    assert "more/b.txt" not in zipfile.ZipFile(project.root / "out/code.zip").namelist()


def test_a_data_source_packs_for_the_plan(stage: Stage, project: Catalogue, src: Path) -> None:
    def program() -> None:
        from sst.providers import archive, random

        code = archive.data.File("Code", type="zip", source_file="src/a.py", output_path="a.zip")
        random.Pet("Follows", keepers={"sum": code.output_md5})

    step = next(s for s in stage.plan(program).steps if s.urn.endswith("::Follows"))
    assert step.inputs["keepers"]["sum"] == hashlib.md5((project.root / "a.zip").read_bytes()).hexdigest()
    stage.deploy(program).check()
    assert not stage.plan(program).changes


def test_a_source_that_is_made_during_the_deploy(stage: Stage, project: Catalogue, src: Path) -> None:
    assert next(s for s in stage.plan(packed(source_dir="dist")).changes if s.urn.endswith("Follows")).op is Op.CREATE
    failure, = stage.deploy(packed(source_dir="dist")).failures
    assert "archive:File: source_dir: dist is not there" in str(failure.error)
    (project.root / "dist").mkdir()
    stage.deploy(packed(source_dir="dist")).check()


@pytest.mark.parametrize(("given", "message"), [
    ({"source_dir": None}, "one of source, source_content_filename, source_file, source_dir is needed"),
    ({"source_file": "a"}, "is needed, and there are source_file and source_dir"),
    ({"type": "rar"}, "type: 'rar' is not zip or tar.gz"),
    ({"output_file_mode": "rw-"}, "output_file_mode: 'rw-' is not an octal mode, as 0644"),
])
def test_arguments_that_do_not_fit(stage: Stage, src: Path, given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        stage.plan(packed(**given))
