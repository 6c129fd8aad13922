"""Subscribers of streams: partial failures, bounded retries, destinations, and that a slow one delays nobody."""
from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from sst.embedded.cloud import Cloud
from tests.long import first_of

from .functions import function
from .test_emulator import client
from .test_events import queue, received

pytestmark = pytest.mark.emulator

RIGHTS = {"Effect": "Allow", "Action": ["sqs:*", "dynamodb:*", "kinesis:*"], "Resource": "*"}
WORDS = """
import base64, os
import botocore.session
sqs = botocore.session.get_session().create_client("sqs")
def words(event):
    for r in event["Records"]:
        if "kinesis" in r:
            yield r["kinesis"]["sequenceNumber"], base64.b64decode(r["kinesis"]["data"]).decode()
        else:
            yield r["dynamodb"]["SequenceNumber"], r["dynamodb"]["Keys"]["id"]["S"]
def say(text):
    sqs.send_message(QueueUrl=os.environ["OUT"], MessageBody=text, MessageGroupId="one",
                     MessageDeduplicationId=os.urandom(9).hex())
"""
FAILS_BAD = WORDS + """
def handler(event, context):
    found = list(words(event))
    say(" ".join(w for _, w in found))
    return {"batchItemFailures": [{"itemIdentifier": n} for n, w in found if w == "bad"]}
"""
WAITS = WORDS + """
def handler(event, context):
    got = sqs.receive_message(QueueUrl=os.environ["GO"], WaitTimeSeconds=15).get("Messages")
    say("went on" if got else "was alone")
"""
TELLS = "import os\nimport botocore.session\n" + """
def handler(event, context):
    botocore.session.get_session().create_client("sqs").send_message(QueueUrl=os.environ["GO"], MessageBody="go")
"""


def table(cloud: Cloud) -> tuple[str, Callable[[str], object]]:
    """The ARN of a stream, and how to put a record into it."""
    dynamodb, name = client(cloud, "dynamodb"), f"t{uuid.uuid4().hex[:8]}"
    made = dynamodb.create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})["TableDescription"]
    return made["LatestStreamArn"], lambda word: dynamodb.put_item(TableName=name, Item={"id": {"S": word}})


def stream(cloud: Cloud) -> tuple[str, Callable[[str], object]]:
    kinesis, name = client(cloud, "kinesis"), f"k{uuid.uuid4().hex[:8]}"
    kinesis.create_stream(StreamName=name, ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
    arn = kinesis.describe_stream(StreamName=name)["StreamDescription"]["StreamARN"]
    return arn, lambda word: kinesis.put_record(StreamName=name, PartitionKey="a", Data=word.encode())


def fifo(cloud: Cloud) -> str:
    return str(client(cloud, "sqs").create_queue(QueueName=f"o{uuid.uuid4().hex[:8]}.fifo",
                                                 Attributes={"FifoQueue": "true"})["QueueUrl"])


def subscribe(cloud: Cloud, arn: str, code: str, environment: dict[str, str], **options: Any) -> None:
    name = function(cloud, code, RIGHTS, environment=environment, Timeout=30)
    client(cloud, "lambda").create_event_source_mapping(EventSourceArn=arn, FunctionName=name,
                                                        StartingPosition="TRIM_HORIZON", **options)


@pytest.mark.parametrize("source", first_of([table, stream]))
def test_a_poisoned_record_is_split_off_given_up_and_reported(source: Any, cloud: Cloud) -> None:
    (arn, put), out, (dead, dead_arn) = source(cloud), fifo(cloud), queue(cloud, f"d{uuid.uuid4().hex[:8]}")
    for word in ("1", "2", "bad", "4"):
        put(word)
    subscribe(cloud, arn, FAILS_BAD, {"OUT": out}, FunctionResponseTypes=["ReportBatchItemFailures"],
              BisectBatchOnFunctionError=True, MaximumRetryAttempts=1, BatchSize=100,
              DestinationConfig={"OnFailure": {"Destination": dead_arn}})
    said = [received(cloud, out)["Body"] for _ in range(5)]
    assert said == ["1 2 bad 4", "bad 4", "bad", "bad", "4"]
    told = json.loads(received(cloud, dead)["Body"])
    info = next(v for k, v in told.items() if k.endswith("BatchInfo"))
    assert told["requestContext"]["condition"] == "RetryAttemptsExhausted" and info["batchSize"] == 1
    assert info["streamArn"] == arn and info["startSequenceNumber"] == info["endSequenceNumber"]
    put("5")
    assert received(cloud, out)["Body"] == "5"


@pytest.mark.parametrize("answer", first_of(["{'batchItemFailures': [{'itemIdentifier': ''}]}", "['x']",
                                             "{'batchItemFailures': [{'id': 'x'}]}"]))
def test_a_malformed_answer_fails_the_batch(answer: str, cloud: Cloud) -> None:
    (arn, put), (dead, dead_arn) = table(cloud), queue(cloud, f"d{uuid.uuid4().hex[:8]}")
    put("1")
    subscribe(cloud, arn, f"def handler(event, context):\n    return {answer}\n", {}, MaximumRetryAttempts=0,
              FunctionResponseTypes=["ReportBatchItemFailures"],
              DestinationConfig={"OnFailure": {"Destination": dead_arn}})
    assert json.loads(received(cloud, dead)["Body"])["DDBStreamBatchInfo"]["batchSize"] == 1


@pytest.mark.long
def test_a_stream_that_works_delays_no_queue(cloud: Cloud) -> None:
    """The stream's function ends only once the queue's function has run."""
    (arn, put), out = table(cloud), fifo(cloud)
    (go, _), (jobs, jobs_arn) = (queue(cloud, f"{n}{uuid.uuid4().hex[:8]}") for n in ("go", "jobs"))
    subscribe(cloud, arn, WAITS, {"OUT": out, "GO": go})
    name = function(cloud, TELLS, RIGHTS, environment={"GO": go})
    client(cloud, "lambda").create_event_source_mapping(EventSourceArn=jobs_arn, FunctionName=name)
    put("1")
    client(cloud, "sqs").send_message(QueueUrl=jobs, MessageBody="job")
    assert received(cloud, out)["Body"] == "went on"
