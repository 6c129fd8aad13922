"""A network on stage ``local``: a function, a service and a task share files, and the function reaches the service by
its name."""
from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.project import Project, call, eventually, project

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.long]

CONFIG = '''
import sst
from sst import aws

def config(input):
    return sst.Config(name="counter", home="local")

def run():
    vpc = aws.Vpc("Net")
    cluster = aws.Cluster("Cluster", vpc=vpc)
    files = aws.Efs("Files", vpc=vpc)
    aws.Function("Api", handler="counter.handler", vpc=vpc, volume={"efs": files, "path": "/mnt/efs"})
    web = aws.Service("Web", cluster=cluster, command=["python", "counter.py"], load_balancer={
        "ports": [{"listen": "80/http", "forward": "8080/http"}]}, volumes=[{"efs": files, "path": "/data/shared"}],
        service_registry={"port": 8080}, scaling={"min": 2, "max": 2})
    aws.Function("Client", handler="counter.ask", vpc=vpc, link=[web])
    job = aws.Task("Job", cluster=cluster, command=["python", "job.py"],
                   volumes=[{"efs": files, "path": "/mnt/efs"}])
    aws.Function("Runner", handler="counter.run", link=[job])
    return {"url": web.url, "host": web.host}
'''
COUNTER = '''
import http.server, os
from pathlib import Path

def count(folder):
    place = Path(folder) / "counter"
    number = int(place.read_text()) + 1 if place.exists() else 1
    place.write_text(str(number))
    return number

def large():
    try:
        (Path("/data/shared") / "large").write_bytes(bytes(2 << 20))
        return "written"
    finally:
        (Path("/data/shared") / "large").unlink()

def handler(event, context):
    return {"count": count("/mnt/efs"), "there": sorted(os.listdir("/mnt/efs")),
            "same": os.path.samefile("/mnt/efs", os.environ["SST_VOLUME_MNT_EFS"])}

def run(event, context):
    from sst import Resource, task
    return task.run(Resource.Job)

def ask(event, context):
    import urllib.request
    from sst import Resource
    host = Resource.Web.service
    with urllib.request.urlopen(f"http://{host}:8080/pid", timeout=10) as answer:
        return {"host": host, "pid": int(answer.read())}

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            body = (large() if self.path == "/large" else str(count("/data/shared")) if self.path == "/count"
                    else str(os.getpid())).encode()
        except OSError as error:
            body = str(error).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass

if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Handler).serve_forever()
'''
JOB = 'open("/mnt/efs/task", "w").write("was here")\n'
PYPROJECT = '[project]\nname = "counter"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = []\n'


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    files = {"sst_config.py": CONFIG, "counter.py": COUNTER, "job.py": JOB, "pyproject.toml": PYPROJECT}
    with project(tmp_path_factory.mktemp("volumes"), files) as made:
        disk = made.root / ".sst/local/efs"
        disk.mkdir(mode=0o700, parents=True)
        small = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True)
        try:
            made.sst("deploy")
            yield made
        finally:
            if not small.returncode:
                subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_function_and_a_service_share_a_file(app: Project) -> None:
    assert app.invoke("Api")["count"] == 1
    assert call(app.outputs()["url"] + "/count").body == "2"
    told = app.invoke("Api")
    assert told == {"count": 3, "there": ["counter"], "same": True}
    assert not Path("/data/shared").exists(), "nothing outside of the process sees the mount"


def test_a_full_disk_is_the_programs_to_handle_and_ends_nothing(app: Project) -> None:
    if not os.path.ismount(app.root / ".sst/local/efs"):
        pytest.skip("no file system can be mounted")
    url, before = app.outputs()["url"], app.invoke("Api")["count"]
    assert {call(url + "/large").body for _ in range(4)} == {"[Errno 28] No space left on device"}
    assert call(url + "/count").body == str(before + 1)
    assert "no changes" in app.sst("deploy")


def test_a_service_is_reached_by_its_name(app: Project) -> None:
    told = [app.invoke("Client") for _ in range(2)]
    eventually(lambda: len({app.invoke("Client")["pid"] for _ in range(2)}) == 2)
    assert told[0]["host"] == app.outputs()["host"] and told[0]["host"].startswith("127.")
    names = app.client("servicediscovery")
    found = names.list_instances(ServiceId=names.list_services()["Services"][0]["Id"])["Instances"]
    assert len({i["Attributes"]["AWS_INSTANCE_PORT"] for i in found}) == 2


def test_a_task_mounts_it_too(app: Project) -> None:
    app.invoke("Runner")
    eventually(lambda: "task" in app.invoke("Api")["there"])


def test_nothing_changes_in_a_second_deploy_and_files_survive_a_kill(app: Project) -> None:
    assert "no changes" in app.sst("deploy")
    before = app.invoke("Api")["count"]
    os.kill(json.loads((app.root / ".sst/local/cloud.json").read_text())["pid"], signal.SIGKILL)
    assert app.invoke("Api")["count"] == before + 1
    eventually(lambda: call(app.outputs()["url"] + "/count").body == str(before + 2))


def test_removal_takes_the_files_with_it(app: Project) -> None:
    folders = list((app.root / ".sst/local/efs").glob("fs-*"))
    assert len(folders) == 1 and (folders[0] / "counter").is_file()
    app.sst("remove", "--yes")
    assert not folders[0].exists() and app.leftovers() == {}
    assert app.client("servicediscovery").list_namespaces()["Namespaces"] == []
    assert app.client("efs").describe_file_systems()["FileSystems"] == []
