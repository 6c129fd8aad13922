"""A folder that is the bundle as it is, and hooks that change a bundle before it is zipped."""
from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from sst.build.artefact import build, fingerprint, warnings
from sst.build.hooks import keep_hook
from sst.build.project_files import ProjectFiles
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


def linked(root: Path, links: Mapping[str, str]) -> Path:
    for name, target in links.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(target)
    return root


def test_nothing_but_credentials_is_left_out_of_it(tmp_path: Path) -> None:
    root = linked(write(tmp_path / "p", {
        "dist/api.mjs": "export const handler = () => 1\n", "dist/node_modules/a/index.js": "", "dist/b/x.pyc": "",
        "dist/certifi/cacert.pem": "-----BEGIN CERTIFICATE-----\n", "dist/key.pem": "-----BEGIN PRIVATE KEY-----\n",
        "dist/x/.env": "", "lib/y/z.js": ""}), {"dist/lib": "../lib", "lib/y/round": ".."})
    source = Source(str(root), "api.handler", "nodejs22.x", bundle="dist")
    assert names(build(source, cache=tmp_path / "cache")) == [
        "api.mjs", "b/x.pyc", "certifi/cacert.pem", "lib/y/z.js", "node_modules/a/index.js"]
    (told,) = warnings(source, ProjectFiles())
    assert told.startswith("key.pem, x/.env in dist is left out: credentials")


STORE = {"dist/api.mjs": "export const handler = () => 1\n", "dist/package.json": '{"dependencies": {"a": "1"}}',
         "dist/node_modules/.pnpm/a@1/node_modules/a/package.json": '{"name": "a", "dependencies": {"b": "1"}}',
         "dist/node_modules/.pnpm/b@1/node_modules/b/package.json": '{"name": "b"}'}


def test_packages_in_the_store_of_pnpm_are_laid_out_in_folders(tmp_path: Path) -> None:
    root = linked(write(tmp_path / "p", STORE), {
        "dist/node_modules/a": ".pnpm/a@1/node_modules/a",
        "dist/node_modules/.pnpm/a@1/node_modules/b": "../../b@1/node_modules/b"})
    made = build(Source(str(root), "api.handler", "nodejs22.x", bundle="dist"), cache=tmp_path / "cache")
    assert names(made) == ["api.mjs", "node_modules/a/package.json", "node_modules/b/package.json", "package.json"]


@pytest.mark.parametrize(("target", "message"), [
    ("../../outside", "leads out of"), ("/", "leads out of"), ("../.env", "leads to credentials"),
    ("../node_modules/.pnpm/a@1/node_modules/a", "hint: `pnpm deploy` makes a folder that is complete")])
def test_a_link_in_it_that_can_not_be_followed_is_refused(tmp_path: Path, target: str, message: str) -> None:
    write(tmp_path, {"outside/x.txt": "", "p/.env": "", "p/dist/api.mjs": "",
                     "p/node_modules/.pnpm/a@1/node_modules/a/package.json": "{}"})
    linked(tmp_path / "p", {"dist/lib": target})
    with pytest.raises(UserError, match=message):
        fingerprint(Source(str(tmp_path / "p"), "api.handler", "nodejs22.x", bundle="dist"))


def test_folders_behind_links_are_copied_if_they_are_inside(tmp_path: Path) -> None:
    root = linked(write(tmp_path, {"p/api.py": HANDLER, "p/.gitignore": "t\n", "p/t/a.txt": "", "p/u/b.txt": "",
                                   "p/u/.env": "", "outside/c.txt": ""}) / "p",
                  {"t/u": "../u", "t/out": "../../outside", "t/self": "."})
    source = Source(str(root), "api.handler", RUNTIME, copy_files=(("t", "t"),))
    assert {n for n in names(build(source, cache=tmp_path / "cache")) if n.startswith("t/")} == {"t/a.txt", "t/u/b.txt"}
    assert warnings(source, ProjectFiles()) == ["t/out is a link that leads out of the project: it is left out"]


@pytest.mark.parametrize(("handler", "bundle", "message"), [
    ("api.handler", "missing", 'bundle: there is no folder "missing"'),
    ("../api.handler", "dist", 'Handler not found: "../api.handler"'),
    ("api:app", "dist", "must be a function"),
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
