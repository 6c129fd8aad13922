"""Images of the project in a repository: built once, pushed once, kept while they may run. On the embedded cloud."""
from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sst.build.artefact import fingerprint
from sst.build.image.image import digest_of
from sst.build.image.registry import Registry
from sst.build.source import Source
from sst.clouds.aws import ecs
from sst.clouds.aws.client import Aws
from sst.clouds.aws.ecr_image import KEPT, Image, Images
from sst.clouds.aws.ecr_registry import Registries
from sst.clouds.aws.provider import AwsProvider
from sst.clouds.local.artefacts import Artefacts
from sst.core.graph import Graph
from sst.engine.deploy import deploy, remove
from sst.errors import ProviderError
from sst.events import StepNote
from sst.plugins.lock import Lock
from tests.build.image.registry_server import RegistryServer, serving
from tests.build.image.test_registry import layout
from tests.build.projects import RUNTIME, write
from tests.fakes import MemoryJournal, agree

from ..provider_suite import Case, ProviderSuite, Stage

pytestmark = pytest.mark.emulator
FILES = {"app.py": "import idna\ndef run(): return 1\n", "requirements.txt": "idna==3.10\n"}


class Project:
    """A project, and the inputs of its image."""

    def __init__(self, root: Path, repository: Mapping[str, str], cache: Path) -> None:
        self.root, self.repository, self.cache = write(root, FILES), repository, cache
        layout(root / "base")
        self.artefacts = Artefacts(root, cache)

    def inputs(self, **more: Any) -> dict[str, Any]:
        source = Source(str(self.root), "app.run", RUNTIME, image=True, python={"exclude": ["base"]})
        data = {k: v for k, v in source.to_dict().items() if k != "root"}
        key = fingerprint(source, cache=self.cache)
        made = self.artefacts.make({"source": data, "fingerprint": key}, lambda _: None)
        return {"repository": self.repository["repositoryName"], "uri": self.repository["repositoryUri"],
                "base": "base", "code": {"path": str(made.path), "sha256": made.sha256}, **more}


@pytest.fixture
def repository(aws: Aws) -> Iterator[Mapping[str, str]]:
    name = f"images-{os.urandom(4).hex()}"
    yield aws.call("ecr", "create_repository", {"repositoryName": name})["repository"]
    aws.call("ecr", "delete_repository", {"repositoryName": name, "force": True})


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def project(tmp_path: Path, repository: Mapping[str, str], cache: Path) -> Project:
    return Project(tmp_path / "project", repository, cache)


@pytest.fixture
def stage(aws: Aws, project: Project) -> Stage:
    provider = AwsProvider(aws, app="app", stage="test", lineage="l", root=project.root,
                           asset=project.artefacts.file_of)
    return Stage(Case(provider, "aws", "aws.ecr.Image", {}, {}, {}, "digest"))


class TestImagesInTheSuite(ProviderSuite):
    @pytest.fixture
    def case(self, aws: Aws, project: Project, stage: Stage) -> Iterator[Case]:
        other = aws.call("ecr", "create_repository", {"repositoryName": f"other-{os.urandom(4).hex()}"})["repository"]
        yield replace(stage.case, inputs=project.inputs(), update={"command": ["python", "app.py"]}, keeps_id=False,
                      replace={"repository": other["repositoryName"], "uri": other["repositoryUri"]})
        aws.call("ecr", "delete_repository", {"repositoryName": other["repositoryName"], "force": True})


def tags(aws: Aws, repository: Mapping[str, str]) -> dict[str, list[str]]:
    found = aws.call("ecr", "describe_images", {"repositoryName": repository["repositoryName"]})["imageDetails"]
    return {i["imageDigest"]: sorted(i.get("imageTags", [])) for i in found}


def outputs(stage: Stage) -> Mapping[str, Any]:
    (state,) = stage.journal.snapshot.resources.values()
    return state.outputs


def opened(aws: Aws, project: Project) -> tuple[Registry, str]:
    """The registry and the repository's name in it."""
    host, _, name = str(project.repository["repositoryUri"]).partition("/")
    return Registries(AwsProvider(aws, app="a", stage="b", lineage="l")).of(host), name


