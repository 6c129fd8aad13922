"""Folders that are uploaded."""
from __future__ import annotations

import os
from pathlib import Path

import pytest

from sst.clouds.local.folders import read_folder
from sst.errors import UserError


@pytest.mark.parametrize(("target", "said"), [
    ("../../passwd", "leads out of"), ("/etc/hosts", "leads out of"), ("../.env", "leads to credentials"),
    ("../keys/id_rsa", "leads to credentials"), ("hop", "leads to credentials"), ("../logo.png", ""), ("gone", "")])
def test_a_link_brings_nothing_from_elsewhere_into_an_upload(tmp_path: Path, target: str, said: str) -> None:
    root = tmp_path / "project"
    for name in ("dist/index.html", ".env", "keys/id_rsa", "logo.png", "../passwd"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    if target == "hop":
        (root / "hop").symlink_to("keys/id_rsa")
        target = "../hop"
    (root / "dist/link.txt").symlink_to(target)
    if said:
        with pytest.raises(UserError, match=rf"link\.txt {said}"):
            read_folder(root / "dist", root)
    else:
        names = [f.name for f in read_folder(root / "dist", root).files]
        assert names == ["index.html", *(["link.txt"] if target != "gone" else [])]


def test_a_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(UserError, match=r"loop can't be read: Too many levels of symbolic links"):
        read_folder(tmp_path, tmp_path)


def test_links_to_folders_and_what_is_no_file_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "in/deep").mkdir(parents=True)
    for name in ("b", "in/a", "in/deep/c", ".hidden"):
        (tmp_path / name).write_text(name)
    (tmp_path / "again").symlink_to("in")
    os.mkfifo(tmp_path / "pipe")
    assert [f.name for f in read_folder(tmp_path, tmp_path).files] == [".hidden", "b", "in/a", "in/deep/c"]
