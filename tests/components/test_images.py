"""Images that components declare: of what, on what, and where they go."""
from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sst import aws
from sst.clouds.aws.client import Aws
from sst.clouds.aws.provider import AwsProvider
from sst.clouds.local.artefacts import Artefacts
from sst.clouds.local.provider import LocalProvider
from sst.core.graph import Graph
from sst.core.target import Target
from sst.embedded.cloud import Cloud
from sst.engine.deploy import deploy, remove
from sst.errors import UserError
from tests.build.image.test_registry import layout
from tests.build.projects import write
from tests.components.graphs import program, refused, shown
from tests.fakes import MemoryJournal, agree

H = "src/job.handler"


def cluster() -> aws.Cluster:
    return aws.Cluster("Main", vpc=aws.Vpc("Net"))


def inputs(graph: Graph, type: str) -> list[dict[str, Any]]:
    return [g["inputs"] for g in shown(graph) if g["urn"].partition("::")[0].rpartition("/")[2] == type]


def test_services_and_tasks_without_an_image_get_one_of_their_code() -> None:
    with program() as graph:
        main = cluster()
        aws.Service("Api", cluster=main, handler=H, load_balancer={"ports": [{"listen": "80/http"}]})
        aws.Task("Report", cluster=main, handler=H, base="ghcr.io/acme/python:1", architecture="arm64")
        aws.Service("Other", cluster=main, image="ghcr.io/acme/other:1")
    images = inputs(graph, "aws.ecr.Image")
    assert [i["base"] for i in images] == ["public.ecr.aws/docker/library/python:3.12-slim", "ghcr.io/acme/python:1"]
    assert [i["architecture"] for i in images] == ["x86_64", "arm64"]
    assert all(i["repository"] == "<Images.name>" for i in images) and len(inputs(graph, "aws.ecr.Repository")) == 1
    assert not [b for b in inputs(graph, "local.Build") if b["source"]["host"]]
    api, report, other = (d["container_definitions"][0] for d in inputs(graph, "aws.ecs.TaskDefinition"))
    assert api["image"] == "<Api/Image.image>" and report["image"] == "<Report/Image.image>"
    assert api["systemControls"][0]["namespace"].endswith("unprivileged_port_start"), "its user is not root"
    assert other["image"] == "ghcr.io/acme/other:1" and "systemControls" not in other


def test_a_push_waits_for_nothing_but_its_build_and_the_repository() -> None:
    with program() as graph:
        aws.Service("Api", cluster=cluster(), handler=H)
    (image,) = (g for g in shown(graph) if g["urn"].endswith("Api/Image"))
    assert image["needs"] == ["Api/Code", "Images"]


def test_each_account_and_region_has_a_repository() -> None:
    with program() as graph:
        us = aws.Provider("Us", region="us-west-2")
        for n in range(2):
            aws.Function(f"Here{n}", handler=H, container=True)
            aws.Function(f"There{n}", handler=H, container=True, provider=us)
    assert sorted(u for u in graph.goals if "ecr.Repo" in u) == [
        "aws.ecr.Repository::Images", "aws.ecr.Repository::UsImages",
        "aws.ecr.RepositoryPolicy::ImagesPolicy", "aws.ecr.RepositoryPolicy::UsImagesPolicy"]
    assert {g.provider for u, g in graph.goals.items() if u.endswith("UsImages")} == {"aws::Us"}


def test_a_function_in_a_container_stands_on_its_runtime() -> None:
    with program() as graph:
        aws.Function("Model", handler=H, container=True)
        aws.Function("Own", handler=H, container={"base": "ghcr.io/acme/lambda:1"}, streaming=True)
    model, own = inputs(graph, "aws.lambda.Function")
    assert model["package_type"] == "Image" and model["image_config"] == {"Command": ["<Model/Code.handler>"]}
    assert "handler" not in model and "runtime" not in model and model["code"] == {"image": "<Model/Image.image>"}
    assert own["image_config"]["EntryPoint"][-1] == "/var/task/sst/runtime/client.py"
    bases = [i["base"] for i in inputs(graph, "aws.ecr.Image")]
    assert bases == ["public.ecr.aws/lambda/python:3.12", "ghcr.io/acme/lambda:1"]


