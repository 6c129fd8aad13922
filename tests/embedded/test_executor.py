"""What only our own executor gives, seen through the emulator."""
from __future__ import annotations

import importlib.util
import json
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from sst.embedded.cloud import Cloud

from .functions import function, invoke, role, url
from .test_emulator import client

pytestmark = [pytest.mark.emulator, pytest.mark.skipif(not importlib.util.find_spec("sst.executor"),
                                                       reason="no executor")]

STREAM = """
exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {
  stream = awslambda.HttpResponseStream.from(stream, {statusCode: 201, headers: {"content-type": "text/plain"}});
  stream.write("first ");
  await new Promise(resolve => setTimeout(resolve, 2000));
  stream.write("second");
  stream.end();
});
"""
STUBBORN = """
class MyErr(Exception):
    pass
def handler(event, context):
    raise MyErr("why")
"""


def test_the_first_byte_comes_before_the_end(cloud: Cloud) -> None:
    address = url(cloud, function(cloud, STREAM, file="index.js", runtime="nodejs20.x", Timeout=10),
                  InvokeMode="RESPONSE_STREAM")
    with urllib.request.urlopen(address) as answer:
        assert answer.status == 201
        began = time.monotonic()
        assert answer.read1(100) == b"first "
        assert answer.read() == b"second"
        assert time.monotonic() - began > 1


def test_the_last_lines_of_a_deleted_function_make_no_log_group(cloud: Cloud) -> None:
    name = function(cloud, "import time\ndef handler(event, context):\n    print('one')\n    time.sleep(1.5)\n"
                           "    print('two')\n    return 'done'\n", Timeout=10)
    logs, group = client(cloud, "logs"), f"/aws/lambda/{name}"
    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(invoke, cloud, name)
        until = time.monotonic() + 20
        while not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"] and time.monotonic() < until:
            time.sleep(0.05)
        client(cloud, "lambda").delete_function(FunctionName=name)
        logs.delete_log_group(logGroupName=group)
        assert running.result() == ("done", "")
    time.sleep(0.3)     # lines are written beside the answer
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"] == []


def test_the_real_error_type_arrives_also_in_a_state_machine(cloud: Cloud) -> None:
    name = function(cloud, STUBBORN)
    answer, error = invoke(cloud, name)
    assert (error, answer["errorType"], answer["errorMessage"]) == ("Unhandled", "MyErr", "why")
    arn = client(cloud, "lambda").get_function(FunctionName=name)["Configuration"]["FunctionArn"]
    states = client(cloud, "stepfunctions")
    rights = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": arn}
    machine = states.create_state_machine(name=name, roleArn=role(cloud, f"{name}-states", rights, service="states"),
                                          definition=json.dumps({
        "StartAt": "Try", "States": {
            "Try": {"Type": "Task", "Resource": arn, "Catch": [{"ErrorEquals": ["MyErr"], "Next": "Caught"}],
                    "End": True},
            "Caught": {"Type": "Pass", "Result": "caught", "End": True}}}))["stateMachineArn"]
    run = states.start_execution(stateMachineArn=machine)["executionArn"]
    deadline = time.monotonic() + 20
    while (found := states.describe_execution(executionArn=run))["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (found["status"], found.get("output")) == ("SUCCEEDED", '"caught"')


@pytest.mark.long
def test_old_lines_of_a_log_are_forgotten_in_time(cloud: Cloud) -> None:
    """What is kept is written to disk with each change: it must not grow for ever."""
    name = function(cloud, "def handler(event, context):\n    print('\\n'.join(f'{event} {n}' for n in range(4000)))\n")
    for n in range(4):
        assert invoke(cloud, name, n)[1] == ""
    logs = client(cloud, "logs")
    group = f"/aws/lambda/{name}"
    stream = logs.describe_log_streams(logGroupName=group)["logStreams"][0]["logStreamName"]
    last = logs.get_log_events(logGroupName=group, logStreamName=stream, limit=10000, startFromHead=False)["events"]
    found = [e["message"].strip() for e in last]
    assert "3 3999" in found and "3 0" in found and "0 0" not in found
