"""Folders of sites are no part of functions, nor of a site that has them in its own."""
from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sst import aws
from sst.build.artefact import build
from sst.build.site.assemble import assemble
from sst.build.site.frameworks import READERS
from sst.build.source import Source
from sst.core.context import Context
from sst.core.graph import Graph
from sst.core.target import Target
from tests.components.graphs import Lookups

FILES = {"src/api.py": "from web.names import TITLE\n\n\ndef handler(event, context):\n    return TITLE\n",
         "src/note.txt": "kept", "web/__init__.py": "", "web/names.py": "TITLE = 'a'\n", "web/index.html": "one",
         "web/dist/index.html": "made", "pages/index.html": "page", "inner/site/index.html": "x",
         "inner/job.py": "def handler(event, context):\n    pass\n"}


def declared(root: Path, kind: str, program: Callable[[], object]) -> dict[str, dict[str, Any]]:
    """The inputs of all builds of a type, by their component."""
    context = Context(Target("local"), python="3.11", read_stage_key=lambda: b"k" * 32, open_lookups=Lookups)
    graph = Graph("shop", "local", root=str(root), context=context)
    with graph.active():
        program()
        graph.seal()
    return {g.urn.split("::")[-1].split("/")[0]: dict(g.inputs) for g in graph.goals.values() if g.type == kind}


def functions(root: Path) -> dict[str, dict[str, Any]]:
    def program() -> None:
        aws.Function("Api", handler="src/api.handler")
        aws.StaticSite("Pages", path="pages")
        aws.StaticSite("Web", path="web", build={"command": "make", "output": "dist"})
        aws.StaticSite("Inner", path="inner/site")
        aws.Function("Job", handler="inner/job.handler")

    return declared(root, "local.Build", program)


def test_a_page_is_no_part_of_a_function_but_what_its_handler_imports_is(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    before = functions(tmp_path)
    for page in ("web/index.html", "web/dist/index.html", "pages/index.html", "inner/site/index.html"):
        (tmp_path / page).write_text("changed")
    assert functions(tmp_path) == before
    made = build(Source.from_dict({**before["Api"]["source"], "root": str(tmp_path)}), cache=tmp_path / ".sst/cache")
    with zipfile.ZipFile(made.path) as archive:
        held = {n for n in archive.namelist() if not n.startswith(("sst/", "_sst"))}
    assert held == {"src/api.py", "src/note.txt", "web/__init__.py", "web/names.py", "inner/job.py"}
    assert made.fingerprint == before["Api"]["fingerprint"]
    (tmp_path / "web/names.py").write_text("TITLE = 'b'\n")
    assert functions(tmp_path)["Api"]["fingerprint"] != before["Api"]["fingerprint"]
    assert functions(tmp_path)["Job"]["fingerprint"] == before["Job"]["fingerprint"]


def test_a_page_is_no_part_of_a_server_at_the_top_of_the_repository(tmp_path: Path) -> None:
    files = {**FILES, "main.mjs": "", "package.json": '{"main": "main.mjs"}'}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    def program() -> None:
        aws.NodeServer("Api", entry="main.mjs", build_command="true")
        aws.StaticSite("Web", path="web", build={"command": "make", "output": "dist"})
        aws.StaticSite("Inner", path="inner/site")

    (tmp_path / "package-lock.json").write_text("{}")
    before = declared(tmp_path, "local.Site", program)["Api"]
    (tmp_path / "web/index.html").write_text("changed")
    assert declared(tmp_path, "local.Site", program)["Api"] == before
    assert before["apart"] == ["inner/site", "web", "web/dist"]
    made = assemble(tmp_path, READERS["node_server"](tmp_path, "main.mjs"), tmp_path / ".sst/cache", install=(),
                    note=lambda text: None, apart=before["apart"])
    with zipfile.ZipFile(made.code or "") as archive:
        assert {n for n in archive.namelist() if not n.startswith("sst-")} == {
            "main.mjs", "package.json", "package-lock.json", "src/api.py", "src/note.txt", "inner/job.py",
            "pages/index.html"}
    (tmp_path / "main.mjs").write_text("1")
    assert declared(tmp_path, "local.Site", program)["Api"] != before
