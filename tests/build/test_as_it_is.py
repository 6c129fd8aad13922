"""A folder that is the bundle as it is, and hooks that change a bundle before it is zipped."""
from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sst.build.artefact import build, fingerprint
from sst.build.hooks import keep_hook
from sst.build.source import Source
from sst.errors import UserError

from .projects import RUNTIME, call, names, unpack, write

HANDLER = "def handler(e, c): return 1\n"


def prebuilt(root: Path) -> Source:
    write(root, {"dist/api.py": HANDLER, "dist/lib/data.txt": "x", "dist/.env": "SECRET=1", "api.py": "broken("})
    return Source(str(root), "api.handler", RUNTIME, bundle="dist")


def test_a_folder_is_uploaded_as_it_is_with_our_runtime(tmp_path: Path) -> None:
    source = prebuilt(tmp_path / "p")
    made = build(source, cache=tmp_path / "cache")
    there = set(names(made))
    assert {"api.py", "lib/data.txt", "sst/__init__.py"} <= there and ".env" not in there
    assert made.handler == "api.handler"
    assert call(unpack(made, tmp_path / "out"), made.handler) == 1


def test_the_fingerprint_follows_the_folder_alone(tmp_path: Path) -> None:
    source = prebuilt(tmp_path / "p")
    before = fingerprint(source)
    (tmp_path / "p/api.py").write_text("other(")
    assert fingerprint(source) == before
    (tmp_path / "p/dist/lib/data.txt").write_text("longer")
    assert fingerprint(source) != before


@pytest.mark.parametrize(("handler", "bundle", "message"), [
    ("api.handler", "missing", 'bundle: there is no folder "missing"'),
    ("other.handler", "dist", 'there is no other.py in "dist"')])
def test_what_is_not_there_is_told(tmp_path: Path, handler: str, bundle: str, message: str) -> None:
    prebuilt(tmp_path / "p")
    with pytest.raises(UserError) as e:
        fingerprint(Source(str(tmp_path / "p"), handler, RUNTIME, bundle=bundle))
    assert message in str(e.value)


def writes(text: str) -> Callable[[Path], None]:
    def hook(folder: Path) -> None:
        (folder / "version.txt").write_text(text)
        (folder / "src/api.py").rename(folder / "src/renamed.py")
    return hook


def test_a_hook_changes_what_is_zipped(tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"src/api.py": HANDLER})
    source = Source(str(root), "src/api.handler", RUNTIME, hook=keep_hook(writes("1")))
    made = build(source, cache=tmp_path / "cache")
    assert {"version.txt", "src/renamed.py", "sst/__init__.py"} <= set(names(made))
    with zipfile.ZipFile(made.path) as archive:
        assert archive.read("version.txt") == b"1" and "src/api.py" not in archive.namelist()
    assert (root / "src/api.py").exists()
    again = build(Source(str(root), "src/api.handler", RUNTIME, hook=keep_hook(writes("1"))), cache=tmp_path / "cache")
    assert again.path == made.path
    other = Source(str(root), "src/api.handler", RUNTIME, hook=keep_hook(writes("2")))
    assert fingerprint(other) != fingerprint(source)


def test_a_hook_that_fails_or_is_unknown_is_told(tmp_path: Path) -> None:
    root = write(tmp_path / "p", {"src/api.py": HANDLER})

    def fails(folder: Path) -> None:
        raise ValueError("no")

    with pytest.raises(UserError, match=r"the postbuild hook of src/api.handler failed: ValueError: no") as e:
        build(Source(str(root), "src/api.handler", RUNTIME, hook=keep_hook(fails)), cache=tmp_path / "cache")
    assert "test_as_it_is.py:" in e.value.where
    with pytest.raises(UserError, match=r"needs its postbuild hook[\s\S]*sst deploy"):
        build(Source(str(root), "src/api.handler", RUNTIME, hook="0" * 32), cache=tmp_path / "cache")