def test_an_image_can_be_pulled_and_holds_the_project(aws: Aws, project: Project, stage: Stage) -> None:
    stage.deploy(project.inputs()).check()
    registry, name = opened(aws, project)
    kind, digest, manifest = registry.manifest(name, outputs(stage)["digest"])
    assert kind.startswith("application/vnd.oci.image.manifest") and outputs(stage)["image"].endswith(f"@{digest}")
    root = project.root.parent / "unpacked"
    for layer in json.loads(manifest)["layers"]:
        with tarfile.open(fileobj=io.BytesIO(registry.blob(name, layer["digest"]))) as archive:
            archive.extractall(root, filter="data")
    assert (root / "etc/made-by-a-test").is_file()
    config = json.loads(registry.blob(name, json.loads(manifest)["config"]["digest"]))["config"]
    path = ":".join(f"{root}{p}" for e in config["Env"] if e.startswith("PYTHONPATH=") for p in e[11:].split(":"))
    said = subprocess.run([sys.executable, "-s", "-c", "import app, idna, sst; print(app.run(), idna.__file__)"],
                          cwd=f"{root}{config['WorkingDir']}", env={"PYTHONPATH": path}, check=True, text=True,
                          capture_output=True).stdout
    assert said.startswith(f"1 {root}/app/idna/"), said


def test_a_change_of_the_code_sends_its_layer_alone(aws: Aws, project: Project, stage: Stage) -> None:
    stage.deploy(project.inputs()).check()
    (project.root / "app.py").write_text("def run(): return 2\n")
    inputs = project.inputs()
    before = aws.counts.copy()
    done = stage.deploy(inputs)
    done.check()
    assert aws.counts - before == {}, "the token of the first deploy still holds"
    (sent, size), = (found.groups() for e in stage.events if isinstance(e, StepNote)
                     and (found := re.match(r"([\d,]+) of ([\d,]+) bytes were sent", e.text)))
    registry, name = opened(aws, project)
    manifest = json.loads(registry.manifest(name, outputs(stage)["digest"])[2])
    new = manifest["layers"][-1]["size"] + manifest["config"]["size"]
    assert int(sent.replace(",", "")) == new < int(size.replace(",", ""))
    live = [t for found in tags(aws, project.repository).values() for t in found if t.startswith("live-")]
    assert len(live) == 2, "the one that ran until now is kept, too"


def test_an_image_that_is_there_is_neither_built_nor_sent(aws: Aws, project: Project, stage: Stage,
                                                          tmp_path: Path) -> None:
    first = project.inputs()
    stage.deploy(first).check()
    digest = outputs(stage)["digest"]
    stage.deploy(project.inputs(command=["python", "-V"])).check()
    stage.deploy({**first, "code": {**first["code"], "path": str(tmp_path / "cleaned.zip")}}).check()
    assert outputs(stage)["digest"] == digest and outputs(stage)["turn"] == 3


def test_images_that_may_run_keep_a_tag(aws: Aws, project: Project, stage: Stage) -> None:
    inputs = project.inputs()
    for n in range(3):
        stage.deploy({**inputs, "command": ["python", str(n)]}).check()
    found = tags(aws, project.repository)
    assert len(found) == 3 and all(any(t.startswith("live-") for t in every) for every in found.values())
    assert KEPT > 10
    stage.deploy(None).check()
    assert not tags(aws, project.repository)


def test_an_image_that_still_runs_is_kept_whatever_is_pushed_after_it(aws: Aws, project: Project, stage: Stage) -> None:
    """The service stays on its first image, as after deployments that were rolled back. Each third push looks."""
    assert isinstance(stage.case.provider, AwsProvider)
    stage.case = replace(stage.case, provider=Images(stage.case.provider, kept=3))
    inputs, cluster = project.inputs(), f"c-{os.urandom(4).hex()}"
    aws.call("ecs", "create_cluster", {"clusterName": cluster})

    def push(times: int) -> None:
        for _ in range(times):
            stage.deploy({**inputs, "command": ["python", os.urandom(4).hex()]}).check()

    def live(digest: str) -> bool:
        return any(t.startswith("live-") for t in tags(aws, project.repository).get(digest, ()))

    push(1)
    first = outputs(stage)
    definition = aws.call("ecs", "register_task_definition", {"family": cluster, "containerDefinitions": [
        {"name": "web", "image": first["image"], "essential": True, "memory": 64}]})["taskDefinition"]
    aws.call("ecs", "create_service", {"cluster": cluster, "serviceName": "web", "desiredCount": 0,
                                       "taskDefinition": definition["taskDefinitionArn"]})
    push(1)
    second = outputs(stage)["digest"]
    push(5)
    assert live(first["digest"]) and not live(second)
    aws.call("ecs", "delete_service", {"cluster": cluster, "service": "web", "force": True})
    push(3)
    assert not live(first["digest"]), "it does not run any more"
    aws.call("ecs", "delete_cluster", {"cluster": cluster})


