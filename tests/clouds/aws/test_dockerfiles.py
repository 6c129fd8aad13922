"""Images of a Dockerfile: whichever program answers builds them; a program that does not is passed over."""
from __future__ import annotations

import os
from pathlib import Path

import pytest

from sst.build.image.dockerfile import built_of_folder, commands, engine
from sst.clouds.local.runner import Runner
from sst.errors import UserError
from tests.build.projects import write

DOCKERFILE = 'FROM scratch\nARG WORD=none\nCOPY a.txt /a.txt\nENV WORD=$WORD\nCMD ["/a"]\n'


def program(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_one_that_does_not_answer_is_passed_over(tmp_path: Path) -> None:
    program(tmp_path, "buildah", "exec sleep 60")
    program(tmp_path, "podman", 'test "$1" = info')
    assert engine({"PATH": f"{tmp_path}:/usr/bin:/bin"}, seconds=0.5) == "podman"


def test_none_of_them_is_an_error_that_says_what_else_there_is(tmp_path: Path) -> None:
    program(tmp_path, "buildah", "exit 1")
    program(tmp_path, "docker", 'test "$1" = buildx || exit 1')
    with pytest.raises(UserError) as e:
        engine({"PATH": str(tmp_path)})
    assert "buildah has no engine that runs" in e.value.message and "podman is not installed" in e.value.message
    assert "docker has no engine" in e.value.message and "handler=" in e.value.hint


@pytest.mark.long
def test_a_dockerfile_is_built_to_the_same_bytes_each_time(tmp_path: Path) -> None:
    try:
        name = engine(os.environ)
    except UserError:
        pytest.skip("no buildah, podman or docker answers; on Debian: apt-get install buildah")
    root = write(tmp_path / "p", {"Dockerfile": DOCKERFILE, "a.txt": "hello"})
    built = []
    for n in range(2):
        to = tmp_path / f"sst-test-{n}"
        for line in commands(name, root / "Dockerfile", root, to, architecture="x86_64", args={"WORD": "two"},
                             target=""):
            Runner(os.environ).run(line, root, {}, lambda text: None)
        built.append(built_of_folder(to, "x86_64", "Dockerfile"))
    assert built[0].manifest == built[1].manifest
    config = built[0].blobs[-1].content
    assert isinstance(config, Path) and b'"WORD=two"' in config.read_bytes()
