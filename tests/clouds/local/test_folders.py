"""Folders that are uploaded."""
from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from sst.build.project_files import ProjectFiles
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


def test_a_file_is_read_again_only_if_its_stamp_has_changed(tmp_path: Path) -> None:
    """Also one that was edited within its size, and got its former time back."""
    site, cache = tmp_path / "site", tmp_path / "cache"
    for folder in (site, cache):
        folder.mkdir()
    file = site / "a.txt"
    file.write_text("1")
    was = file.stat()
    (cache / "digests.json").write_text(json.dumps(
        {str(file): [was.st_mtime_ns, was.st_ctime_ns, was.st_size, was.st_ino, "of the last command"]}))

    def now() -> str:
        return read_folder(site, tmp_path, known=ProjectFiles(cache)).files[0].sha256

    assert now() == "of the last command"
    file.write_text("2")
    while file.stat().st_ctime_ns == was.st_ctime_ns:       # the clock of files is coarse
        os.utime(file)
    os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert now() == read_folder(site, tmp_path).files[0].sha256 == hashlib.sha256(b"2").hexdigest()
    (site / "b.txt").symlink_to("gone")
    file.unlink()
    assert not read_folder(site, tmp_path, known=ProjectFiles(cache)).files
