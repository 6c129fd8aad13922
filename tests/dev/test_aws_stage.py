"""``sst dev`` on a stage in AWS: the embedded cloud stands for AWS, reached by its endpoint and keys alone."""
from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sst.embedded.cloud import Cloud

from ..embedded.test_emulator import client
from .live import FILES, SST, Dev, environment

pytestmark = pytest.mark.slow

CONFIG = '''
import sst
from sst import aws

def config(input):
    return sst.Config(name="NAME", region="us-east-1", removal="remove")

def run():
    secret = sst.Secret("Word", placeholder="hidden")
    queue = aws.Queue("Jobs")
    one = aws.Function("One", handler="src/one.handler", link=[queue, secret], timeout="10 seconds")
    two = aws.Function("Two", handler="src/two.handler")
    fixed = aws.Function("Fixed", handler="src/two.handler", dev=False)
    node = aws.Function("Node", handler="src/node.handler")
    queue.subscribe("src/worker.handler")
    return {"one": one.name, "two": two.name, "fixed": fixed.name, "node": node.name, "queue": queue.url}
'''
ONE = '''
import os
from sst import Resource
import shared

def handler(event, context):
    if event == "fail":
        raise ValueError("no luck")
    return [shared.text, Resource.Word.value, Resource.Jobs.url, os.environ["AWS_LAMBDA_FUNCTION_NAME"],
            "SST_LIVE_HTTP" in os.environ]
'''
MORE = {"src/one.py": ONE, "src/two.py": "import os\n\ndef handler(event, context):\n    return os.getppid()\n",
        "src/node.mjs": "export const handler = async () => 'node first';\n",
        "src/worker.py": "def handler(event, context):\n    print('worked on', event['Records'][0]['body'])\n"}


class App:
    """An app on a stage of the cloud."""

    def __init__(self, cloud: Cloud, name: str) -> None:
        self.cloud, self.name = cloud, name
        self.files = {**FILES, **MORE, "sst_config.py": CONFIG.replace("NAME", name)}
        self.environment = {"SST_STAGE": "dev", "AWS_ENDPOINT_URL": cloud.endpoint,
                            "AWS_ACCESS_KEY_ID": cloud.access_key,
                            "AWS_SECRET_ACCESS_KEY": cloud.secret_key}

    def call(self, function: str, event: object = None) -> Any:
        answer = client(self.cloud, "lambda").invoke(FunctionName=function, Payload=json.dumps(event))
        return json.loads(answer["Payload"].read())

    def sst(self, root: Path, *words: str) -> str:
        made = subprocess.run([SST, *words], cwd=root, env=environment(**self.environment), capture_output=True,
                              text=True, timeout=120)
        assert made.returncode == 0, made.stdout + made.stderr
        return made.stdout


@pytest.fixture
def app(cloud: Cloud, request: pytest.FixtureRequest) -> App:
    return App(cloud, "a" + str(abs(hash(request.node.name)) % 10**8))


@pytest.mark.long
def test_calls_come_to_the_source_and_go_back_to_what_is_deployed(app: App, start: Callable[..., Dev]) -> None:
    dev = start(app.files, **app.environment).ready()
    dev.until("connected: calls of functions come here")
    one, two, fixed, node = (dev.url(n) for n in ("one", "two", "fixed", "node"))
    queue = dev.url("queue")
    assert app.call(one) == ["first", "hidden", queue, one, False]
    dev.save("src/shared.py", "text = 'only here'\n")
    assert app.call(one)[0] == "only here"
    failed = app.call(one, "fail")
    assert failed["errorType"] == "ValueError" and str(dev.root / "src/one.py") in failed["stackTrace"][-1]
    dev.until("ValueError: no luck")
    here = dev.process.pid
    assert app.call(two) == here and app.call(fixed) != here
    dev.save("src/node.mjs", "export const handler = async () => 'node second';\n")
    assert app.call(node) == "node second"
    client(app.cloud, "sqs").send_message(QueueUrl=queue, MessageBody="a message")
    dev.until("worked on a message")
    dev.until("sqs ")

    os.kill(dev.process.pid, signal.SIGKILL)
    dev.process.wait()
    began = time.monotonic()
    assert app.call(one)[0] == "first" and time.monotonic() - began < 5
    assert app.call(node) == "node first"
    again = Dev(dev.root, **app.environment).ready()
    try:
        again.until("connected")
        again.until(lambda: app.call(one)[0] == "only here", seconds=70)
        assert again.interrupt() == 0
    finally:
        again.kill()
    app.sst(dev.root, "deploy")
    answer = client(app.cloud, "lambda").get_function_configuration(FunctionName=one)
    assert not [k for k in answer["Environment"]["Variables"]
                if k.startswith("SST_LIVE")] and app.call(one)[0] == "only here"
    assert app.name not in json.dumps(client(app.cloud, "appsync").list_apis(), default=str)
    app.sst(dev.root, "remove", "--yes")


@pytest.mark.long
def test_an_app_without_functions_has_no_api(app: App, start: Callable[..., Dev]) -> None:
    program = app.files["sst_config.py"].split("    secret =")[0] + '    return {"name": aws.Queue("Only").url}\n'
    dev = start({"sst_config.py": program}, **app.environment).ready()
    assert dev.interrupt() == 0
    assert app.name not in json.dumps(client(app.cloud, "appsync").list_apis(), default=str)
    app.sst(dev.root, "remove", "--yes")


@pytest.mark.long
def test_an_events_api_of_the_program_is_never_used_for_calls(app: App, start: Callable[..., Dev]) -> None:
    program = "from sst.providers.aws import appsync\n" + app.files["sst_config.py"]
    program = program.split("    secret =")[0] + '''    two = aws.Function("Two", handler="src/two.handler")
    chat = appsync.Api("Chat", event_config=appsync.signed_by_iam())
    appsync.ChannelNamespace("Rooms", api_id=chat.id)
    return {"two": two.name, "chat": chat.http}
'''
    dev = start({**app.files, "sst_config.py": program}, **app.environment).ready()
    dev.until("connected: calls of functions come here")
    assert app.call(dev.url("two")) == dev.process.pid
    assert dev.interrupt() == 0
    app.sst(dev.root, "remove", "--yes")
