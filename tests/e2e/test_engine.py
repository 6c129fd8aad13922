"""Images on stage ``local``, run by a real podman: with no image of a registry, and storage of its own."""
from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from sst.embedded.containers.foreign import Client, EngineContainer, Wanted
from sst.machine.container_engine import ContainerEngine
from tests.e2e.project import Project, call, eventually, project

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.long]

IMAGE = "localhost/sst-test-web:1"
CONFIG = f'''
import sst
from sst import aws

def config(input):
    return sst.Config(name="shop", home="local", local={{"engine": "podman"}})

def run():
    cluster = aws.Cluster("Cluster", vpc=aws.Vpc("Net"))
    files, token = aws.Bucket("Files"), sst.Secret("Token", "s3cret-value")
    api = aws.Service("Api", cluster=cluster, image="{IMAGE}", link=[files, token],
                      environment={{"TEXT": "two\\nlines", "URL": "http://127.0.0.1:4000", "OWN": "127.0.0.1:8080"}},
                      command=["sh", "/serve"], scaling={{"min": 2, "max": 2}}, load_balancer={{
                          "ports": [{{"listen": "80/http", "forward": "8080/http"}}],
                          "health": {{"8080/http": {{"path": "/cgi-bin/show"}}}}}})
    report = aws.Task("Report", cluster=cluster, image={{"context": "report"}})
    aws.Function("Runner", handler="runner.handler", link=[report], timeout="30 seconds")
    return {{"url": api.url}}
'''
SERVE = """
echo serving
httpd -f -p 8080 -h /www &
trap 'echo leaving; kill $!; exit 0' TERM
wait
"""
SHOW = r"""#!/bin/sh
printf 'Content-Type: text/plain\n\n'
env
at=${AWS_ENDPOINT_URL#http://}
echo "cloud=$(printf 'GET / HTTP/1.0\r\n\r\n' | nc ${at%:*} ${at#*:} | head -n 1)"
"""
DOCKERFILE = f'''
FROM {IMAGE}
ENTRYPOINT ["/bin/sh", "-c"]
CMD ["echo report of $DAY; exit 3"]
'''
RUNNER = '''
from sst import Resource, task

def handler(event, context):
    if "arn" in event:
        return task.describe(Resource.Report, event["arn"])
    return task.run(Resource.Report, environment=event)
'''


@dataclass(frozen=True)
class Podman:
    environ: Mapping[str, str]

    def ask(self, *words: str) -> str:
        return subprocess.run(["podman", *words], env=self.environ, capture_output=True, text=True, check=True,
                              timeout=60).stdout

    def containers(self) -> list[str]:
        return self.ask("ps", "--all", "--format={{.Names}} {{.Ports}}").splitlines()


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    """Skipped where podman can't run a container: some sandboxes let it run by one of its runtimes alone, or not at
    all."""
    busybox = shutil.which("busybox")
    if busybox is None or (why := ContainerEngine("podman", os.environ).missing):
        pytest.skip(why if busybox else "busybox is not installed")
    folder = tmp_path_factory.mktemp("podman")
    (folder / "storage.conf").write_text(f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/graph"\n'
                                         f'runroot = "{folder}/run"\n')
    made = Podman({**os.environ, "CONTAINERS_CONF": f"{folder}/containers.conf",
                   "CONTAINERS_STORAGE_CONF": f"{folder}/storage.conf"})
    said = ""
    for runtime in ("", 'runtime = "runc"\n'):
        (folder / "containers.conf").write_text('[containers]\ndefault_ulimits = ["nofile=1024:1024", '
                                                f'"nproc=1024:1024"]\n[engine]\n{runtime}')
        try:
            made.ask("import", str(_tree(folder, busybox)), IMAGE)
            made.ask("run", "--rm", "--network=none", IMAGE, "/bin/sh", "-c", "true")
        except subprocess.CalledProcessError as error:
            said = error.stderr.strip()
        else:
            yield made
            made.ask("rm", "--all", "--force", "--time=0")
            made.ask("rmi", "--all", "--force")
            return
    pytest.skip(f"podman runs no container here: {said}")


def _tree(folder: Path, busybox: str) -> Path:
    root = folder / "tree"
    (root / "bin").mkdir(parents=True, exist_ok=True)
    (root / "www/cgi-bin").mkdir(parents=True, exist_ok=True)
    shutil.copy(busybox, root / "bin/busybox")
    for name in ("sh", "httpd", "env", "nc", "head", "sleep", "true"):
        if not (root / "bin" / name).is_symlink():
            (root / "bin" / name).symlink_to("busybox")
    (root / "serve").write_text(SERVE)
    (root / "www/cgi-bin/show").write_text(SHOW)
    (root / "www/cgi-bin/show").chmod(0o755)
    with tarfile.open(folder / "tree.tar", "w") as archive:
        archive.add(root, ".")
    return folder / "tree.tar"


