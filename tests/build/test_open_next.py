"""What OpenNext makes of a Next.js app with a base path and functions, as it wrote it, becomes a site."""
from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest

from sst.build.site.assemble import assemble, check_base, check_functions
from sst.build.site.frameworks import READERS
from sst.errors import UserError

RECORDED = Path(__file__).parent / "golden" / "open-next.output.json"
FILES = {".next/BUILD_ID": "b1", ".next/routes-manifest.json": '{"basePath": "/docs"}', "package.json": "{}",
         ".open-next/assets/robots.txt": "User-agent: *", ".open-next/assets/_next/static/a.js": "1",
         ".open-next/assets/logo.png": "png", ".open-next/cache/b1/isr.cache": "{}",
         ".open-next/image-optimization-function/index.mjs": "", ".open-next/revalidation-function/index.mjs": "",
         **{f".open-next/server-functions/{name}/index.mjs": name for name in ("default", "api", "posts")}}


@pytest.fixture
def built(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / "web" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "web" / name).write_text(text)
    shutil.copyfile(RECORDED, tmp_path / "web/.open-next/open-next.output.json")
    return tmp_path / "web"


def test_each_function_has_its_own_code_and_files_lie_below_the_base_path(built: Path) -> None:
    output = READERS["next"](built, "")
    made = assemble(built, output, built.parent / "cache", install=(), note=lambda text: None)
    assert {p.relative_to(made.static).as_posix() for p in made.static.rglob("*") if p.is_file()} == {
        "docs/robots.txt", "docs/_next/static/a.js", "docs/logo.png"}
    assert made.data and {*output.data} == {"_cache/b1/isr.cache", "_assets/docs/logo.png", "_tags/b1.json"}
    assert output.routes == (("^/docs/_next/image.*$", ""), ("^/docs/api/.*$", "api"), ("^/docs/blog/.*$", "posts"))
    assert {*made.functions} == {"api", "posts"} and made.code
    for name, streams in (("api", "true"), ("posts", "false")):
        with zipfile.ZipFile(made.functions[name].path) as archive:
            assert {n for n in archive.namelist() if n.startswith(".open-next")} == {
                f".open-next/server-functions/{name}/index.mjs"}
            assert f"streams: {streams}" in archive.read("sst-entry.mjs").decode()
    with zipfile.ZipFile(made.code) as archive:
        assert 'image: "/docs/_next/image"' in archive.read("sst-entry.mjs").decode()
    before = made
    (built / ".open-next/server-functions/posts/index.mjs").write_text("changed")
    made = assemble(built, READERS["next"](built, ""), built.parent / "cache", install=(), note=lambda text: None)
    changed = [name for name in made.functions if made.functions[name].sha256 != before.functions[name].sha256]
    assert changed == ["posts"] and made.sha256 == before.sha256


def test_a_build_that_is_not_what_the_plan_has(built: Path) -> None:
    output = READERS["next"](built, "")
    check_base(output, "/docs")
    check_functions(output, ["posts", "api"])
    for expected, words in (("", 'base_path="/docs"'), ("/x", "basePath: '/x' in next.config")):
        with pytest.raises(UserError) as told:
            check_base(output, expected)
        assert told.value.hint and words in told.value.hint
    with pytest.raises(UserError, match="splits the server: api, posts; the plan has none"):
        check_functions(output, [])


@pytest.mark.parametrize(("change", "words"), [
    ({"wrapper": "node"}, "'api' of the build is for another host than Lambda"), ({"type": "ecs"}, "another host")])
def test_a_function_for_another_host(built: Path, change: dict[str, str], words: str) -> None:
    file = built / ".open-next/open-next.output.json"
    about = json.loads(file.read_text())
    about["origins"]["api"].update(change)
    file.write_text(json.dumps(about))
    with pytest.raises(UserError, match=words):
        READERS["next"](built, "")
