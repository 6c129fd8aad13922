"""Folders where a program expects mounted file systems."""
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sst.machine import mounts
from sst.machine.mounts import Mounts

namespaces = pytest.mark.skipif(sys.platform != "linux" or subprocess.run(
    ["unshare", "--user", "--map-root-user", "--mount", "true"], capture_output=True, check=False).returncode != 0,
    reason="nothing can be mounted here")


def names(folder: str) -> list[str]:
    return sorted(place.name for place in Path(folder).iterdir())


def run(made: Mounts, script: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(made.command(["sh", "-c", script]), cwd=cwd, capture_output=True, text=True, check=False)


@namespaces
def test_a_path_that_is_not_there_is_in_the_process_alone(tmp_path: Path) -> None:
    made = Mounts(str(tmp_path / "efs"), tuple(
        (str(tmp_path / f"efs/{n}"), path) for n, path in enumerate(("/mnt/sst-test", "/sst-test/deep", "/opt"))))
    there = names("/"), names("/mnt")
    done = run(made, "echo a > /mnt/sst-test/a; echo b > /sst-test/deep/b; echo c > /opt/c; pwd; ls -A /mnt; ls -A /",
               tmp_path)
    assert done.stderr == ""
    assert [(tmp_path / "efs" / str(n) / name).read_text() for n, name in enumerate("abc")] == ["a\n", "b\n", "c\n"]
    seen = done.stdout.split()
    assert seen[0] == str(tmp_path) and {*there[0], *there[1], "sst-test"} <= set(seen)
    assert (names("/"), names("/mnt")) == there


@namespaces
def test_the_exit_code_is_that_of_the_program(tmp_path: Path) -> None:
    made = Mounts(str(tmp_path), ((str(tmp_path / "a"), "/mnt/sst-test"),))
    assert run(made, "exit 3", tmp_path).returncode == 3
    assert subprocess.run(made.command(["sst-no-such-program"]), capture_output=True, check=False).returncode == 1


def test_a_link_stands_in_where_nothing_can_be_mounted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / ".sst/local/efs"
    folder, path = home / "fs-1", tmp_path / "data"
    folder.mkdir(parents=True)
    for _ in range(2):
        mounts.link(str(folder), str(path), str(home), "why")
    assert path.resolve() == folder and capsys.readouterr().err == ""
    Mounts(str(home), ((str(folder), ""),)).unlink()
    assert not path.is_symlink()


def test_an_old_link_of_ours_is_replaced_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / "efs"
    folder, old, own = home / "fs-1", tmp_path / "old", tmp_path / "own"
    folder.mkdir(parents=True)
    old.symlink_to("/gone/.sst/local/efs/fs-2")
    own.write_text("mine")
    mounts.link(str(folder), str(old), str(home), "why")
    mounts.link(str(folder), str(own), str(home), "why")
    said = capsys.readouterr().err
    assert old.resolve() == folder and own.read_text() == "mine"
    assert f"nothing can be mounted at {own}" in said and f"its files are in {folder}" in said and "(why)" in said


def test_a_variable_names_the_folder() -> None:
    assert Mounts("/h", (("/h/fs-1", "/mnt/efs"), ("/h/fs-2", "/var/lib/my-data"))).environment == {
        "SST_VOLUME_MNT_EFS": "/h/fs-1", "SST_VOLUME_VAR_LIB_MY_DATA": "/h/fs-2"}