def test_a_command_of_node_makes_an_image_of_the_node_project(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text("{}")
    (tmp_path / "src").mkdir()
    (tmp_path / "src/web.mjs").write_text("console.log(1)")
    with program() as graph:
        graph.root = str(tmp_path)
        aws.Service("Web", cluster=cluster(), command=["node", "src/web.mjs"])
    (image,), (build,) = inputs(graph, "aws.ecr.Image"), inputs(graph, "local.Build")
    assert image["base"] == "public.ecr.aws/docker/library/node:24-slim" and image["language"] == "nodejs"
    assert build["source"]["handler"] == "src/web.*" and build["source"]["runtime"] == "nodejs24.x"
    with pytest.raises(UserError, match="of stage local run Python alone"), program(
            stage="local", target=Target("local")):
        aws.Service("Web", cluster=cluster(), command=["node", "src/web.mjs"])


@pytest.mark.long
@pytest.mark.emulator
def test_a_change_of_the_code_is_two_calls_beside_the_push(tmp_path: Path, cloud: Cloud) -> None:
    """A whole program, on the embedded cloud in the place of AWS; without tasks, so that nothing has to start."""
    root = write(tmp_path / "p", {"app/main.py": "async def app(scope, receive, send): ...\n",
                                  "requirements.txt": "uvicorn==0.35.0\n"})
    layout(root / "base")
    artefacts, journal = Artefacts(root, root / ".sst" / "cache"), MemoryJournal()
    local = LocalProvider(artefacts, environ=os.environ)
    with Aws(region=cloud.region, endpoint=cloud.endpoint, credentials=(cloud.access_key, cloud.secret_key),
             environment={}) as client:
        on_aws = AwsProvider(client, app="shop", stage="test", lineage="l", root=root, asset=artefacts.file_of)

        def run(change: Callable[..., Any], graph: Graph) -> Counter[str]:
            nonlocal journal
            before, journal = client.counts.copy(), MemoryJournal(journal.snapshot)
            change(graph, journal, lambda item: local if item.type.startswith("local.") else on_aws, lambda event: None,
                   confirm=agree).check()
            return client.counts - before

        def declared() -> Graph:
            with program() as graph:
                graph.root = str(root)
                aws.Service("Api", cluster=cluster(), handler="app.main:app", base="base", scaling={"min": 0, "max": 0},
                            load_balancer={"ports": [{"listen": "80/http"}]})
            (build,) = inputs(graph, "local.Build")
            assert build["source"]["python"] == {"exclude": ["base"]}, "what it stands on is no part of the code"
            return graph

        assert run(deploy, declared())["ecr.get_authorization_token"] == 1
        assert not run(deploy, declared())
        (root / "app/main.py").write_text("async def app(scope, receive, send): pass\n")
        assert run(deploy, declared()) == {"ecs.register_task_definition": 1, "ecs.update_service": 1}
        run(remove, Graph("shop", "test"))
        assert not client.call("ecr", "describe_repositories")["repositories"]


def test_stage_local_has_no_images() -> None:
    with program(stage="local", target=Target("local")) as graph:
        aws.Function("Model", handler=H, container=True)
        aws.Service("Api", cluster=cluster(), handler=H)
    assert not [u for u in graph.goals if "ecr" in u]
    (function,) = inputs(graph, "aws.lambda.Function")
    assert function["runtime"] == "python3.12" and "package_type" not in function
    assert all(b["source"]["image"] for b in inputs(graph, "local.Build")), "Lambda's limit of 250 MB is not theirs"


CASES: dict[str, tuple[Callable[[], object], tuple[str, ...]]] = {
    "base": (lambda: aws.Service("Api", cluster=cluster(), handler=H, base="No Image"),
             ("not the name of an image",)),
    "base of a function": (lambda: aws.Function("F", handler=H, container={"base": "x:y:z"}),
                           ("not the name of an image",)),
    "base and image": (lambda: aws.Service("Api", cluster=cluster(), image="a/b:1", base="a/c:1"), ("both image and",)),
    "layers": (lambda: aws.Function("F", handler=H, container=True, layers=["arn:x"]), ("layers are not for",)),
    "a runtime of one's own": (lambda: aws.Function("F", handler="bootstrap", bundle="src", runtime="provided.al2023",
                                                    container=True), ("container is for Python and Node",)),
    "no Dockerfile": (lambda: aws.Service("Api", cluster=cluster(), image={"context": "src"}),
                      ("there is no 'src/Dockerfile'", "relative to the config")),
    "odd options": (lambda: aws.Service("Api", cluster=cluster(), image={"tags": ["1"]}),  # type: ignore[typeddict-unknown-key]  # what is refused
                    ("has no 'tags'", "context, dockerfile, args, target")),
}


@pytest.mark.parametrize("case", CASES)
def test_a_mistake_is_told(case: str) -> None:
    declare, parts = CASES[case]
    said = refused(declare)
    assert all(part in said for part in parts), said
