"""One request keeps one trace root over all hops, and the recorder has the calls of each."""
from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Any
from urllib.request import Request, urlopen

import pytest

from sst.embedded import trace
from sst.embedded.cloud import Cloud
from sst.errors import SstError

from .functions import function, role, url
from .test_emulator import client
from .test_events import FROM_QUEUE, eventually, queue

pytestmark = pytest.mark.emulator

OK = "def handler(event, context):\n    print('seen')\n    return {'statusCode': 201}\n"
STREAMS = {"Effect": "Allow", "Action": ["kinesis:*", "dynamodb:*", "sqs:*", "sns:*", "events:*", "s3:*"],
           "Resource": "*"}
INVOKE = {"Effect": "Allow", "Action": ["lambda:InvokeFunction"], "Resource": "*"}
CALLS = """
import botocore.session, os
def handler(event, context):
    s3 = botocore.session.get_session().create_client("s3")
    s3.put_object(Bucket=os.environ["OUT"], Key="one", Body=b"1")
"""


def traced(cloud: Cloud, service: str, root: str) -> Any:
    """A client whose calls carry that root, as those of a function do."""
    made = client(cloud, service)
    made.meta.events.register("request-created.*", lambda request, **_: request.headers.add_header(
        "X-Amzn-Trace-Id", trace.header(root, "00000000000000aa")))
    return made


def rows(cloud: Cloud, query: str, *values: object) -> list[Any]:
    with sqlite3.connect(f"file:{cloud.folder}/console.db?mode=ro", uri=True) as db:
        db.row_factory = sqlite3.Row
        return db.execute(query, values).fetchall()


def invocation(cloud: Cloud, root: str, name: str = "") -> Any:
    """The recorded call of that trace, once it has ended."""
    def look() -> Any:
        found = rows(cloud, "SELECT * FROM invocation WHERE trace = ? AND ms IS NOT NULL AND function LIKE ?", root,
                     name or "%")
        return found[0] if found else None
    return eventually(look, seconds=30)


@pytest.fixture(scope="module")
def listener(cloud: Cloud) -> Iterator[str]:
    """A function that everything calls; its ARN."""
    name = function(cloud, OK, FROM_QUEUE, STREAMS)
    functions = client(cloud, "lambda")
    for service in ("s3", "sns", "events"):
        functions.add_permission(FunctionName=name, StatementId=service, Action="lambda:InvokeFunction",
                                 Principal=f"{service}.amazonaws.com")
    yield functions.get_function(FunctionName=name)["Configuration"]["FunctionArn"]


def subscribed(cloud: Cloud, arn: str, source: str, **options: Any) -> None:
    client(cloud, "lambda").create_event_source_mapping(EventSourceArn=source, FunctionName=arn, **options)


@pytest.mark.long
def test_a_batch_names_each_cause(cloud: Cloud, listener: str) -> None:
    there, arn = queue(cloud, "traced")
    roots = [trace.new_root() for _ in range(3)]
    for root in roots:
        traced(cloud, "sqs", root).send_message(QueueUrl=there, MessageBody=root)
    subscribed(cloud, listener, arn, BatchSize=3)
    [seen] = eventually(lambda: rows(cloud, "SELECT * FROM invocation WHERE trigger = 'sqs traced (3 messages)'"))
    sent = [rows(cloud, "SELECT span FROM call WHERE trace = ?", root)[0]["span"] for root in roots]
    assert seen["trace"] in roots and sorted([seen["parent"], *seen["causes"].split()]) == sorted(sent)


