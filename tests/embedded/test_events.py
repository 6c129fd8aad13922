"""Functions that other things call: queues, buckets, topics, rules; and what they may do."""
from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sst.embedded import cloud as embedded
from sst.embedded.cloud import Cloud

from .functions import function, invoke, permit, role
from .test_emulator import client

pytestmark = pytest.mark.emulator

SEND = """
import json, os
import botocore.session
def handler(event, context):
    sqs = botocore.session.get_session().create_client("sqs")
    sqs.send_message(QueueUrl=os.environ["OUT"], MessageBody=json.dumps(event))
    return {"sent": True}
"""
ALLOW_SEND = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}
FROM_QUEUE = {"Effect": "Allow", "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
              "Resource": "*"}
FAIL = "def handler(event, context):\n    raise KeyError('nope')\n"


def queue(cloud: Cloud, name: str) -> tuple[str, str]:
    sqs = client(cloud, "sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def received(cloud: Cloud, url: str, *, seconds: float = 30) -> Any:
    """The next message of the queue."""
    sqs, deadline = client(cloud, "sqs"), time.monotonic() + seconds
    while time.monotonic() < deadline:
        for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=2,
                                           MessageAttributeNames=["All"]).get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            return message
    raise AssertionError("no message came")


def eventually(check: Callable[[], Any], *, seconds: float = 15) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def test_a_function_may_do_only_what_its_role_allows(cloud: Cloud) -> None:
    url, _ = queue(cloud, "may")
    answer, error = invoke(cloud, function(cloud, SEND, environment={"OUT": url}), {})
    assert error == "Unhandled" and "AccessDenied" in json.dumps(answer)
    assert invoke(cloud, function(cloud, SEND, ALLOW_SEND, environment={"OUT": url}), {}) == ({"sent": True}, "")


@pytest.mark.parametrize("runtime", ["java21", "ruby3.3", "dotnet8"])
def test_a_runtime_that_does_not_run_here_says_so(cloud: Cloud, runtime: str) -> None:
    answer, error = invoke(cloud, function(cloud, "nothing", runtime=runtime))
    assert error == "Unhandled" and runtime in answer["errorMessage"]


def test_a_queue_feeds_its_subscriber(cloud: Cloud) -> None:
    out, _ = queue(cloud, "fed-out")
    source, arn = queue(cloud, "fed-in")
    name = function(cloud, SEND, ALLOW_SEND, FROM_QUEUE, environment={"OUT": out})
    client(cloud, "lambda").create_event_source_mapping(EventSourceArn=arn, FunctionName=name, BatchSize=1)
    client(cloud, "sqs").send_message(QueueUrl=source, MessageBody="hello")
    assert json.loads(received(cloud, out)["Body"])["Records"][0]["body"] == "hello"


def test_a_new_object_triggers_a_function(cloud: Cloud) -> None:
    out, _ = queue(cloud, "object-out")
    name = function(cloud, SEND, ALLOW_SEND, environment={"OUT": out})
    s3, arn = client(cloud, "s3"), permit(cloud, name, "s3")
    s3.create_bucket(Bucket="pictures")
    s3.put_bucket_notification_configuration(Bucket="pictures",
                                             NotificationConfiguration={"LambdaFunctionConfigurations": [
        {"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}]})
    s3.put_object(Bucket="pictures", Key="one.png", Body=b"x")
    assert json.loads(received(cloud, out)["Body"])["Records"][0]["s3"]["object"]["key"] == "one.png"


@pytest.mark.slow
@pytest.mark.long
def test_a_schedule_fires(cloud: Cloud) -> None:
    out, _ = queue(cloud, "schedule-out")
    name = function(cloud, SEND, ALLOW_SEND, environment={"OUT": out})
    arn = client(cloud, "lambda").get_function(FunctionName=name)["Configuration"]["FunctionArn"]
    rights = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": arn}
    fires = role(cloud, "soon", rights, service="scheduler")
    when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 3))     # one that is past never fires
    client(cloud, "scheduler").create_schedule(Name="soon", ScheduleExpression=f"at({when})",
                                               FlexibleTimeWindow={"Mode": "OFF"}, Target={
        "Arn": arn, "RoleArn": fires, "Input": '{"tick": 1}'})
    assert json.loads(received(cloud, out)["Body"]) == {"tick": 1}


@pytest.mark.long
def test_destinations_of_success_and_failure(cloud: Cloud) -> None:
    out, arn = queue(cloud, "destinations")
    functions = client(cloud, "lambda")
    for code, condition, count in (("def handler(e, c):\n    return 7\n", "Success", 1), (FAIL, "RetriesExhausted", 2)):
        name = function(cloud, code, ALLOW_SEND)
        functions.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=1, DestinationConfig={
            "OnSuccess": {"Destination": arn}, "OnFailure": {"Destination": arn}})
        functions.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"a": 1}')
        record = json.loads(received(cloud, out)["Body"])
        assert record["requestContext"]["condition"] == condition
        assert record["requestContext"]["approximateInvokeCount"] == count
        assert record["requestPayload"] == {"a": 1}


def test_a_dead_letter_queue_gets_the_event_itself(cloud: Cloud) -> None:
    out, arn = queue(cloud, "dead")
    name = function(cloud, FAIL, ALLOW_SEND, DeadLetterConfig={"TargetArn": arn})
    client(cloud, "lambda").put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
    client(cloud, "lambda").invoke(FunctionName=name, InvocationType="Event", Payload=b'{"a": 1}')
    message = received(cloud, out)
    assert json.loads(message["Body"]) == {"a": 1}
    assert "nope" in message["MessageAttributes"]["ErrorMessage"]["StringValue"]


def test_dead_letters_can_be_moved_back(cloud: Cloud) -> None:
    sqs = client(cloud, "sqs")
    dead, arn = queue(cloud, "move-dead")
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    source = sqs.create_queue(QueueName="move-source",
                              Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "0"})["QueueUrl"]
    sqs.send_message(QueueUrl=source, MessageBody="again")
    eventually(lambda: sqs.receive_message(QueueUrl=source).get("Messages")
               and not sqs.receive_message(QueueUrl=source).get("Messages"))
    assert sqs.start_message_move_task(SourceArn=arn)["TaskHandle"]
    assert sqs.list_message_move_tasks(SourceArn=arn)["Results"][0]["ApproximateNumberOfMessagesMoved"] == 1
    assert received(cloud, source)["Body"] == "again"
    assert not sqs.receive_message(QueueUrl=dead).get("Messages")


@pytest.mark.long
def test_an_accepted_event_survives_kill_9(tmp_path: Path) -> None:
    cloud = embedded.start(tmp_path, environment=os.environ)
    try:
        out, _ = queue(cloud, "survives")
        slow = SEND.replace("def handler(event, context):",
                            "import time\ndef handler(event, context):\n    time.sleep(2)")
        name = function(cloud, slow, ALLOW_SEND, environment={"OUT": out}, Timeout=30)
        client(cloud, "lambda").invoke(FunctionName=name, InvocationType="Event", Payload=b'{"kept": true}')
        os.kill(cloud.pid, signal.SIGKILL)
        os.waitpid(cloud.pid, 0)
        again = embedded.start(tmp_path, environment=os.environ)
        assert json.loads(received(again, out)["Body"]) == {"kept": True}
    finally:
        embedded.reset(tmp_path)
