"""``sst tunnel`` on a stage in AWS without a bastion, for which the embedded cloud stands: a real Postgres behind the
agent of a task."""
from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from sst.embedded.cloud import Cloud

from ...clouds.aws.stand_in import Answer, StandIn, stand_in
from ..live import SST, environment, write
from .agent import Agent, agent
from .test_command import ASK

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.emulator]

CONFIG = '''
import sst
from sst import aws

def config(input):
    return sst.Config(name="through", region="us-east-1", removal="remove")

def run():
    vpc = aws.Vpc("MyVpc")
    db = aws.Postgres("MyDB", vpc=vpc)
    cluster = aws.Cluster("Main", vpc=vpc)
    aws.Service("Web", cluster=cluster, image="ghcr.io/acme/web:1", scaling={"min": 0, "max": 0}, wait=False)
    sst.DevCommand("Ask", dev={"command": "python3 ask.py"}, link=[db])
    return {"host": db.host, "port": db.port}
'''


@contextlib.contextmanager
def behind(host: str, port: int) -> Iterator[Agent]:
    """An agent that reaches ``host``, in a thread of its own."""
    ready, loop, made = threading.Event(), asyncio.new_event_loop(), []
    stop = asyncio.Event()

    async def serve() -> None:
        async with agent({(host, port): port}) as one:
            made.append(one)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert ready.wait(10)
        yield made[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()


def passed_on(request: tuple[str, str, dict[str, str], bytes], cloud: Cloud) -> Answer:
    """The answer of the cloud, to what is not about sessions."""
    _, path, headers, body = request
    given = {k: v for k, v in headers.items() if k not in ("content-length", "connection")}
    try:
        said = urllib.request.urlopen(urllib.request.Request(cloud.endpoint + path, body, given), timeout=30)
    except urllib.error.HTTPError as error:
        said = error
    with said:
        return Answer(said.status, said.read(), {"Content-Type": said.headers.get("Content-Type", "")})


def answer(body: dict[str, object], url: str) -> Answer | None:
    """What ECS and Systems Manager say of tasks and sessions."""
    if not {"DocumentName", "serviceName", "tasks"} & set(body):
        return None
    if "DocumentName" in body:
        parameters = body["Parameters"]
        assert isinstance(parameters, dict)
        return Answer(body={"SessionId": "me-1", "TokenValue": "s3cret",
                            "StreamUrl": f"{url}/{parameters['host'][0]}/{parameters['portNumber'][0]}"})
    task = f"arn:aws:ecs:us-east-1:123456789012:task/{body['cluster']}/0a1b"
    if "serviceName" in body:
        return Answer(body={"taskArns": [task]})
    return Answer(body={"tasks": [{
        "taskArn": task, "clusterArn": f"arn:aws:ecs:us-east-1:123456789012:cluster/{body['cluster']}",
        "lastStatus": "RUNNING", "containers": [{"runtimeId": "0a1b-77", "managedAgents": [
            {"name": "ExecuteCommandAgent", "lastStatus": "RUNNING"}]}]}]})


def test_a_command_reaches_the_database_through_a_task(cloud: Cloud, tmp_path: Path) -> None:
    root = write(tmp_path, {"sst_config.py": CONFIG, "ask.py": ASK})
    given = environment(SST_STAGE="dev", AWS_ENDPOINT_URL=cloud.endpoint, AWS_ACCESS_KEY_ID=cloud.access_key,
                        AWS_SECRET_ACCESS_KEY=cloud.secret_key)

    def sst(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([SST, *words], cwd=root, env={**given, **more}, capture_output=True, text=True,
                              timeout=200)

    made = sst("deploy", "--yes")
    assert made.returncode == 0, made.stdout + made.stderr
    try:
        outputs = json.loads((root / ".sst/outputs.json").read_text())
        service: list[StandIn] = []
        with behind(outputs["host"], outputs["port"]) as there, \
                stand_in(lambda n: answer(service[0].bodies[n], there.gate.url)
                         or passed_on(service[0].requests[n], cloud)) as one:
            service.append(one)
            asked = sst("tunnel", "--", "python3", "ask.py", AWS_ENDPOINT_URL_ECS=one.url, AWS_ENDPOINT_URL_SSM=one.url)
            assert asked.returncode == 0, asked.stdout + asked.stderr
            assert asked.stdout.splitlines()[1] == "through|42" and "MyDB: " in asked.stderr
            assert "s3cret" not in asked.stdout + asked.stderr
            asked_of = next(b["cluster"] for b in one.bodies if "serviceName" in b)
            assert [b["Target"] for b in one.bodies if "Target" in b] == [f"ecs:{asked_of}_0a1b_0a1b-77"]
    finally:
        sst("remove", "--yes")