@pytest.mark.long
def test_sns_also_by_way_of_a_queue(cloud: Cloud, listener: str) -> None:
    sns, (_, arn) = client(cloud, "sns"), queue(cloud, "sns-traced")
    direct, by_queue = (sns.create_topic(Name=name)["TopicArn"] for name in ("direct", "by-queue"))
    sns.subscribe(TopicArn=direct, Protocol="lambda", Endpoint=listener)
    sns.subscribe(TopicArn=by_queue, Protocol="sqs", Endpoint=arn)
    client(cloud, "sqs").set_queue_attributes(QueueUrl=queue(cloud, "sns-traced")[0], Attributes={
        "Policy": json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": arn,
                              "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}]})})
    subscribed(cloud, listener, arn)
    for topic in (direct, by_queue):
        root = trace.new_root()
        traced(cloud, "sns", root).publish(TopicArn=topic, Message="hello")
        published = eventually(lambda r=root: rows(cloud, "SELECT * FROM call WHERE trace = ?", r))[0]
        assert published["action"] == "Publish" and published["parent"] == "00000000000000aa"
        assert invocation(cloud, root)["parent"] == published["span"]


@pytest.mark.long
def test_streams_of_records(cloud: Cloud, listener: str) -> None:
    table = client(cloud, "dynamodb").create_table(
        TableName="traced", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"})["TableDescription"]
    kinesis = client(cloud, "kinesis")
    kinesis.create_stream(StreamName="traced", ShardCount=1)
    stream = kinesis.describe_stream(StreamName="traced")["StreamDescription"]["StreamARN"]
    for source in (table["LatestStreamArn"], stream):
        subscribed(cloud, listener, source, StartingPosition="TRIM_HORIZON", BatchSize=1)
    one, two = trace.new_root(), trace.new_root()
    traced(cloud, "dynamodb", one).put_item(TableName="traced", Item={"id": {"S": "1"}})
    traced(cloud, "kinesis", two).put_record(StreamName="traced", Data=b"1", PartitionKey="1")
    assert invocation(cloud, one)["trigger"] == "dynamodb traced (1 change)"
    assert invocation(cloud, two)["trigger"] == "kinesis traced (1 record)"


@pytest.mark.long
def test_events_and_objects(cloud: Cloud, listener: str) -> None:
    events, s3 = client(cloud, "events"), client(cloud, "s3")
    events.put_rule(Name="traced", EventPattern='{"source": ["shop"]}')
    events.put_targets(Rule="traced", Targets=[{"Id": "1", "Arn": listener}])
    s3.create_bucket(Bucket="traced")
    s3.put_bucket_notification_configuration(Bucket="traced", NotificationConfiguration={
        "LambdaFunctionConfigurations": [{"LambdaFunctionArn": listener, "Events": ["s3:ObjectCreated:*"]}]})
    one, two = trace.new_root(), trace.new_root()
    traced(cloud, "events", one).put_events(Entries=[{"Source": "shop", "DetailType": "sold", "Detail": "{}"}])
    traced(cloud, "s3", two).put_object(Bucket="traced", Key="a.txt", Body=b"1")
    assert invocation(cloud, one)["trigger"] == "shop sold"
    assert invocation(cloud, two)["trigger"] == "s3 ObjectCreated:Put a.txt"


@pytest.mark.long
def test_tries_have_one_parent_and_what_follows_a_failure_goes_on(cloud: Cloud, listener: str) -> None:
    _, arn = queue(cloud, "dead-traced")
    name = function(cloud, "def handler(event, context):\n    raise KeyError('nope')\n", STREAMS)
    functions, root = client(cloud, "lambda"), trace.new_root()
    functions.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=1,
                                               DestinationConfig={"OnFailure": {"Destination": arn}})
    subscribed(cloud, listener, arn)
    traced(cloud, "lambda", root).invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")
    buried = invocation(cloud, root, listener.rpartition(":")[2])
    tries = rows(cloud, "SELECT * FROM invocation WHERE trace = ? AND function = ? ORDER BY id", root, name)
    assert len(tries) == 2 and len({t["parent"] for t in tries}) == 1 and all(t["failed"] for t in tries)
    assert buried["parent"] == tries[1]["span"] and tries[0]["error"] == "KeyError"


def test_a_request_its_calls_and_its_lines(cloud: Cloud) -> None:
    client(cloud, "s3").create_bucket(Bucket="calls-out")
    name = function(cloud, CALLS, STREAMS, environment={"OUT": "calls-out"})
    root = trace.new_root()
    with urlopen(Request(url(cloud, name), headers={"x-amzn-trace-id": f"Root={root}"}), timeout=30) as answer:
        assert answer.status == 200
    made = invocation(cloud, root)
    assert (made["function"], made["cold"], made["trigger"]) == (name, 1, "GET /") and made["ms"] > 0
    call = eventually(lambda: rows(cloud, "SELECT * FROM call WHERE trace = ?", root))[0]
    assert (call["service"], call["action"], call["resource"]) == ("s3", "PutObject", "calls-out/one")
    assert call["parent"] == made["span"] and call["function"] == name and call["status"] == 200


def test_a_request_begins_a_trace_and_the_function_is_given_it(cloud: Cloud) -> None:
    show = "import os\ndef handler(event, context):\n    return event['headers']['x-amzn-trace-id'] + ' ' + " \
           "os.environ['_X_AMZN_TRACE_ID']\n"
    with urlopen(url(cloud, function(cloud, show)), timeout=30) as answer:
        given, own = answer.read().decode().strip('"').split(" ")
    assert trace.parse(given)[0] == trace.parse(own)[0] and trace.parse(own)[1]


def test_an_event_is_sent_again(cloud: Cloud) -> None:
    name = function(cloud, "def handler(event, context):\n    return event['queryStringParameters']\n")
    with urlopen(f"{url(cloud, name)}?a=1", timeout=30):
        first = eventually(lambda: rows(cloud, "SELECT * FROM invocation WHERE function = ? AND ms > 0", name))[0]
    assert cloud.replay(first["request"]) == {"payload": {"a": "1"}, "error": ""}
    edited = cloud.replay(first["request"], '{"queryStringParameters": 7}')
    assert edited == {"payload": 7, "error": ""}
    again = eventually(lambda: rows(cloud, "SELECT * FROM invocation WHERE replay_of = ? AND ms > 0", first["request"]))
    assert all(a["trace"] != first["trace"] for a in again)
    with pytest.raises(SstError, match="can't be sent again"):
        cloud.replay("no-such-request")


@pytest.mark.long
def test_a_message_that_is_given_up_goes_on_from_its_dead_letter_queue(cloud: Cloud, listener: str) -> None:
    sqs, (there, arn), (_, dead) = client(cloud, "sqs"), queue(cloud, "tried-traced"), queue(cloud, "given-up-traced")
    sqs.set_queue_attributes(QueueUrl=there, Attributes={
        "VisibilityTimeout": "1", "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 2})})
    name = function(cloud, "def handler(event, context):\n    raise KeyError('nope')\n", FROM_QUEUE, STREAMS, Timeout=1)
    subscribed(cloud, name, arn)
    subscribed(cloud, listener, dead)
    root = trace.new_root()
    traced(cloud, "sqs", root).send_message(QueueUrl=there, MessageBody="x")
    buried = invocation(cloud, root, listener.rpartition(":")[2])
    assert buried["trigger"] == "sqs given-up-traced (1 message)"
    assert len(rows(cloud, "SELECT * FROM invocation WHERE trace = ? AND function = ?", root, name)) == 2


@pytest.mark.long
def test_a_workflow(cloud: Cloud, listener: str) -> None:
    made = client(cloud, "stepfunctions").create_state_machine(
        name="traced", roleArn=role(cloud, "workflow", INVOKE, service="states"), definition=json.dumps({
            "StartAt": "One", "States": {
                "One": {"Type": "Task", "Resource": listener, "Next": "Two"},
                "Two": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True,
                        "Parameters": {"FunctionName": listener, "Payload.$": "$"}}}}))["stateMachineArn"]
    root = trace.new_root()
    traced(cloud, "stepfunctions", root).start_execution(stateMachineArn=made, input="{}")
    seen = eventually(lambda: [r for r in rows(cloud, "SELECT * FROM invocation WHERE trace = ? AND ms > 0", root)
                               if not r["failed"]])
    eventually(lambda: len(rows(cloud, "SELECT * FROM invocation WHERE trace = ? AND ms > 0", root)) == 2)
    begun = rows(cloud, "SELECT span FROM call WHERE trace = ? AND action = 'StartExecution'", root)[0]["span"]
    assert seen[0]["parent"] == begun
