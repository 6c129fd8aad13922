"""Where objects lie on the disk."""
from __future__ import annotations

import os
from pathlib import Path

from sst.embedded.patches.objects import real_path


def test_real_paths_are_those_of_the_system(tmp_path: Path) -> None:
    bucket = tmp_path / "account" / "bucket"
    (bucket / "folder").mkdir(parents=True)
    (bucket / "plain").touch()
    (tmp_path / "elsewhere").touch()
    (bucket / "out").symlink_to(tmp_path / "elsewhere")
    (bucket / "folder" / "up").symlink_to("..")
    (tmp_path / "linked").symlink_to(tmp_path / "account")
    for name in ("account/bucket", "account/bucket/plain", "account/bucket/out", "account/bucket/folder/up/plain",
                 "account/bucket/not/there", "linked/bucket/plain", "linked", "account/bucket/folder/..",
                 "account/bucket/folder/", "account/./bucket", "account/bucket/folder/../plain"):
        path = f"{tmp_path}/{name}"
        assert real_path(path) == os.path.realpath(path)
    before = real_path(f"{bucket}/later/key")
    (bucket / "later").mkdir()
    (bucket / "later" / "key").symlink_to(tmp_path / "elsewhere")
    assert before != real_path(f"{bucket}/later/key") == os.path.realpath(tmp_path / "elsewhere")
