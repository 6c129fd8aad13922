"""Folders that are uploaded."""
from __future__ import annotations

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