@pytest.fixture(scope="module")
def app(podman: Podman, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    files = {"sst_config.py": CONFIG, "runner.py": RUNNER, "report/Dockerfile": DOCKERFILE}
    names = ("CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF")
    with pytest.MonkeyPatch.context() as patch, project(tmp_path_factory.mktemp("images"), files) as made:
        for name in names:      # of this process, from which all commands of the project inherit them
            patch.setenv(name, podman.environ[name])
        made.sst("deploy")
        yield made
        made.sst("local", "reset", "--yes")


def show(app: Project) -> str:
    return call(f"{app.outputs()['url']}/cgi-bin/show").body


def test_replicas_have_their_variables_and_links(app: Project, podman: Podman) -> None:
    said = show(app)
    assert 'SST_RESOURCE_Token={"value":"s3cret-value"' in said and "TEXT=two\nlines" in said
    assert "URL=http://10.0.2.2:4000" in said and "OWN=127.0.0.1:8080" in said
    names = podman.containers()
    assert len(names) == 2 and all(" 127.0.0.1:" in name and "->8080/tcp" in name for name in names)


def test_a_container_reaches_the_local_cloud(app: Project) -> None:
    assert "cloud=HTTP/1." in show(app)


def test_its_limits_hold_and_no_secret_is_in_a_command(app: Project, podman: Podman) -> None:
    name = podman.containers()[0].split()[0]
    limits = json.loads(podman.ask("inspect", "--format={{json .HostConfig}}", name))
    assert limits["Memory"] == 512 << 20 and limits["NanoCpus"] == 250_000_000
    lines = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert name in lines and "s3cret-value" not in lines
    files = list(app.root.glob(".sst/local/tmp/task-*/*.env"))
    assert files and all(f.stat().st_mode & 0o777 == 0o600 for f in files)


def test_the_task_of_a_dockerfile_ends_with_its_code_and_its_lines_are_in_the_log(app: Project) -> None:
    arn = app.invoke("Runner", {"DAY": "monday"})["arn"]
    eventually(lambda: app.invoke("Runner", {"arn": arn})["status"] == "STOPPED")
    assert app.invoke("Runner", {"arn": arn})["exit_codes"] == {"Report": 3}
    logs = app.client("logs")
    group = next(g["logGroupName"] for g in logs.describe_log_groups()["logGroups"] if "Report" in g["logGroupName"])
    events = logs.filter_log_events(logGroupName=group)["events"]
    assert [e["message"] for e in events] == ["report of monday"]


def test_nothing_to_do_builds_nothing(app: Project) -> None:
    assert "no changes" in app.sst("deploy")


def test_containers_of_a_killed_cloud_are_replaced(app: Project, podman: Podman) -> None:
    before = set(podman.containers())
    os.kill(json.loads((app.root / ".sst/local/cloud.json").read_text())["pid"], signal.SIGKILL)
    app.sst("deploy")
    eventually(lambda: len(podman.containers()) == 2 and "cloud=HTTP/1." in show(app))
    assert not before & set(podman.containers())


def test_an_image_that_does_not_exist_leaves_the_old_containers_serving(app: Project, podman: Podman) -> None:
    app.write({"sst_config.py": CONFIG.replace(IMAGE, "127.0.0.1:1/absent:1")})
    failed = app.run("deploy")
    assert failed.returncode == 2 and "can't pull 127.0.0.1:1/absent:1" in failed.stdout + failed.stderr
    assert "cloud=HTTP/1." in show(app)


def test_a_stop_after_a_kill_leaves_no_container(app: Project, podman: Podman) -> None:
    os.kill(json.loads((app.root / ".sst/local/cloud.json").read_text())["pid"], signal.SIGKILL)
    assert podman.containers()
    app.sst("local", "stop")
    assert podman.containers() == []


def test_what_ignores_sigterm_is_ended(podman: Podman, tmp_path: Path) -> None:
    client = Client(ContainerEngine("podman", podman.environ), tmp_path)
    stubborn = "trap '' TERM; echo up; while true; do sleep 1; done"
    wanted = Wanted(IMAGE, ["sh", "-c"], [stubborn], {}, {}, [], 64, 0, "a")
    made = EngineContainer({}, "127.66.0.1", client, wanted, tmp_path, leaving=lambda address: None)
    made.start()
    eventually(lambda: made.logs() == b"up")
    assert made.memory_mb() < 64 and made.name in "".join(podman.containers())
    made.stop(1)
    assert made.status == "exited" and made.name not in "".join(podman.containers())


def test_removal_leaves_no_container(app: Project, podman: Podman) -> None:
    app.sst("remove", "--yes")
    assert podman.containers() == []
