"""Partial batch responses of queue subscribers: what is malformed fails the batch, what is empty is a success."""
from __future__ import annotations

import json
import uuid

import pytest

from sst.embedded.cloud import Cloud
from tests.long import first_of

from .functions import function
from .test_emulator import client
from .test_events import FROM_QUEUE, eventually, queue, received

pytestmark = pytest.mark.emulator


def feed(cloud: Cloud, answer: str, *, waits: str = "0") -> tuple[str, str]:
    """A queue whose subscriber gives that answer, and its dead letters after one try."""
    sqs, name = client(cloud, "sqs"), f"b{uuid.uuid4().hex[:8]}"
    dead, dead_arn = queue(cloud, f"{name}-dead")
    policy = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 1})
    source = sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": policy,
                                                          "VisibilityTimeout": waits})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=source, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    code = f"def handler(event, context):\n    first = event['Records'][0]['messageId']\n    return {answer}\n"
    client(cloud, "lambda").create_event_source_mapping(
        EventSourceArn=arn, FunctionName=function(cloud, code, FROM_QUEUE, Timeout=1), BatchSize=10,
        FunctionResponseTypes=["ReportBatchItemFailures"])
    return source, dead


@pytest.mark.parametrize("answer", first_of([
    "{'batchItemFailures': [{'itemIdentifier': ''}]}", "{'batchItemFailures': [{'itemIdentifier': None}]}",
    "{'batchItemFailures': [{'itemIdentifier': 'nope'}]}", "{'batchItemFailures': [{'id': first}]}",
    "{'batchItemFailures': [{'itemIdentifier': [first]}]}",
    "{'batchItemFailures': 'all'}", "['x']", "{'batchItemFailures': [{'itemIdentifier': first}]}"]))
def test_a_malformed_answer_fails_the_batch(cloud: Cloud, answer: str) -> None:
    source, dead = feed(cloud, answer)
    client(cloud, "sqs").send_message(QueueUrl=source, MessageBody="job")
    assert received(cloud, dead)["Body"] == "job"


@pytest.mark.parametrize("answer", first_of(["None", "{}", "{'batchItemFailures': []}",
                                             "{'batchItemFailures': None}"]))
def test_an_empty_answer_is_a_success(cloud: Cloud, answer: str) -> None:
    source, dead = feed(cloud, answer, waits="30")
    sqs = client(cloud, "sqs")
    sqs.send_message(QueueUrl=source, MessageBody="job")
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def counts(url: str) -> list[str]:
        return list(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values())

    eventually(lambda: counts(source) == ["0", "0"])
    assert counts(dead) == ["0", "0"]
