"""A Next.js site before its build: where it answers, and the functions that its server is split into."""
from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from sst import aws
from sst.core.graph import Graph
from sst.core.output import resolve
from sst.core.target import Target
from sst.errors import UserError
from tests.components.graphs import APP, program

SPLIT = """
import type { OpenNextConfig } from "@opennextjs/aws/types/open-next.js";
import { routes } from "./parts";

export default {
  default: { override: { wrapper: "aws-lambda-streaming" } },
  functions: { api: { routes, patterns: ["api/*"] }, "far-away": { routes: ["app/far/page"], patterns: ["far"] } },
} satisfies OpenNextConfig;
"""


def declared(root: Path, files: dict[str, str], path: str | None = None, *, target: Target | None = None,
             **more: Any) -> Graph:
    """A site with these files, at a path of a Router, or alone."""
    shutil.copytree(APP / "web", root / "web", dirs_exist_ok=True)
    for name, text in files.items():
        (root / "web" / name).write_text(text)
    with program(root=root, target=target) as graph:
        router: Any = {"router": {"instance": aws.Router("Main"), "path": path}} if path else {}
        if "cluster" in more:
            more["cluster"] = aws.Cluster("C", vpc=aws.Vpc("Net"))
        aws.Nextjs("Web", path="web", **router, **more)
    return graph


def goal(graph: Graph, name: str, *wanted: str) -> Any:
    """Inputs of a resource; None for one that is not given."""
    found = next(g for g in graph.goals.values() if g.urn.rpartition("::")[2] == name)
    values = [resolve(found.inputs.get(k), lambda urn, attr: f"<{urn.rpartition('::')[2]}.{attr}>") for k in wanted]
    return values[0] if len(values) == 1 else values


def of_config(text: str) -> dict[str, str]:
    return {"next.config.mjs": f"export default {{ {text} }};"}


@pytest.mark.parametrize(("config", "path", "more", "base"), [
    ('basePath: "/docs"', "/docs", {}, "/docs"), ("basePath: '/docs/'.slice(0, -1)", "/docs", {}, "/docs"),
    ('basePath: "/a/b"', None, {}, "/a/b"), ("basePath: process.env.BASE", None, {"base_path": "/x"}, "/x"),
    ("...shared", "/x", {"base_path": "/x"}, "/x"), ("// basePath: '/old'\n", None, {}, None), ("", "/", {}, None)])
def test_the_base_path_is_that_of_the_configuration(tmp_path: Path, config: str, path: str | None,
                                                    more: dict[str, Any], base: str | None) -> None:
    graph = declared(tmp_path, of_config(config), path, **more)
    assert goal(graph, "Web/Build", "base") == base
    assert goal(graph, "Web/Site", "immutable", "base") == [[f"{base or ''}/_next/static".lstrip("/")], None]


@pytest.mark.parametrize(("config", "path", "more", "words"), [
    ("", "/docs", {}, ["the Router leads /docs to Web, and the app has no basePath",
                       'basePath: "/docs" in next.config.mjs', '"domain" in router=']),
    ('basePath: "/docs"', "/", {}, ['leads / to Web, and the app has the basePath "/docs"', '"path": "/docs"']),
    ('"basePath": `/docs`', "/blog", {}, ['basePath: "/blog" in next.config.mjs, or router=', '"path": "/docs"']),
    ('basePath: "/docs"', None, {"base_path": "/x"}, ["base_path of Web is '/x'", "leave base_path out"]),
    ("", None, {"base_path": "docs/"}, ["can't be 'docs/'", 'base_path="/docs"'])])
def test_paths_that_differ_are_refused(tmp_path: Path, config: str, path: str | None, more: dict[str, Any],
                                       words: list[str]) -> None:
    with pytest.raises(UserError) as told:
        declared(tmp_path, of_config(config), path, **more)
    for word in words:
        assert word in f"{told.value} {told.value.hint}"


def test_a_server_that_is_split_is_planned_and_its_configuration_read_once(tmp_path: Path) -> None:
    files = {"open-next.config.ts": SPLIT, "parts.ts": 'export const routes = ["app/api/route"];'}
    graph = declared(tmp_path, files, server={"timeout": "30 seconds"}, functions={"api": {"memory": "2 GB"}}, warm=1,
                     environment={"MODE": "x"})
    assert goal(graph, "Web/Build", "functions") == ["api", "far-away"]
    assert goal(graph, "Web/Build", "command").endswith("@opennextjs/aws@4.1.16 build")
    for name, memory in (("ServerApi", 2048), ("ServerFarAway", 1024)):
        made, environment = f"Web/{name}/Function", goal(graph, f"Web/{name}/Function", "environment")
        assert [*goal(graph, made, "memory_size", "timeout"), environment["MODE"]] == [memory, 30, "x"]
        assert goal(graph, f"Web/Warm{name.removeprefix('Server')}1/Schedule", "schedule_expression")
    known = tmp_path / ".sst/next/Web.functions.json"
    assert {*json.loads(known.read_text())["inputs"]} == {"open-next.config.ts", "parts.ts"}
    known.write_text(known.read_text().replace("far-away", "kept"))
    assert goal(declared(tmp_path, files), "Web/Build", "functions") == ["api", "kept"]
    again = declared(tmp_path, {"parts.ts": "export const routes = [];"})
    assert goal(again, "Web/Build", "functions") == ["api", "far-away"]


@pytest.mark.parametrize(("config", "more", "words"), [
    ('functions: { api: { placement: "global" } }', {}, ["'api' of open-next.config.mjs is for the edge", "placement"]),
    ('functions: { api: { runtime: "edge" } }', {}, ["has the edge runtime", "it runs on Node"]),
    ("functions: {}, middleware: { external: true }", {}, ["has external middleware"]),
    ("functions: { api: {} }", {"functions": {"apo": {"memory": "2 GB"}}}, ["functions of Web has 'apo'", "has api"]),
    ("functions: { api: {} }", {"functions": {"api": {"size": "2 GB"}}}, ["'api' of Web can't have 'size'", "memory"]),
    ("functions: { api: {} }", {"cluster": "C"}, ["Web runs in a cluster", "splits it: api", "leave cluster out"]),
    ("functions: {", {}, ["open-next.config.mjs can't be read"])])
def test_functions_that_cant_be_are_refused(tmp_path: Path, config: str, more: dict[str, Any],
                                            words: list[str]) -> None:
    with pytest.raises(UserError) as told:
        declared(tmp_path, {"open-next.config.mjs": f"export default {{ {config} }};"}, **more)
    for word in words:
        assert word in f"{told.value} {told.value.hint}"