def test_a_change_of_the_code_of_a_service_is_two_calls_beside_the_push(aws: Aws, project: Project,
                                                                        stage: Stage) -> None:
    """On AWS a service has tasks; here none, so that nothing has to start."""
    journal = MemoryJournal()

    def deploy_service() -> Counter[str]:
        nonlocal journal
        before, graph = aws.counts.copy(), Graph("app", "test", root=str(project.root))
        with graph.active():
            image = Image("Image", **project.inputs())
            cluster = ecs.Cluster("Cluster")
            definition = ecs.TaskDefinition("Definition", container_definitions=[
                {"name": "web", "image": image.image, "essential": True}], cpu="256", memory="512",
                requires_compatibilities=["FARGATE"])
            ecs.Service("Service", cluster=cluster.name, name="web", task_definition=definition.arn, desired_count=0)
            graph.seal()
        journal = MemoryJournal(journal.snapshot)
        deploy(graph, journal, lambda item: stage.case.provider, lambda event: None, confirm=agree).check()
        return aws.counts - before

    assert deploy_service()["ecr.get_authorization_token"] == 1
    assert not deploy_service()
    (project.root / "app.py").write_text("def run(): return 4\n")
    assert deploy_service() == {"ecs.register_task_definition": 1, "ecs.update_service": 1}
    remove(Graph("app", "test"), MemoryJournal(journal.snapshot), lambda item: stage.case.provider,
           lambda event: None, confirm=agree).check()


def test_a_base_is_asked_once_and_kept_in_the_lock(project: Project, stage: Stage) -> None:
    with serving(auth="bearer") as server:
        digest = server.base("python", "slim")
        base = f"{server.host}/python:slim"
        login(project, stage, server)
        stage.deploy(project.inputs(base=base)).check()
        assert Lock.read(project.root).images == {base: digest} and outputs(stage)["base_digest"] == digest
        asked = len(server.asked)
        server.base("python", "slim", layer=b"a newer base")
        (project.root / "app.py").write_text("def run(): return 3\n")
        stage.deploy(project.inputs(base=base)).check()
        assert outputs(stage)["base_digest"] == digest and len(server.asked) == asked, "the registry is not asked again"
        assert not stage.plan(project.inputs(base=base)).changes, "an image that nothing changed"
        (project.root / "sst.lock").unlink()
        newer = server.base("python", "slim", layer=b"a newer base")
        Lock().with_image(base, newer).write(project.root)
        stage.deploy(project.inputs(base=base)).check()
        assert outputs(stage)["base_digest"] == newer


def test_a_folder_that_holds_another_image_is_another_base(project: Project, stage: Stage) -> None:
    stage.deploy(project.inputs()).check()
    first = outputs(stage)["digest"]
    assert not stage.plan(project.inputs()).changes
    shutil.rmtree(project.root / "base")
    layout(project.root / "base", "etc/newer")
    assert [s.changed for s in stage.plan(project.inputs()).changes] == [frozenset({"base"})]
    stage.deploy(project.inputs()).check()
    assert outputs(stage)["digest"] != first


def login(project: Project, stage: Stage, server: RegistryServer) -> None:
    """As `docker login` leaves it; read from where the client's environment says."""
    (project.root / "config.json").write_text(json.dumps({"auths": {server.host: {"auth": "dGVzdGVyOnMzY3JldA=="}}}))
    provider = stage.case.provider
    assert isinstance(provider, AwsProvider)
    provider.aws.settings.environment = {"DOCKER_CONFIG": str(project.root)}


def test_a_base_that_does_not_exist_is_named(project: Project, stage: Stage) -> None:
    with serving() as server:
        (failure,) = stage.deploy(project.inputs(base=f"{server.host}/python:none")).failures
    assert f"the image {server.host}/python:none does not exist" in failure.error.message
    assert "base=" in failure.error.hint and "Config(registry=" in failure.error.hint


def test_the_registry_wants_the_token_and_all_layers(aws: Aws, project: Project, stage: Stage) -> None:
    stage.deploy(project.inputs()).check()
    registry, name = opened(aws, project)
    manifest = registry.manifest(name, outputs(stage)["digest"])[2]
    odd = manifest.replace(json.loads(manifest)["layers"][0]["digest"].encode(), digest_of(b"none").encode())
    with pytest.raises(ProviderError, match="blob unknown to registry"):
        registry.put_manifest(name, "odd", "application/vnd.oci.image.manifest.v1+json", odd)
    for operation, params, code in (("put_image", {"imageManifest": odd.decode(), "imageTag": "odd"}, "LayersNotFound"),
                                    ("describe_images", {"imageIds": [{"imageTag": "none"}]}, "ImageNotFound"),
                                    ("create_repository", {}, "RepositoryAlreadyExists")):
        with pytest.raises(ProviderError) as e:
            aws.call("ecr", operation, {"repositoryName": name, **params})
        assert e.value.code == f"{code}Exception"
    registry.keys = lambda _: ("AWS", "wrong")
    with pytest.raises(ProviderError, match="refuses access"):
        registry.manifest(name, outputs(stage)["digest"])
