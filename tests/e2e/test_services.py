"""A service on stage ``local``: real processes behind a real load balancer, from its deploy to its last trace."""
from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.project import Project, call, eventually, project

pytestmark = [pytest.mark.emulator, pytest.mark.slow, pytest.mark.long]

CONFIG = '''
import sst
from sst import aws

def config(input):
    return sst.Config(name="shop", home="local")

def run():
    vpc = aws.Vpc("Net")
    cluster = aws.Cluster("Cluster", vpc=vpc)
    files, token = aws.Bucket("Files"), sst.Secret("Token", "s3cret-value")
    api = aws.Service("Api", cluster=cluster, command=["python", "server.py"], link=[files, token],
                      environment={"GREETING": "hello"}, scaling={"min": 2, "max": 2},
                      load_balancer={"ports": [
                          {"listen": "80/http", "forward": "8080/http"},
                          {"listen": "80/http", "redirect": "81/http", "conditions": {"path": "/old/*"}}],
                          "health": {"8080/http": {"path": "/up"}}})
    report = aws.Task("Report", cluster=cluster, command=["python", "report.py"], link=[files])
    aws.Function("Runner", handler="runner.handler", link=[report], timeout="30 seconds")
    return {"url": api.url}
'''
SERVER = '''
import http.server, json, os, signal, sys, threading
import boto3
from sst import Resource

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if self.path == "/fill":
            boto3.client("s3").put_object(Bucket=Resource.Files.name, Key="a", Body=b"1")
        body = json.dumps({"version": VERSION, "pid": os.getpid(), "token": Resource.Token.value, "host": HOST(self),
                           "greeting": os.environ["GREETING"], "path": self.path}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass

def HOST(request):
    return request.headers["Host"]

VERSION = "1"
server = http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
print("listening, version", VERSION, flush=True)
server.serve_forever()
'''
REPORT = '''
import os, sys
from sst import Resource
print("report of", os.environ["DAY"], "in", Resource.Files.name, flush=True)
sys.exit(int(os.environ.get("CODE", "0")))
'''
RUNNER = '''
from sst import Resource, task

def handler(event, context):
    if "arn" in event:
        return task.describe(Resource.Report, event["arn"])
    return task.run(Resource.Report, environment=event)
'''
PYPROJECT = '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["boto3"]\n'


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    files = {"sst_config.py": CONFIG, "server.py": SERVER, "report.py": REPORT, "runner.py": RUNNER,
             "pyproject.toml": PYPROJECT}
    with project(tmp_path_factory.mktemp("services"), files) as made:
        made.sst("deploy")
        yield made


def answers(app: Project, count: int = 6) -> list[dict[str, object]]:
    return [call(f"{app.outputs()['url']}/x?y=1").json for _ in range(count)]


@contextmanager
def load(url: str) -> Iterator[Counter[str]]:
    """Requests without a pause, from two clients; how each was answered."""
    seen: Counter[str] = Counter()
    ended = threading.Event()

    def ask() -> None:
        while not ended.wait(0.02):
            try:
                seen[str(call(url).status)] += 1
            except OSError as e:
                seen[type(e).__name__] += 1

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def test_two_replicas_answer_with_their_links(app: Project) -> None:
    eventually(lambda: len({a["pid"] for a in answers(app)}) == 2)
    first = answers(app, 1)[0]
    assert (first["token"], first["greeting"], first["path"]) == ("s3cret-value", "hello", "/x?y=1")
    assert call(app.outputs()["url"] + "/fill").status == 200, "the role of the tasks may write to the bucket"
    ecs = app.client("ecs")
    text = json.dumps([ecs.describe_task_definition(taskDefinition=arn)
                       for arn in ecs.list_task_definitions()["taskDefinitionArns"]], default=str)
    assert "s3cret-value" not in text and "SST_RESOURCE_Token" in text


def test_what_they_print_is_in_the_log(app: Project) -> None:
    group = next(g["logGroupName"] for g in app.client("logs").describe_log_groups()["logGroups"]
                 if g["logGroupName"].endswith("/Api/Api"))
    assert group.startswith("/sst/cluster/shop-local-ClusterCluster-")
    lines = [e["message"] for e in app.client("logs").filter_log_events(logGroupName=group)["events"]]
    assert "listening, version 1" in lines


@pytest.mark.long
def test_a_function_runs_a_task_and_learns_how_it_ended(app: Project) -> None:
    started = app.invoke("Runner", {"DAY": "monday", "CODE": "3"})
    told: dict[str, object] = {}

    def ended() -> bool:
        told.update(app.invoke("Runner", {"arn": started["arn"]}))
        return told["status"] == "STOPPED"

    eventually(ended)
    assert told["exit_codes"] == {"Report": 3} and told["reason"] == "Essential container exited"
    group = next(g["logGroupName"] for g in app.client("logs").describe_log_groups()["logGroups"]
                 if g["logGroupName"].endswith("/Report/Report"))
    lines = [e["message"] for e in app.client("logs").filter_log_events(logGroupName=group)["events"]]
    assert any(line.startswith("report of monday in shop-local-files") for line in lines)


def test_nothing_to_do_makes_no_call_and_changes_nothing(app: Project) -> None:
    assert "no changes" in app.sst("deploy")


@pytest.mark.long
def test_an_update_and_a_killed_replica_fail_no_request(app: Project) -> None:
    app.write({"server.py": SERVER.replace('VERSION = "1"', 'VERSION = "2"')})
    with load(app.outputs()["url"]) as seen:
        app.sst("deploy")
        assert {a["version"] for a in answers(app)} == {"2"}
        os.kill(int(str(answers(app, 1)[0]["pid"])), signal.SIGKILL)
        eventually(lambda: len({a["pid"] for a in answers(app)}) == 2)
    assert set(seen) == {"200"} and seen["200"] > 20, seen


@pytest.mark.long
def test_a_broken_version_leaves_the_old_one_serving(app: Project) -> None:
    app.write({"server.py": SERVER.replace('VERSION = "1"', 'sys.exit("no database here")')})
    with load(app.outputs()["url"]) as seen:
        made = app.run("deploy")
    assert made.returncode == 2
    assert "no database here" in made.stderr + made.stdout and "exit code 1" in made.stderr + made.stdout
    assert set(seen) == {"200"} and {a["version"] for a in answers(app)} == {"2"}
    app.write({"server.py": SERVER.replace('VERSION = "1"', 'VERSION = "3"')})
    app.sst("deploy")
    assert {a["version"] for a in answers(app)} == {"3"}


@pytest.mark.long
def test_it_runs_again_after_the_cloud_was_killed(app: Project) -> None:
    before = {int(str(a["pid"])) for a in answers(app)}
    cloud = json.loads((app.root / ".sst/local/cloud.json").read_text())
    os.kill(cloud["pid"], signal.SIGKILL)
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in before))
    url = app.outputs()["url"]
    assert "no changes" in app.sst("deploy")
    eventually(lambda: call(url).status == 200)
    assert {a["version"] for a in answers(app)} == {"3"}


@pytest.mark.long
def test_removal_leaves_no_process(app: Project) -> None:
    pids = {int(str(a["pid"])) for a in answers(app)}
    url = app.outputs()["url"]
    app.sst("remove", "--yes")
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert app.leftovers() == {}
    assert call(url).status == 404
